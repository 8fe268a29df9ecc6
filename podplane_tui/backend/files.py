"""Reading what others may have put there, and writing so that nobody ever sees half of it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO

from podplane_tui.backend.errors import CorruptFile

MAX_SMALL_FILE = 64 * 1024
"""Bytes. No PID or state file is anywhere near as large; what is larger is not read."""


def open_regular(path: Path, *, follow_links: bool) -> BinaryIO:
    """Open a regular file for reading. Raises `OSError` for anything else; never waits for a FIFO."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    handle = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return open(handle, "rb")  # noqa: PTH123 - a descriptor, not a path


def read_small_file(path: Path, *, limit: int = MAX_SMALL_FILE) -> bytes | None:
    """The content of a regular file of at most `limit` bytes, or None when there is no such file.

    Raises `CorruptFile` for anything else that may stand there: a directory, a FIFO (never waited for), a symbolic
    link (never followed), a file that is too large or may not be read.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        if path.is_symlink():
            raise CorruptFile(f"{path} is a symbolic link, which podplane never makes: remove it") from error
        raise CorruptFile(f"{path} can't be read: {error.strerror}") from error
    if len(content) > limit:
        raise CorruptFile(f"{path} is larger than {limit} bytes, so it is not what its name says: remove it")
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


def write_atomic(path: Path, content: bytes, *, mode: int) -> None:
    """Replace `path` as one step, durably: readers see the old content or the new, also after a power cut."""
    private_directory(path.parent)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def disk_usage(path: Path) -> int:
    """Bytes that `path`, a file or a folder with all it holds, takes on its disk. Links are not followed."""
    total = 0
    with contextlib.suppress(OSError):
        total = path.lstat().st_blocks * 512
        if path.is_dir() and not path.is_symlink():
            total += sum(disk_usage(child) for child in path.iterdir())
    return total
