"""Reading what others may have put there, and writing so that nobody ever sees half of it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from podplane_tui.backend.core.errors import CorruptFile, VMError

ASIDE = "repair the VM to move it aside"
"""What to do about a file of a VM that is not what its name says."""

MAX_SMALL_FILE = 64 * 1024
"""Bytes. No PID or state file is anywhere near as large; what is larger is not read."""

_WHAT_TO_DO = {
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some of your quota",
    errno.EROFS: "make that file system writable",
    errno.EIO: "check that disk for errors",
    errno.EACCES: "check who owns it and its mode",
    errno.EPERM: "check who owns it and its mode",
    errno.ENOENT: "check that the path exists",
    errno.EINVAL: "check the path",
    errno.ELOOP: "check the symbolic links in that path",
    errno.ENOTDIR: "move the file in its way aside, or repair the VM",
    errno.EEXIST: "move the file in its way aside, or repair the VM",
    errno.EISDIR: "move that directory aside, or repair the VM",
    errno.ENAMETOOLONG: "choose a directory with a shorter name",
    errno.EMFILE: "end some programs, or raise ulimit -n",
    errno.ENFILE: "end some programs",
    errno.EAGAIN: "end some programs, or raise ulimit -u",
    errno.ENOMEM: "end some programs to free memory",
    errno.EBUSY: "end the program that uses it",
    errno.ETXTBSY: "end the program that uses it",
    errno.ENETUNREACH: "check the network of this host",
    errno.EHOSTUNREACH: "check the network of this host",
}


def explain_os_error(error: OSError) -> str:
    """What the system refused, where, and what can be done about it, in one clause."""
    words, advice = os_error_parts(error)
    return words + (f"; {advice}" if advice else "")


def os_error_parts(error: OSError) -> tuple[str, str]:
    """The same as two parts: what the system refused and where, and what can be done about it, "" when unknown."""
    words = error.strerror or str(error) or type(error).__name__
    place = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, (str, bytes, os.PathLike)) else ""
    return words + place, _WHAT_TO_DO.get(error.errno or 0, "")


@contextlib.contextmanager
def os_errors_as(kind: type[VMError], problem: str) -> Iterator[None]:
    """Turn what the operating system refuses inside into a `kind` that begins with `problem`."""
    try:
        yield
    except OSError as error:
        raise os_error_as(kind, problem, error) from error


def os_error_as(kind: type[VMError], problem: str, error: OSError) -> VMError:
    """The `kind` that begins with `problem` and tells what the operating system refused."""
    words, advice = os_error_parts(error)
    return kind(f"{problem}: {words}", hint=advice)


def open_regular(path: Path | str, *, follow_links: bool) -> BinaryIO:
    """Open a regular file for reading. Raises `OSError` for anything else; never waits for a FIFO."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    try:
        handle = os.open(path, flags)
    except ValueError as error:  # a NUL, or half of a character
        raise OSError(errno.EINVAL, "no file can have this name", str(path)) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return open(handle, "rb")  # noqa: PTH123 - a descriptor, not a path


def read_small_file(path: Path, *, limit: int = MAX_SMALL_FILE, hint: str = ASIDE) -> bytes | None:
    """The content of a regular file of at most `limit` bytes, or None when there is no such file.

    Raises `CorruptFile` for anything else that may stand there: a directory, a FIFO (never waited for), a symbolic
    link (never followed), a file that is too large or may not be read. `hint` says what to do about that.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        if os.path.islink(path):  # noqa: PTH114 - `is_symlink` raises what may have been the trouble
            raise CorruptFile(f"{path} is a symbolic link, which podplane never creates", hint=hint) from error
        raise CorruptFile(f"{path} can't be read: {error.strerror}", hint=hint) from error
    if len(content) > limit:
        raise CorruptFile(f"{path} is larger than {limit} bytes, so it is not what its name says", hint=hint)
    return content


def private_directory(path: Path) -> Path:
    """Make `path` and its missing parents with mode 0700; those that exist keep their mode."""
    missing = []
    current = path
    while not current.exists():
        missing.append(current)
        current = current.parent
    for directory in reversed(missing):
        directory.mkdir(mode=0o700, exist_ok=True)
    return path


# Temporary files: `.<name>.<maker's PID>-<anything>.tmp` beside <name>, so that those of a maker that was killed can be
# told from those in use.
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<maker>\d{1,10})-[^.]*\.tmp")


def temporary_beside(path: Path) -> Path:
    """A path beside `path` to make a file at that then takes the place of `path`; this thread's own."""
    return path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns()}.tmp")


def stale_temporaries(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """The temporary files that makers which are gone left beside `paths`."""
    found = []
    for directory in sorted({path.parent for path in paths}):
        names = {path.name for path in paths if path.parent == directory}
        with contextlib.suppress(OSError), os.scandir(directory) as entries:
            for entry in entries:
                match = _TEMPORARY.fullmatch(entry.name)
                if match and match["name"] in names and not _is_process(int(match["maker"])):
                    found.append(directory / entry.name)
    return tuple(sorted(found))


def _is_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 asks and does nothing
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


class PowerCut(Enum):
    """What stands in a file that was written just before the power went."""

    NEW = "what was written"
    NEW_OR_OLD = "that, or what stood there before"
    ANYTHING = "anything: for what is of no use then, or written anew"


def write_atomic(path: Path, content: bytes | bytearray, *, mode: int, after: PowerCut = PowerCut.NEW) -> None:
    """Replace `path` as one step: readers see the old content or the new; `after` a power cut what that says."""
    with staged(path, content, mode=mode, after=after) as put:
        put()


@contextlib.contextmanager
def staged(
    path: Path, content: bytes | bytearray, *, mode: int, after: PowerCut = PowerCut.NEW
) -> Iterator[Callable[[], None]]:
    """Write the new content of `path` beside it; a call of what this gives puts it in place, and without one it goes.

    For who has the time to write before the moment at which it is to count.
    """
    private_directory(path.parent)
    temporary = temporary_beside(path)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            os.fchmod(file.fileno(), mode)
            file.write(content)
            if after is not PowerCut.ANYTHING:
                file.flush()
                os.fsync(file.fileno())

        def put() -> None:
            temporary.replace(path)
            if after is PowerCut.NEW:
                sync_directory(path.parent)

        yield put
    finally:
        temporary.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Make the content of a file durable."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    directory = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def set_aside(path: Path) -> Path:
    """Rename whatever stands at `path` to `<name>.broken-<UTC>`, so that nothing is lost unseen; give the new path."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = path.with_name(f"{path.name}.broken-{stamp}")
    number = 1
    while os.path.lexists(target):
        number += 1
        target = path.with_name(f"{path.name}.broken-{stamp}-{number}")
    path.rename(target)
    return target


def disk_usage(path: Path) -> int:
    """Bytes that `path`, a file or a folder with all it holds, takes on its disk. Links are not followed.

    What can't be looked at counts for nothing.
    """
    total, folders = 0, []
    with contextlib.suppress(OSError):
        info = path.lstat()
        total = info.st_blocks * 512
        folders = [os.fspath(path)] if stat.S_ISDIR(info.st_mode) else []
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
    return total
