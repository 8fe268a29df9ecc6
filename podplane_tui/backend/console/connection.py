"""The connection with a console's socket: made with words about what is wrong, read and written without waiting."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from podplane_tui.backend.core.errors import ConsoleError, VMError
from podplane_tui.backend.core.files import os_error_as
from podplane_tui.backend.core.paths import check_socket_path
from podplane_tui.backend.host.holders import peer_of

CHUNK = 64 * 1024
"""Bytes that are read at once."""

_CONNECT_TIMEOUT = 2.0


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


def send(connection: socket.socket, data: bytearray) -> None:
    """Take from `data` what the guest takes now; all of it when nobody is there to take it."""
    if not data:
        return
    try:
        del data[: connection.send(data)]
    except BlockingIOError:
        return
    except OSError:
        data.clear()
