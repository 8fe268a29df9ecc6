"""What is typed into a VM's console: it goes into the console while we hold it, and waits for it before that."""

from podplane_tui.backend.console.client import ConsoleLine

_MAX_WAITING = 4096
"""Bytes typed before the console is connected."""


class ConsoleSink:
    """The console of one VM as a sink. Nothing written reaches the guest but from `connect` until `disconnect`."""

    def __init__(self) -> None:
        self._line: ConsoleLine | None = None
        self._waiting = b""

    @property
    def backlog(self) -> int:
        """Bytes the guest has yet to take."""
        return len(self._waiting) if self._line is None else self._line.backlog

    def write(self, data: bytes) -> None:
        """Send bytes to the guest; before the console is connected, keep a few for when it is."""
        if self._line is not None:
            self._line.send(data)
        else:
            self._waiting += data[: _MAX_WAITING - len(self._waiting)]

    def resize(self, columns: int, lines: int) -> None:
        """A serial line carries no size."""

    def connect(self, line: ConsoleLine) -> None:
        """The console is ours: send what waits, and all that comes."""
        self._line = line
        waiting, self._waiting = self._waiting, b""
        if waiting:
            line.send(waiting)

    def disconnect(self) -> None:
        """The console is ours no longer."""
        self._line = None

    def forget(self) -> None:
        """Drop what waits: whoever typed it no longer wants to type."""
        self._waiting = b""
