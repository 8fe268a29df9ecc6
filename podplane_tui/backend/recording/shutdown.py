"""How a machine that nobody stopped has ended, as far as what its QEMU left behind tells."""

from __future__ import annotations

import os
from pathlib import Path

from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.files import open_regular
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.runtime.pidfile import PIDFile

POWERED_OFF = "powered off by the guest"
"""The hint of such a machine."""

_LAST_WORD = b"reboot: Power down"
"""What Linux says, however quiet it is told to be, right before it switches the machine off."""

_TAIL = 1024
"""Bytes at the end of a console in which that stands."""


def powered_off(files: VMFiles, named: PIDFile) -> bool:
    """Whether the guest of the QEMU that its PID file names has switched its machine off. Never raises.

    For a QEMU that is gone and has removed its sockets, as it does at every end but a crash. That is told by the end of
    what its console printed, and not by all of that: it may be long.
    """
    log = (named.data or {}).get("console_log")
    path = _attached_recording(files, named.pid) if log is None else Path(log)
    return path is not None and _LAST_WORD in _tail(path)


def _attached_recording(files: VMFiles, pid: int) -> Path | None:
    """The recording of a QEMU that podplane started, made by whoever was attached to its console.

    One that ended before the PID file was written is of an earlier process of that number.
    """
    from podplane_tui.backend.recording.store import recordings  # noqa: PLC0415 - seldom needed, and not by the first frame

    try:
        since = files.pid_file.lstat().st_mtime
        found = (each for each in recordings(files) if each.pid == pid)
        return next((each.path for each in found if each.ended_at is None or each.ended_at >= since), None)
    except (InvalidInput, OSError):  # no home, so none of our state either; no PID file any more
        return None


def _tail(path: Path) -> bytes:
    try:
        with open_regular(path, follow_links=False) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            return file.read(_TAIL)
    except OSError:
        return b""
