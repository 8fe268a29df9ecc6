"""Locks between processes, and between threads: `flock` on a file that is there for it alone.

The file is removed on release. A holder that is killed leaves the file, but not the lock.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.files import ASIDE, os_error_as, private_directory

if sys.platform != "win32":
    import fcntl

_PATIENCE = 10.0
"""Seconds to wait for whoever changes the same file, which takes no longer than a write."""

_RETRY = 0.01


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Keep others from changing a file between our look at it and our write: theirs would be lost.

    Waits for whoever holds `lock`. Raises `TimeoutError` when that takes too long, `OSError`, and `CorruptFile` when
    there can be no lock there.
    """
    private_directory(lock.parent)
    deadline = time.monotonic() + _PATIENCE
    while (handle := try_acquire(lock)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, "another program holds its lock: end that", str(lock))
        time.sleep(_RETRY)
    try:
        yield
    finally:
        release(lock, handle)


def try_acquire(path: Path) -> int | None:
    """A descriptor that holds the lock, None when somebody else does or the file was replaced meanwhile.

    Raises `CorruptFile` when there can be no lock there.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
            raise _not_a_lock(path) from error
        raise os_error_as(CorruptFile, f"the lock {path} can't be opened", error) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _not_a_lock(path)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A former holder may have removed the file between our open and our flock: then ours locks nothing.
        if os.fstat(handle).st_ino == path.lstat().st_ino:
            return handle
    except OSError:
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def release(path: Path, handle: int) -> None:
    """Let go of what `try_acquire` gave. The file goes as well, unless somebody has put another lock in its place."""
    with contextlib.suppress(OSError):
        if os.fstat(handle).st_ino == path.lstat().st_ino:
            path.unlink()
    os.close(handle)


def _not_a_lock(path: Path) -> CorruptFile:
    return CorruptFile(f"the lock {path} is not a regular file", hint=ASIDE)
