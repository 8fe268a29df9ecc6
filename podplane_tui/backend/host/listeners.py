"""Who listens on which TCP ports of this host.

On Linux the kernel is asked for listening sockets alone (`sock_diag(7)`): to tell of all connections, as files of /proc
do, it looks through a table that is made for half a million of them, which takes 9 ms and holds a CPU for as long.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Collection

from podplane_tui.backend.host.processes import NO_PROCESS, pids

if sys.platform == "linux":
    # From linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h and net/tcp_states.h.
    _NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST_ALL, _ERROR, _DONE = 4, 20, 0x301, 2, 3
    _LISTENING = 1 << 10
    _HEADER = struct.Struct("=IHHII")
    _QUESTION = struct.Struct("=BBBBI48x")
    _PORT, _INODE = struct.Struct("!20xH"), struct.Struct("=84xI")
    _PIECE = 64 * 1024
    _PATIENCE = 1.0
    """Seconds. The answer is there when the question has been put; who only plays a kernel may not know of it."""


def listeners(ports: Collection[int]) -> dict[int, int | None]:
    """Those of these TCP ports that somebody listens on, and which process does, None where that can't be told.

    Raises `OSError` and `psutil.Error` when the system tells nothing. Looks at every process.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, struct.error):
            return _owners(_sockets(ports))
    import psutil  # noqa: PLC0415 - takes longer to import than the kernel to answer

    return {
        connection.laddr.port: connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in ports
    }


def listens(pid: int, port: int) -> bool | None:
    """Whether process `pid` listens on a TCP port of this host; None where that can't be told. Never raises.

    Elsewhere than on Linux psutil is asked, which tells of the processes of this user. That is not tested.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, struct.error):
            return _has_one_of(pid, _sockets([port]))
    import psutil  # noqa: PLC0415 - as above

    try:
        return any(
            each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
            for each in psutil.Process(pid).net_connections("tcp")
        )
    except (psutil.Error, OSError):
        return None


if sys.platform == "linux":

    def _has_one_of(pid: int, sockets: Collection[str]) -> bool | None:
        """Whether the process has a descriptor of one of these sockets; None where it is not for us to look at."""
        try:
            names = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - as below
        except PermissionError:
            return None
        except NO_PROCESS:
            return False
        for name in names:
            with contextlib.suppress(*NO_PROCESS):
                if os.readlink(f"/proc/{pid}/fd/{name}") in sockets:  # noqa: PTH115 - as below
                    return True
        return False

    def _sockets(ports: Collection[int]) -> dict[str, int]:
        """The sockets that listen on these ports, by what a descriptor of theirs is a link to. Raises `OSError`."""
        found = {}
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(_PATIENCE)
            for family in (socket.AF_INET, socket.AF_INET6):
                question = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0, _LISTENING)
                size = _HEADER.size + len(question)
                kernel.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _REQUEST_ALL, 0, 0) + question)
                kind, rest = 0, b""
                while kind != _DONE:
                    rest = rest or kernel.recv(_PIECE)
                    size, kind, *_ = _HEADER.unpack_from(rest)
                    if kind == _ERROR or size < _HEADER.size:
                        raise OSError("the kernel does not tell of sockets")
                    if kind == _SOCK_DIAG_BY_FAMILY:
                        (port,), (inode,) = _PORT.unpack_from(rest), _INODE.unpack_from(rest)
                        if port in ports:
                            found[f"socket:[{inode}]"] = port
                    rest = rest[size + -size % 4 :]
        return found

    def _owners(sockets: dict[str, int]) -> dict[int, int | None]:
        """The ports of these sockets, and the process that has a descriptor of each, if that is for us to see."""
        owners: dict[int, int | None] = dict.fromkeys(sockets.values())
        for pid in pids() if owners else ():
            if None not in owners.values():
                break
            with contextlib.suppress(*NO_PROCESS):
                for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - names are all that is needed
                    with contextlib.suppress(FileNotFoundError):
                        port = sockets.get(os.readlink(f"/proc/{pid}/fd/{name}"))  # noqa: PTH115 - no path of a file
                        if port is not None and owners[port] is None:  # the first has it, others were given it
                            owners[port] = pid
        return owners
