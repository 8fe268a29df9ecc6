"""What is typed at a console, on its way to the guest, and the key that detaches. Pure."""

from __future__ import annotations

from podplane_tui.backend.console.connection import MAX_PENDING

DETACH = b"\x1d"
"""Ctrl-]"""


class Typed:
    """Input that the guest has yet to take.

    `keyboard` is for input from a terminal: it is read however much waits, to notice the key that detaches, so what is
    beyond the limit is `lost`; and its end means that the terminal has hung up. A pipe or a file waits, and may end.
    """

    def __init__(self, pending: bytearray, *, keyboard: bool) -> None:
        self.pending = pending
        """Who sends it takes it away from the front."""
        self.lost = 0
        """Bytes there was no room for."""
        self._keyboard = keyboard
        self._open = True

    @property
    def wants_more(self) -> bool:
        """Whether the input is to be read."""
        return self._open and (self._keyboard or len(self.pending) < MAX_PENDING)

    def feed(self, data: bytes) -> bool:
        """Take the next bytes, b"" at the end of the input; whether they detach.

        What was typed before the key is for the guest, what comes after it is lost.
        """
        before, detach, _ = data.partition(DETACH)
        self._open = bool(data)
        room = MAX_PENDING - len(self.pending) if self._keyboard else len(before)
        self.pending += before[:room]
        self.lost += len(before[room:])
        return bool(detach) or (self._keyboard and not self._open)
