"""Fixtures of tests of recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from tests.backend.recording.support import can_punch


@pytest.fixture
def files(tmp_path: Path) -> VMFiles:
    return VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run", tmp_path / "state")


@pytest.fixture
def trimming(tmp_path: Path) -> None:
    if not can_punch(tmp_path):
        pytest.skip("this file system can't free the middle of a file")
