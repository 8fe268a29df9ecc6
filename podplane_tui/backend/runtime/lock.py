"""One verb at a time: an advisory lock per machine, which also tells everybody else what is being done.

The lock is `flock` on `<stem>.lock`; the file holds `{"verb", "pid", "since"}` while it is held, and a `phase` where
the verb consists of others. It is removed on release. A holder that is killed leaves the file, but not the lock, so it
counts for nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from podplane_tui.backend.core.errors import Busy, CorruptFile
from podplane_tui.backend.core.file_lock import release, try_acquire
from podplane_tui.backend.core.files import os_error_as, private_directory
from podplane_tui.backend.core.status import Action

if sys.platform != "win32":
    import fcntl

_PATIENCE = 0.5
"""Seconds to keep trying: somebody who only looks holds the lock shared for an instant."""

_MAX_BYTES = 4096
_LENGTH = 160
"""Bytes of what we write: always as long, so that one write replaces all of what stood there."""


def _parse(content: bytes) -> Action | None:
    try:
        value = json.loads(content)
        phase = value.get("phase", "")
        return Action(str(value["verb"])[:20], int(value["pid"]), float(value["since"]), str(phase)[:20])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def current_action(path: Path | str) -> Action | None:
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


class HeldLock:
    """A lock in our hands; tells others what it is held for."""

    def __init__(self, handle: int, verb: str) -> None:
        self._handle = handle
        self._about: dict[str, object] = {"verb": verb, "pid": os.getpid(), "since": round(time.time(), 3)}

    def tell(self, phase: str = "") -> None:
        """Say which part of the verb is being done."""
        about = {**self._about, "phase": phase} if phase not in ("", self._about["verb"]) else self._about
        # On a full disk the lock still locks: that nobody can read what for is no reason to fail.
        with contextlib.suppress(OSError):
            os.pwrite(self._handle, json.dumps(about).encode().ljust(_LENGTH), 0)
            os.ftruncate(self._handle, _LENGTH)


@contextlib.contextmanager
def vm_lock(path: Path, verb: str) -> Iterator[HeldLock]:
    """Hold the lock at `path` for `verb`.

    Raises `Busy`, saying who does what, when it is held already, and `CorruptFile` when there can be no lock there.
    """
    try:
        private_directory(path.parent)
    except OSError as error:
        raise os_error_as(CorruptFile, f"the folder {path.parent} can't be used", error) from error
    deadline = time.monotonic() + _PATIENCE
    while (handle := try_acquire(path)) is None:
        action = current_action(path)
        if time.monotonic() > deadline:
            what = f"{action.verb!r} by process {action.pid}" if action else "another action"
            raise Busy(f"{what} is in progress on this VM", hint="wait for it to end")
        time.sleep(0.02)
    try:
        held = HeldLock(handle, verb)
        held.tell()
        yield held
    finally:
        release(path, handle)
