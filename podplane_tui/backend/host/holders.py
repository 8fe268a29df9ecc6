"""Who has a file open, and who answers at a Unix socket.

Of an image neither QEMU's locks nor open descriptors tell enough alone. The locks show every QEMU, `qemu-nbd` and
`qemu-storage-daemon`, whoever runs them and in whatever namespace; but QEMU takes none with `locking=off` or while it
waits for a migration. Descriptors show every program, but only this user's, unless root asks. No lock is ever taken.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import stat
import struct
import sys
from collections.abc import Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.paths import socket_path_limit
from podplane_tui.backend.host.processes import NO_PROCESS, directory_of, pids, stat_of

Listeners = Mapping[int, tuple[str, ...]]
"""Unix sockets by their inodes, with the paths that they may have."""


class Lock(IntEnum):
    """What the locks on an image say: nobody has it, or somebody for reading, or somebody for writing.

    `UNKNOWN` is where they can't be asked: a file that may not be read, a file system or a platform without them.
    """

    UNKNOWN = -1
    NONE = 0
    READER = 1
    WRITER = 2


class Opened(NamedTuple):
    """What a process has open: the files it may write, and the Unix sockets it listens on, by the paths they got.

    Files are given by device and inode; of those that no name leads to any more, `removed` has the last path. `reads`
    are those that it may not write.
    """

    writes: frozenset[tuple[int, int]]
    removed: frozenset[str]
    listens: frozenset[str]
    reads: frozenset[tuple[int, int]] = frozenset()


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
        return peer_of(connection)


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

    _EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})

    _LISTENER = re.compile(rb"^[0-9a-f]+: [0-9A-F]+ [0-9A-F]+ 00010000 [0-9A-F]+ [0-9A-F]+ +(\d+) (.+)$", re.MULTILINE)
    """A line of /proc/net/unix: address, users, protocol, flags (this one: it listens), type, state, inode, path."""

    def peer_of(connection: socket.socket) -> int:
        """The process that listens where this Unix socket is connected to; 0 when it can't be told. Raises `OSError`.

        That is who called listen(2), even if others have the socket open now.
        """
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
        except OSError as error:
            if error.errno in _NO_FILE:
                return ()
            raise
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

    def unix_listeners(pid: int | None = None) -> Listeners:
        """The Unix sockets in the network namespace of process `pid`, or in ours, that somebody listens on.

        Each by its inode, with its path. The kernel escapes nothing: a path that holds a line break can look like the
        line of another socket. So one may get several paths, of which one is true; none can lose its own. Raises
        `OSError`.
        """
        found: dict[int, tuple[str, ...]] = {}
        for inode, path in _LISTENER.findall(Path(f"/proc/{pid or 'self'}/net/unix").read_bytes()):
            found[int(inode)] = (*found.get(int(inode), ()), os.fsdecode(path))
        return found

    def _is_in_our_network(pid: int) -> bool:
        ours, its = (os.stat(f"/proc/{each}/ns/net") for each in ("self", pid))  # noqa: PTH116 - as elsewhere here
        return (ours.st_dev, ours.st_ino) == (its.st_dev, its.st_ino)

    def _spelled(pid: int, path: str) -> str:
        """The path of a socket that process `pid` has made, which may be one in its directory."""
        return path if path.startswith(("/", "@")) else str(directory_of(pid) / path)

    def opened_by(pid: int, listeners: Listeners) -> Opened | None:
        """What process `pid` has open; None where it is gone, or not for us to look at.

        `listeners` are those of `unix_listeners`, here. Raises `OSError` when we are out of descriptors or memory.
        """
        writes: set[tuple[int, int]] = set()
        reads: set[tuple[int, int]] = set()
        removed: set[str] = set()
        listens: set[str] = set()
        seen = False
        with contextlib.suppress(OSError):
            if not _is_in_our_network(pid):
                listeners = unix_listeners(pid)
        try:
            numbers = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - names alone
        except NO_PROCESS:
            return None
        for number in numbers:
            try:
                info = os.stat(f"/proc/{pid}/fd/{number}")  # noqa: PTH116 - see `_modes`
                seen = True
                if stat.S_ISSOCK(info.st_mode):
                    listens.update(_spelled(pid, path) for path in listeners.get(info.st_ino, ()))
                elif stat.S_ISREG(info.st_mode) or stat.S_ISBLK(info.st_mode):
                    (writes if _may_write(pid, number) else reads).add((info.st_dev, info.st_ino))
                    if not info.st_nlink:
                        path = os.readlink(f"/proc/{pid}/fd/{number}")  # noqa: PTH115 - as the kernel spells it
                        removed.add(path.removesuffix(" (deleted)"))
            except OSError as error:  # closed meanwhile, or something that can't be asked, which is no image
                if error.errno in _EXHAUSTED:
                    raise
        if not seen:
            return None
        return Opened(frozenset(writes), frozenset(removed), frozenset(listens), frozenset(reads - writes))

    def has_open(pid: int, magic: bytes) -> bool:
        """Whether process `pid` has a file open that begins with `magic`. Never raises."""
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - names alone
                with contextlib.suppress(OSError):
                    path = f"/proc/{pid}/fd/{number}"
                    if stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - see `_modes`
                        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                            if file.read(len(magic)) == magic:
                                return True
        return False

    def _may_write(pid: int, number: str) -> bool:
        for line in Path(f"/proc/{pid}/fdinfo/{number}").read_text("ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "flags":
                return int(value, 8) & os.O_ACCMODE != os.O_RDONLY
        return True

else:
    import psutil

    _SOL_LOCAL, _LOCAL_PEERPID = 0, 2  # sys/un.h

    def peer_of(connection: socket.socket) -> int:
        return connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)

    def _lock_of(_handle: int) -> Lock:
        return Lock.UNKNOWN  # macOS has no such locks

    def unix_listeners() -> Listeners:
        return {}  # `opened_by` asks for those of its process

    def has_open(pid: int, magic: bytes) -> bool:
        """The same, as far as psutil tells. Not tested."""
        with contextlib.suppress(psutil.Error, OSError):
            for each in psutil.Process(pid).open_files():
                with Path(each.path).open("rb") as file:
                    if file.read(len(magic)) == magic:
                        return True
        return False

    def opened_by(pid: int, _listeners: Listeners) -> Opened | None:
        """The same, as far as psutil tells: not of files that were removed. Not tested, as `holders`."""
        writes = set()
        try:
            process = psutil.Process(pid)
            for each in process.open_files():
                info = os.stat(each.path)  # noqa: PTH116 - the mode is not told
                writes.add((info.st_dev, info.st_ino))
            listens = {each.laddr for each in process.net_connections("unix") if isinstance(each.laddr, str)}
        except (psutil.Error, OSError):
            return None
        return Opened(frozenset(writes), frozenset(), frozenset(listens))

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
