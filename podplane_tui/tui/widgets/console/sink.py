"""What is typed into a VM's console: it goes into the console while we hold it, and waits for it before that."""

from podplane_tui.backend.console.client import ConsoleLine
from podplane_tui.backend.console.connection import MAX_PENDING


class ConsoleSink:
    """The console of one VM as a sink. Nothing written reaches the guest but from `connect` until `disconnect`."""

    def __init__(self) -> None:
        self._line: ConsoleLine | None = None
        self._waiting = bytearray()

    @property
    def backlog(self) -> int:
        """Bytes the guest has yet to take."""
        return len(self._waiting) if self._line is None else self._line.backlog

    def write(self, data: bytes) -> bool:
        """Send bytes to the guest, or keep them for when the console is connected; False when too many wait already."""
        if self._line is not None:
            return self._line.send(data)
        if len(self._waiting) + len(data) > MAX_PENDING:
            return False
        self._waiting += data
        return True

    def resize(self, columns: int, lines: int) -> None:
        """A serial line carries no size."""

    def connect(self, line: ConsoleLine) -> None:
        """The console is ours: send what waits, and all that comes."""
        self._line = line
        waiting, self._waiting = self._waiting, bytearray()
        if waiting:
            line.send(bytes(waiting))

    def disconnect(self) -> None:
        """The console is ours no longer."""
        self._line = None

    def forget(self) -> int:
        """Drop what waits: whoever typed it no longer wants to type. Gives how many bytes that were."""
        waiting, self._waiting = len(self._waiting), bytearray()
        return waiting
