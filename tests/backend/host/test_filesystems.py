"""Which file system a file is on, and what is free there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from podplane_tui.backend.host.filesystems import room_of


def test_a_file_is_on_the_file_system_that_is_mounted_above_it(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    file.touch()
    room = room_of(file)
    assert room is not None
    assert os.path.ismount(room.mount_point)
    assert file.resolve().is_relative_to(room.mount_point)
    assert Path(room.mount_point).stat().st_dev == file.stat().st_dev
    assert 0 <= room.free_bytes <= os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize


@pytest.mark.skipif(sys.platform != "linux", reason="a file system in memory is Linux's")
def test_what_counts_is_where_a_link_leads(tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    file = shared / f"pt-{os.getpid()}"
    file.touch()
    try:
        link = tmp_path / "link"
        link.symlink_to(file)
        room = room_of(link)
        told = subprocess.run(["df", "--output=avail", "-B1", file], capture_output=True, text=True, check=True)
    finally:
        file.unlink()
    assert room is not None
    assert room.mount_point == str(shared)
    free = int(told.stdout.split()[1])
    assert abs(room.free_bytes - free) < 2**26  # others use it meanwhile


def test_what_is_not_there_is_nowhere(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert room_of(tmp_path / "none") is None
    assert room_of(loop) is None
