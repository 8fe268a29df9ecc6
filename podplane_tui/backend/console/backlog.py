"""What a terminal has yet to take of a console's output: bounded, and honest about what had to go. Pure."""

from __future__ import annotations

import select

MAX_BACKLOG = 1024 * 1024
"""Bytes; beyond it the oldest half gives way to a note."""

_DROPPED = b"\x18\r\n[%d bytes not shown: this terminal was too slow]\r\n"


class Backlog:
    """Output in order, taken from the front as the terminal takes it."""

    def __init__(self) -> None:
        self._note = b""
        self._data = bytearray()
        self._dropped = 0

    def __bool__(self) -> bool:
        return bool(self._note or self._data)

    def add(self, data: bytes) -> None:
        """Have these bytes shown after all others."""
        self._data += data
        if len(self._data) > MAX_BACKLOG:
            excess = len(self._data) - MAX_BACKLOG // 2
            del self._data[:excess]
            self._dropped += excess

    def head(self) -> bytes:
        """The next bytes: so few that a descriptor that is ready takes them without blocking."""
        if self._dropped and not self._note:
            self._note, self._dropped = _DROPPED % self._dropped, 0
        return self._note or bytes(self._data[: select.PIPE_BUF])

    def remove(self, count: int) -> None:
        """So many bytes of the head were taken."""
        if self._note:
            self._note = self._note[count:]
        else:
            del self._data[:count]
