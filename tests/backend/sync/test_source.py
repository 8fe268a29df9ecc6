"""What a source was and is: when it is lost, and how rsync is given the directory that was looked at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from podplane_tui.backend.sync.source import Seen, emptied, is_empty, is_missing, loss, open_source, see


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    for number in range(12):
        (root / str(number)).touch()
    return root


def test_a_build_that_gives_its_files_new_names_loses_nothing(source: Path) -> None:
    before = see(f"{source}/")
    for number in range(11):
        (source / str(number)).rename(source / f"{number}-5f3a")
    now = see(f"{source}/")
    assert (loss(before, now), emptied(before, now)) == ("", "")


def test_an_emptied_source_is_not_lost_but_told(source: Path) -> None:
    before = see(f"{source}/")
    for entry in source.iterdir():
        entry.unlink()
    now = see(f"{source}/")
    assert loss(before, now) == ""
    assert emptied(before, now) == f"{source}/ is empty now"
    assert emptied(now, now) == ""


def test_a_directory_that_is_made_again_is_the_same(source: Path) -> None:
    before = see(str(source))
    source.rename(source.with_name("moved"))  # so that its inode is not used again
    source.mkdir()
    empty = see(str(source))
    assert empty.identity != before.identity
    assert loss(before, empty) == ""
    assert emptied(before, empty) == f"{source} is empty now"
    (source / "new").touch()
    assert emptied(before, see(str(source))) == ""


def test_a_directory_in_the_place_of_another_is_told(source: Path) -> None:
    """A link that leads elsewhere, a tree of other parents, or a device of its own."""
    link = source.with_name("link")
    link.symlink_to("source")
    before = see(f"{link}/")
    link.unlink()
    shutil.copytree(source, source.with_name("other"))
    link.symlink_to("other")
    assert loss(before, see(f"{link}/")) == f"{link}/ is another directory now"

    below = source / "below"
    below.mkdir()
    before = see(str(below))
    source.rename(source.with_name("moved"))
    below.mkdir(parents=True)
    assert loss(before, see(str(below))) == f"{below} is another directory now"
    assert before.identity is not None
    device, inode = before.identity
    assert loss(before, before._replace(identity=(device + 1, inode))) == f"{below} is another directory now"
    below.rmdir()
    below.touch()
    assert loss(before, see(str(below))) == f"{below} is another kind of file now"


def test_a_file_in_the_place_of_another_is_what_editors_do(source: Path) -> None:
    path = str(source / "1")
    before = see(path)
    (source / "2").replace(source / "1")
    assert loss(before, see(path)) == ""


def test_mounts_that_go_or_come_are_told() -> None:
    on, below = Path("/data"), Path("/data/set")
    before = Seen("/data/", (1, 2), (on, 1, 1), frozenset({on, below}), empty=False, modified=0)
    assert loss(before, before._replace(mounts=frozenset({on}))) == "nothing is mounted on /data/set any more"
    gone = before._replace(identity=(9, 2), mounts=frozenset({below}))
    assert loss(before, gone) == "nothing is mounted on /data any more"
    plain = before._replace(mounts=frozenset())
    assert loss(plain, plain._replace(mounts=frozenset({on}))) == "something else is mounted on /data now"
    assert loss(plain, plain._replace(mounts=frozenset({below}))) == "something else is mounted on /data/set now"


def test_an_open_directory_stays_the_one_that_was_seen(source: Path) -> None:
    with open_source(f"{source}/") as opened:
        source.rename(source.with_name("moved"))
        source.mkdir()
        assert opened.operand is not None
        assert len(list(Path(opened.operand).iterdir())) == 12
        assert opened.named(f'"{opened.operand}x"'.encode()) == f'"{source}/x"'.encode()


def test_what_is_copied_itself_keeps_its_name(source: Path) -> None:
    for path in (str(source), str(source / "1")):
        with open_source(path) as opened:
            assert (opened.operand, opened.handle) == (None, None)
            assert opened.named(b"/proc/self/fd/3") == b"/proc/self/fd/3"


def test_what_is_not_there_is_an_error_of_the_system(source: Path) -> None:
    with pytest.raises(OSError, match="none") as caught:
        see(f"{source}/none")
    assert is_missing(caught.value)
    assert not is_missing(PermissionError(13, "no"))


def test_only_a_directory_without_entries_is_empty(source: Path) -> None:
    (source / "folder").mkdir()
    assert is_empty(f"{source}/folder/")
    assert not is_empty(str(source))
    assert not is_empty(str(source / "1"))
    assert not is_empty(str(source / "none"))
