"""Which file system a file is on, and what is free there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from podplane_tui.backend.host.filesystems import mount_points, room_of
from tests.conftest import missing


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


def test_what_is_mounted_is_found_whatever_its_name() -> None:
    found = mount_points()
    assert Path("/") in found
    if sys.platform == "linux":
        assert Path("/proc") in found


@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces are Linux's")
def test_a_mounted_file_and_a_name_with_spaces_are_found(tmp_path: Path) -> None:
    folder, file = tmp_path / "a b\\c\nd", tmp_path / "file"
    folder.mkdir()
    file.touch()
    program = (
        "from podplane_tui.backend.host.filesystems import mount_points; print(*map(repr, mount_points()), sep='\\0')"
    )
    script = 'mount -t tmpfs none "$1" && mount --bind "$2" "$2" && exec "$3" -c "$4"'
    command = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
        str(folder),
        str(file),
        sys.executable,
        program,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare" in result.stderr:
        missing("this system does not let us make namespaces (unshare --map-root-user --mount)")
    found = result.stdout.rstrip("\n").split("\0")
    assert {repr(folder), repr(file)} <= set(found), result
