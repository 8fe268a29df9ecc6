"""When frames of a terminal are painted: soon after a key, rarely in a flood, and not halfway through an update."""

import asyncio
from collections.abc import Callable
from time import monotonic, thread_time

FRAME_TIME = 1 / 30
LONGEST_FRAME_TIME = 1 / 10
FRAME_SHARE = 20
"""Frames are at least so many times as far apart as one takes to compose: Textual's share of painting comes on top."""
ANSWER_TIME = 0.003
"""Seconds an answer to a key usually takes: a frame before it would only put off the one that shows it."""
ANSWER_FRAMES = 4
"""The first frames after a key may be so many times closer than others."""
SYNCHRONIZED_TIMEOUT = 0.15
"""Seconds a program may hold back painting (mode 2026) before it is painted all the same."""


class FramePacer:
    """Calls ``paint`` for each frame, at once or from a timer of the running event loop.

    ``paint`` returns whether it composed a frame: only then does the time it took say how far apart frames must be.
    """

    def __init__(self, paint: Callable[[], bool]) -> None:
        self._paint = paint
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_frame = 0.0
        self._frame_time = FRAME_TIME
        self._synchronized_since: float | None = None

    def request(self, *, last_key: float, synchronized: bool) -> None:
        """Paint now, or when the next frame is due.

        ``last_key`` is when something was last sent to the guest, in seconds of the monotonic clock. ``synchronized``
        means that the program has begun an update and not ended it.
        """
        now = monotonic()
        due = self._last_frame + self._gap(last_key)
        if not synchronized:
            self._synchronized_since = None
        else:
            self._synchronized_since = self._synchronized_since or now
            due = max(due, self._synchronized_since + SYNCHRONIZED_TIMEOUT)
        if due <= now:
            self._frame()
        elif due != self._due:
            self.cancel()
            self._due = due
            self._timer = asyncio.get_running_loop().call_later(due - now, self._frame)

    def cancel(self) -> None:
        """Paint no frame until the next request."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._due = None

    def _gap(self, last_key: float) -> float:
        """Seconds from the last frame to the next.

        After a key they begin small and double: its answer is seen soon, and many keys do not mean as many frames as
        Textual can paint.
        """
        since_key = self._last_frame - last_key
        return min(self._frame_time, max(self._frame_time / ANSWER_FRAMES, ANSWER_TIME - since_key, since_key))

    def _frame(self) -> None:
        self.cancel()
        self._last_frame = monotonic()
        before = thread_time()  # waiting for other threads is no cost of painting: the next frame need not wait for it
        if self._paint():
            cost = thread_time() - before
            self._frame_time = min(max(FRAME_TIME, cost * FRAME_SHARE), LONGEST_FRAME_TIME)
