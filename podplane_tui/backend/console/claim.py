"""Who has a machine's serial console in hand, and who asks for it: QEMU serves one client at a time.

Two files beside the socket, each locked (`flock`) for as long as what it stands for lasts: `<stem>.console.lock` by
whoever of ours is connected, `<stem>.console.ask` by whoever waits for that one to let go. Both say who that is,
`{"pid", "since", "who"}`. A lock ends with its process, so one that was killed neither holds nor asks.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.core.errors import Cancelled, ConsoleHeld, CorruptFile, QMPError
from podplane_tui.backend.core.file_lock import release, try_acquire
from podplane_tui.backend.core.files import os_error_as, private_directory
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.qemu import qmp

if sys.platform != "win32":
    import fcntl

LOOK_INTERVAL = 0.25
"""Seconds between two looks for somebody who asks."""
IDLE = 30.0
"""Seconds without a key after which a console is handed over to whoever asks, without a word from its holder."""
PATIENCE = 60.0
"""Seconds somebody who asks waits."""

_RETRY = 0.05
_GLANCE = 0.3
"""Seconds to keep trying: somebody who only looks holds a lock shared for an instant."""
_MAX_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Claim:
    """Who holds or asks: in words, the process, and since when (seconds since the epoch)."""

    who: str
    pid: int
    since: float


class Held:
    """A claim of our own, until it is released or, as a context manager, left."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path = path
        self._handle = handle

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def release(self) -> None:
        """End it. Safe to call twice."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            release(self._path, handle)


def own_name(program: str) -> str:
    """This process in words for others: what it is, and on which terminal where it has one."""
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):
            return f"{program} on {os.ttyname(descriptor).removeprefix('/dev/')}"
    return f"{program} (process {os.getpid()})"


def holder(files: VMFiles) -> Claim | None:
    """Who holds the console, as far as it is one of ours. Writes nothing, never raises, never waits."""
    return _claim(files.console_lock)


def asker(files: VMFiles) -> Claim | None:
    """Who asks for the console. Writes nothing, never raises, never waits."""
    return _claim(files.console_request)


def take(files: VMFiles, who: str) -> Held:
    """Hold the console from now on. Raises `ConsoleHeld`, saying who does, and `CorruptFile`."""
    held = _acquire(files.console_lock, who)
    if held is None:
        raise ConsoleHeld(
            f"{_name(holder(files))} is using the console of {files.name}",
            hint="watch it with podplane-tui logs --follow, or request it with podplane-tui console --ask",
        )
    return held


def ask(files: VMFiles, who: str, *, cancel: threading.Event, patience: float = PATIENCE) -> Held:
    """Ask whoever holds the console for it, and hold it as soon as it is let go.

    Blocks. Raises `ConsoleHeld` when it was not let go within `patience` seconds or somebody else asks already,
    `Cancelled` when `cancel` is set, and `CorruptFile`.
    """
    request = _acquire(files.console_request, who)
    if request is None:
        raise ConsoleHeld(
            f"{_name(asker(files))} is already asking for the console of {files.name}", hint="try again in a minute"
        )
    try:
        deadline = time.monotonic() + patience
        while (held := _acquire(files.console_lock, who, patience=0)) is None:
            if time.monotonic() > deadline:
                raise ConsoleHeld(
                    f"{_name(holder(files))} did not hand over the console of {files.name}", hint="ask again later"
                )
            if cancel.wait(_RETRY):
                raise Cancelled(
                    f"the request for the console of {files.name} was cancelled", hint="ask again to get it"
                )
        return held
    finally:
        request.release()


def require_no_other(name: str, control: qmp.ControlSocket | None, console: Path) -> None:
    """Raise `ConsoleHeld` when a program that is not ours is connected to `console`, that of the VM called `name`.

    QEMU lets a second client connect, into silence, so it is asked first, on its socket `control`. Blocks for up to a
    few seconds.
    """
    with contextlib.suppress(QMPError):  # it can't tell, so nothing speaks against trying
        if control is not None and qmp.console_client_connected(control, console):
            raise ConsoleHeld(
                f"a program other than podplane-tui is using the console of {name}", hint="disconnect it there first"
            )


def _name(claim: Claim | None) -> str:
    return "another program" if claim is None else claim.who


def _acquire(path: Path, who: str, *, patience: float = _GLANCE) -> Held | None:
    try:
        private_directory(path.parent)
    except OSError as error:
        raise os_error_as(CorruptFile, f"the folder {path.parent} can't be used", error) from error
    deadline = time.monotonic() + patience
    while (handle := try_acquire(path)) is None:
        if time.monotonic() >= deadline:
            return None
        time.sleep(_RETRY)
    about = {"pid": os.getpid(), "since": round(time.time(), 3), "who": who}
    with contextlib.suppress(OSError):  # on a full disk the lock still locks; only whose it is goes unsaid
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(about).encode(), 0)
    return Held(path, handle)


def _claim(path: Path) -> Claim | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        with contextlib.suppress(OSError):
            return _parse(os.read(handle, _MAX_BYTES))
    finally:
        os.close(handle)
    return None


def _parse(content: bytes) -> Claim:
    try:
        value = json.loads(content)
        return Claim(one_line(str(value["who"]), limit=60), int(value["pid"]), float(value["since"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return Claim("another program", 0, 0.0)
