"""File systems: where something is mounted, which one a file is on, and how much is free there."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from podplane_tui.backend.core.run_states import Room

_OCTAL = re.compile(rb"\\([0-7]{3})")


def mount_points() -> list[Path]:
    """Where something is mounted, a file of another place among it. Raises `OSError`."""
    if sys.platform == "linux":
        # proc(5): the fifth field, in which the kernel writes white space and backslashes in octal.
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
        return [Path(os.fsdecode(_OCTAL.sub(_character, line.split(b" ")[4]))) for line in lines]
    import psutil  # noqa: PLC0415 - only here

    return [Path(each.mountpoint) for each in psutil.disk_partitions(all=True)]


def _character(escape: re.Match[bytes]) -> bytes:
    return bytes([int(escape[1], 8)])


def room_of(path: Path) -> Room | None:
    """Where the file system of `path` is mounted and what this user may still write there; None when that is unknown.

    A link is followed: what counts is where the bytes are.
    """
    try:
        place = path.resolve(strict=True)
        facts = os.statvfs(place)
        device = place.stat().st_dev
        while place != place.parent and place.parent.stat().st_dev == device and not place.is_mount():
            place = place.parent
    except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        return None
    return Room(str(place), facts.f_bavail * facts.f_frsize)
