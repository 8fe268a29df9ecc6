"""The one way in which tests wait: until something is so, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which nobody can hope any more, also on a busy machine."""

_INTERVAL = 0.01
"""Seconds between two looks, not instead of one."""


class _Waiting:
    """One wait: `over` says whether it is over, and fails when it takes too long."""

    def __init__(self, what: str, seconds: float, seen: Callable[[], object] | None) -> None:
        self._what = what
        self._seconds = seconds
        self._seen = seen
        self._end = time.monotonic() + seconds

    def over(self, found: object) -> bool:
        if found:
            return True
        if time.monotonic() < self._end:
            return False
        seen = "" if self._seen is None else f":\n{self._seen()}"
        raise AssertionError(f"waited {self._seconds:g} s in vain for {self._what or 'a condition'}{seen}")


def wait_until(
    condition: Callable[[], T],
    what: str = "",
    *,
    seconds: float = PATIENCE,
    seen: Callable[[], object] | None = None,
    pause: Callable[[], object] | None = None,
) -> T:
    """Wait until `condition` gives something true, and give that.

    `what` names it and `seen` tells what is there instead, for the message when `seconds` have passed in vain. `pause`
    is called between two looks, else they are a moment apart.
    """
    waiting = _Waiting(what, seconds, seen)
    while not waiting.over(found := condition()):
        pause() if pause else time.sleep(_INTERVAL)
    return found


async def until(condition: Callable[[], T], what: str = "", *, seconds: float = PATIENCE) -> T:
    """The same on the event loop, which goes on meanwhile."""
    waiting = _Waiting(what, seconds, None)
    while not waiting.over(found := condition()):  # noqa: ASYNC110 - conditions of all kinds
        await asyncio.sleep(_INTERVAL)
    return found
