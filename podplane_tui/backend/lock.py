"""One verb at a time: an advisory lock per machine, which also tells everybody else what is being done.

The lock is `flock` on `<stem>.lock`; the file holds `{"verb", "pid", "since"}` while it is held and is removed on
release. A holder that is killed leaves the file, but not the lock, so it counts for nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from podplane_tui.backend.errors import Busy, CorruptFile
from podplane_tui.backend.files import private_directory
from podplane_tui.backend.snapshot import Action

if sys.platform != "win32":
    import fcntl

_PATIENCE = 0.5
"""Seconds to keep trying: somebody who only looks holds the lock shared for an instant."""

_MAX_BYTES = 4096


def _parse(content: bytes) -> Action | None:
    try:
        value = json.loads(content)
        return Action(str(value["verb"])[:20], int(value["pid"]), float(value["since"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def current_action(path: Path) -> Action | None:
    """The verb in progress, None when nobody holds the lock at `path`. Writes nothing, never raises, never waits."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _parse(os.read(handle, _MAX_BYTES))
        return None
    except OSError:
        return None
    finally:
        os.close(handle)


def _try_acquire(path: Path) -> int | None:
    """A descriptor that holds the lock, None when somebody else does or the file was replaced meanwhile."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CorruptFile(f"the lock {path} can't be opened: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A former holder may have removed the file between our open and our flock: then ours locks nothing.
        if os.fstat(handle).st_ino == path.stat().st_ino:
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


@contextlib.contextmanager
def vm_lock(path: Path, verb: str) -> Iterator[None]:
    """Hold the lock at `path` for `verb`. Raises `Busy`, saying who does what, when it is held already."""
    private_directory(path.parent)
    deadline = time.monotonic() + _PATIENCE
    while (handle := _try_acquire(path)) is None:
        action = current_action(path)
        if time.monotonic() > deadline:
            what = f"{action.verb!r} by process {action.pid}" if action else "another action"
            raise Busy(f"{what} is in progress on this machine: wait for it to end")
        time.sleep(0.02)
    try:
        content = json.dumps({"verb": verb, "pid": os.getpid(), "since": round(time.time(), 3)})
        os.ftruncate(handle, 0)
        os.pwrite(handle, content.encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)
