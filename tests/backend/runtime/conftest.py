"""What the tests of the files in the runtime directory share."""

from __future__ import annotations

import os
import stat

import pytest


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was made durable, in order: `file` or `directory`."""
    kinds: list[str] = []
    fsync = os.fsync

    def record(handle: int) -> None:
        kinds.append("directory" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record)
    return kinds
