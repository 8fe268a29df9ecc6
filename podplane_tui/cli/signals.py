"""The signals that end a program, for verbs that have something to put right before they end."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Those besides Ctrl-C: SIGTERM from other programs, SIGHUP as the terminal goes, SIGQUIT from its Ctrl-\\."""

Handler = Callable[[int, FrameType | None], object]


class _Ended(BaseException):
    """Leaves a block as KeyboardInterrupt does."""


def heeded(*numbers: signal.Signals) -> tuple[signal.Signals, ...]:
    """Those that this program was not told to ignore, as nohup and shells in the background do."""
    return tuple(number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN)


@contextlib.contextmanager
def handled(handler: Handler, *numbers: signal.Signals) -> Iterator[None]:
    """Have `handler` called at those of these signals that are heeded, as long as the block lasts."""
    previous = {number: signal.signal(number, handler) for number in heeded(*numbers)}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


@contextlib.contextmanager
def unwound() -> Iterator[None]:
    """Let a signal that ends this program leave the block first, as Ctrl-C does. A second one does not wait."""
    received: list[int] = []

    def leave(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)
        raise _Ended

    try:
        with handled(leave, *ENDING_SIGNALS):
            yield
    finally:
        if received:
            os.kill(os.getpid(), received[0])
