"""The file system that a file is on: where it is mounted, and how much is free there."""

from __future__ import annotations

import os
from pathlib import Path

from podplane_tui.backend.core.run_states import Room


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
