"""Blocking work beside the event loop, in threads of its own.

The loop's default executor is not used: the interpreter waits for its threads when the program ends, so one slow look
at a directory would keep the dashboard from quitting at once.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from enum import Enum
from typing import Protocol, TypeVar

T = TypeVar("T")


class AtExit(Enum):
    """What becomes of a thread that still runs when the program ends."""

    ABANDON = "abandon"
    """It dies with the program: for work that changes nothing."""
    FINISH = "finish"
    """The program ends when it has: for work that must not be cut in the middle."""


async def in_thread(function: Callable[[], T], *, name: str, at_exit: AtExit = AtExit.ABANDON) -> T:
    """Run `function` in a new thread and return what it returns or raise what it raises.

    Cancelling the awaiting task does not end the thread; its outcome is dropped then.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type] # None only when T allows it

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = function()
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name=name, daemon=at_exit is AtExit.ABANDON).start()
    return await future


class Attached(Protocol):
    """A widget or a screen."""

    @property
    def is_attached(self) -> bool:
        """Whether it is in an app that does not end."""


async def in_thread_for(node: Attached, function: Callable[[], T], *, name: str) -> T:
    """The same as `in_thread` for what goes on with `node`: cancels the awaiting task when that is gone by then.

    There, nothing can be mounted or found any more.
    """
    try:
        return await in_thread(function, name=name)
    finally:
        if not node.is_attached:
            raise asyncio.CancelledError
