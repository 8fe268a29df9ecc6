"""Who has a file open, and who answers at a Unix socket.

Of an image neither QEMU's locks nor open descriptors tell enough alone. The locks show every QEMU, `qemu-nbd` and
`qemu-storage-daemon`, whoever runs them and in whatever namespace; but QEMU takes none with `locking=off` or while it
waits for a migration. Descriptors show every program, but only this user's, unless root asks. No lock is ever taken.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.paths import socket_path_limit
from podplane_tui.backend.host.processes import NO_PROCESS, pids, stat_of


class Lock(IntEnum):
    """What the locks on an image say: nobody has it, or somebody for reading, or somebody for writing.

    `UNKNOWN` is where they can't be asked: a file that may not be read, a file system or a platform without them.
    """

    UNKNOWN = -1
    NONE = 0
    READER = 1
    WRITER = 2


class Holder(NamedTuple):
    """A process that has a file open: its PID, the name of its program, and whether it may write to the file."""

    pid: int
    program: str
    writes: bool


def image_lock(path: Path) -> Lock:
    """What QEMU's locks say about who uses the image at `path`: nobody where there is no such file. Never raises."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return Lock.NONE
    except OSError as error:
        return Lock.NONE if error.errno in _NO_FILE else Lock.UNKNOWN
    try:
        mode = os.fstat(handle).st_mode
        return _lock_of(handle) if stat.S_ISREG(mode) or stat.S_ISBLK(mode) else Lock.NONE
    except OSError:
        return Lock.UNKNOWN
    finally:
        os.close(handle)


_NO_FILE = frozenset({errno.ELOOP, errno.ENXIO})  # a link to itself; a socket


def answers_at(path: Path) -> int | None:
    """The process that listens on the Unix socket at `path`, 0 when it can't be told; None when nobody does.

    It is connected to for a moment. Raises `OSError` when that can't be found out.
    """
    if len(os.fsencode(path)) > _LONGEST:
        return None  # no socket can be bound to it
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            return None
        except BlockingIOError:
            return 0  # so many wait for an answer already that there is no place left
        except OSError as error:
            if error.errno in _NO_SOCKET:
                return None
            raise
        return _peer_of(connection)


_LONGEST = socket_path_limit()
_NO_SOCKET = frozenset({errno.EPROTOTYPE, errno.ENOTSOCK, errno.ELOOP})

if sys.platform == "linux":
    import fcntl

    _FLOCK = struct.Struct("hhqqi4x")
    """`struct flock` of fcntl(2): type, whence, start, length, PID (0 in a question about OFD locks)."""

    _USERS, _WRITERS = (100, 201), (101, 3)
    """First byte and number of bytes of those that QEMU locks: all of them; those for writing and resizing.

    QEMU locks byte 100 + n for each thing that it does with an image, and 200 + n for each that nobody else may do.
    Something that reads (a backing file, a check) has 100, 201 and 203.
    """

    def _peer_of(connection: socket.socket) -> int:
        answer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iii"))
        pid: int = struct.unpack("iii", answer)[0]
        return pid

    def _lock_of(handle: int) -> Lock:
        if not _locked(handle, *_USERS):
            return Lock.NONE
        return Lock.WRITER if _locked(handle, *_WRITERS) else Lock.READER

    def _locked(handle: int, start: int, length: int) -> bool:
        # QEMU's own locks are shared ones: only the question for an exclusive lock meets them.
        question = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
        answer = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, question)
        kind: int = _FLOCK.unpack(answer)[0]
        return kind != fcntl.F_UNLCK

    def holders(path: Path) -> tuple[Holder, ...]:
        """The other processes seen to have the file at `path` open, by PID. Raises `OSError` where none can be seen.

        That takes a look at every descriptor there is: for use before something is done, not in every look.
        """
        try:
            info = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return ()
        found = []
        for pid in pids():
            if pid != os.getpid():
                modes = list(_modes(pid, (info.st_dev, info.st_ino)))
                if modes:
                    found.append(Holder(pid, _program(pid), any(modes)))
        return tuple(found)

    def _modes(pid: int, identity: tuple[int, int]) -> Iterator[bool]:
        """Of each descriptor of that file in process `pid`, whether it may write. Nothing where we may not look."""
        try:
            numbers = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - names alone
        except NO_PROCESS:
            return
        for number in numbers:
            try:
                info = os.stat(f"/proc/{pid}/fd/{number}")  # noqa: PTH116 - of whatever it is open on, deleted or not
                if (info.st_dev, info.st_ino) == identity:
                    yield _may_write(pid, number)
            except NO_PROCESS:
                continue
            except OSError:  # something that can't be asked is no image
                continue

    def _may_write(pid: int, number: str) -> bool:
        for line in Path(f"/proc/{pid}/fdinfo/{number}").read_text("ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "flags":
                return int(value, 8) & os.O_ACCMODE != os.O_RDONLY
        return True

else:
    import psutil

    _SOL_LOCAL, _LOCAL_PEERPID = 0, 2  # sys/un.h

    def _peer_of(connection: socket.socket) -> int:
        return connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)

    def _lock_of(_handle: int) -> Lock:
        return Lock.UNKNOWN  # macOS has no such locks

    def holders(path: Path) -> tuple[Holder, ...]:
        """The other processes seen to have the file at `path` open. Not tested: no such system was at hand."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and any(path.samefile(each.path) for each in process.open_files()):
                    found.append(Holder(process.pid, _program(process.pid), writes=True))  # the mode is not told
            except (psutil.Error, OSError):
                continue
        return tuple(found)


def _program(pid: int) -> str:
    stat_found = stat_of(pid)
    return "" if stat_found is None else stat_found.name
