"""Reading and writing files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.files import disk_usage, open_regular, private_directory, read_small_file, write_atomic
from tests.conftest import deep_tree


def test_made_directories_are_private_and_existing_ones_keep_their_mode(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    old.chmod(0o755)
    private_directory(old / "new" / "newer")
    assert [stat.S_IMODE((tmp_path / p).stat().st_mode) for p in ("old", "old/new", "old/new/newer")] == [
        0o755,
        0o700,
        0o700,
    ]


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_the_systems_to_refuse(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match="no file can have this name"):
        open_regular(tmp_path / name, follow_links=True)


@pytest.mark.parametrize("name", [pytest.param("x" * 300, id="long"), "a\0b"])
def test_what_cannot_even_be_looked_at_can_not_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorruptFile, match="can't be read"):
        read_small_file(tmp_path / name)


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("podplane_tui.backend.core.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(target, b"new", mode=0o644)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_write_sets_the_mode_whatever_the_umask(tmp_path: Path) -> None:
    previous = os.umask(0o077)
    try:
        write_atomic(tmp_path / "file", b"x", mode=0o644)
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


def test_disk_usage_counts_a_tree_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "file").write_bytes(b"x" * 100_000)
    before = disk_usage(tmp_path / "tree")
    assert before >= 100_000
    (tmp_path / "outside").write_bytes(b"x" * 1_000_000)
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    assert disk_usage(tmp_path / "tree") - before < 100_000
    assert disk_usage(tmp_path / "none") == 0


@pytest.mark.slow
def test_disk_usage_of_a_tree_deeper_than_calls_may_nest(tmp_path: Path) -> None:
    with deep_tree(tmp_path / "tree") as file:
        file.write_bytes(b"x" * 100_000)
        assert disk_usage(tmp_path / "tree") > 100_000
