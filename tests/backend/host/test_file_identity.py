"""One file told from the next of its name and inode."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from podplane_tui.backend.host.file_identity import FileIdentity, file_identity


def test_a_file_is_itself_whatever_is_done_to_it(tmp_path: Path) -> None:
    path, link = tmp_path / "disk", tmp_path / "link"
    path.write_bytes(b"x")
    before = file_identity(path)
    assert before is not None
    path.write_bytes(b"longer")
    os.utime(path, (1, 1))
    path.chmod(0o600)
    moved = path.rename(tmp_path / "moved")
    link.symlink_to(moved)
    assert file_identity(moved) == file_identity(link) == before


def test_the_next_file_of_that_name_is_another(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    keys = set()
    for _ in range(5):
        path.write_bytes(b"x")
        found = file_identity(path)
        assert found is not None
        keys.add(found.key)
        path.unlink()
    assert len(keys) == 5


def test_the_time_of_birth_is_one(tmp_path: Path) -> None:
    before = time.time()
    (tmp_path / "disk").touch()
    found = file_identity(tmp_path / "disk")
    assert found is not None
    if found.born is None:
        pytest.skip("this file system does not tell when a file was made")
    assert before - 1 <= found.born / 1e9 <= time.time()


def test_no_file_has_no_identity(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "none", tmp_path / "none" / "deeper", tmp_path / "loop", Path("a\0b")):
        assert file_identity(path) is None


def test_devices_count_only_where_no_birth_is_told() -> None:
    assert FileIdentity(1, 7, 5).key == FileIdentity(2, 7, 5).key
    assert FileIdentity(1, 7, 5).key != FileIdentity(1, 7, 6).key
    assert FileIdentity(1, 7, None).key != FileIdentity(2, 7, None).key
    assert FileIdentity(1, 7, None).key != FileIdentity(1, 8, None).key
