"""The connection with a console's socket: made with words about what is wrong, read and written without waiting."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from pathlib import Path

from podplane_tui.backend.core.errors import ConsoleError, VMError
from podplane_tui.backend.core.files import os_error_as
from podplane_tui.backend.core.paths import check_socket_path
from podplane_tui.backend.host.holders import peer_of

if sys.platform != "win32":
    import fcntl
    import termios

CHUNK = 64 * 1024
"""Bytes that are read at once."""

MAX_PENDING = 16 * 1024 * 1024
"""Bytes that wait for a guest that does not take them."""

_CONNECT_TIMEOUT = 2.0
_IN_SOCKET = 4096
"""Bytes the socket holds: few, for what is in it can't be counted exactly."""
_LAST_MOMENT = 0.25
_GLANCE = 0.005


def connect(path: Path, pid: int) -> socket.socket:
    """A non-blocking connection with the console socket at `path`, on which process `pid` has to listen.

    Raises `ConsoleError`, `InvalidInput`.
    """
    check_socket_path(path)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_CONNECT_TIMEOUT)
    try:
        connection.connect(os.fspath(path))
        peer = peer_of(connection)
    except OSError as error:
        connection.close()
        raise _connect_error(path, error) from error
    if peer != pid:
        connection.close()
        raise ConsoleError(
            f"{path} is not the console of process {pid}: another process answers there", hint="restart the VM"
        )
    connection.setblocking(False)
    return connection


def _connect_error(path: Path, error: OSError) -> VMError:
    if isinstance(error, FileNotFoundError):
        return ConsoleError(f"there is no console at {path}", hint="start the VM first")
    if isinstance(error, ConnectionRefusedError):
        return ConsoleError(f"QEMU no longer serves the console {path}", hint="start the VM again")
    if isinstance(error, (BlockingIOError, TimeoutError)):
        return ConsoleError(f"other programs are already waiting for the console {path}", hint="end one of them")
    return os_error_as(ConsoleError, f"the console {path} can't be attached", error)


def receive(connection: socket.socket) -> bytes | None:
    """What has come; None when nothing has, b"" at the end."""
    try:
        return connection.recv(CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


class Outgoing:
    """What is typed, on its way to the guest. Nothing of it is lost unseen: `unsent` counts all it has not taken.

    A guest that does not read leaves bytes in `pending`, and in the socket, where QEMU takes them only as its serial
    port has room.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.pending = bytearray()
        self._connection = connection
        self._in_socket = 0
        """Bytes given to the socket since it was seen empty."""
        self._gone = False
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _IN_SOCKET)

    @property
    def wants_to_send(self) -> bool:
        """Whether to call `send` when the socket has room."""
        return bool(self.pending) and not self._gone

    def send(self) -> None:
        """Give the socket what it has room for; nothing once QEMU is gone."""
        if not self.wants_to_send:
            return
        self._in_socket = min(self._in_socket, _queued(self._connection))
        try:
            sent = self._connection.send(self.pending)
        except BlockingIOError:
            return
        except OSError:
            self._gone = True
            return
        del self.pending[:sent]
        self._in_socket += sent

    @property
    def unsent(self) -> int:
        """Bytes that the guest has not taken: exact for as long as few are on their way, else some KiB too many."""
        return len(self.pending) + (min(self._in_socket, _queued(self._connection)) if self._in_socket else 0)

    def finish(self) -> int:
        """Give the guest a moment to take what was typed last; how many bytes it has not taken. Blocks that long."""
        deadline = time.monotonic() + _LAST_MOMENT
        while (unsent := self.unsent) and not self._gone and time.monotonic() < deadline:
            self.send()
            time.sleep(_GLANCE)
        return unsent


def _queued(connection: socket.socket) -> int:
    """At least as many bytes as the other side has not read; 0 where the system does not tell."""
    try:
        return int.from_bytes(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:
        return 0
