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


@pytest.mark.parametrize(
    ("key", "born", "differs"),
    [
        ("7:5", 5, False),
        ("7:6", 5, True),
        ("8:5", 5, True),
        ("7:5", None, False),
        ("8:5", None, True),
        ("7:unknown", 5, False),
        ("7:unknown", None, False),
        ("8:unknown", 5, True),
        ("7:dev66306", 5, False),  # an earlier version's, of a device that may have another number now
        ("", 5, False),
        (None, 5, False),
        (["7:6"], 5, False),
    ],
)
def test_what_is_not_told_is_no_difference(key: object, born: int | None, differs: bool) -> None:
    assert FileIdentity(7, born).differs(key) is differs


def test_a_key_is_that_of_no_other_file() -> None:
    for identity in (FileIdentity(7, 5), FileIdentity(7, None)):
        assert not identity.differs(identity.key)
        assert FileIdentity(8, 5).differs(identity.key)
