"""What a source was and is: when it is lost, and how rsync is given the directory that was looked at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from podplane_tui.backend.sync.source import Seen, is_empty, is_missing, loss, open_source, see


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    for number in range(12):
        (root / str(number)).touch()
    return root


def test_a_source_that_changes_as_usual_is_not_lost(source: Path) -> None:
    before = see(f"{source}/")
    for number in range(6):
        (source / str(number)).unlink()
    (source / "new").mkdir()
    assert loss(before, see(f"{source}/")) == ""


def test_a_few_entries_may_go_at_once(source: Path) -> None:
    before = see(str(source))._replace(names=frozenset("12345"))
    assert loss(before, before._replace(names=frozenset("1"))) == ""
    assert "is empty now" in loss(before, before._replace(names=frozenset()))


def test_a_source_that_lost_most_of_its_entries_is_told(source: Path) -> None:
    before = see(str(source))
    for number in range(7):
        (source / str(number)).unlink()
    assert loss(before, see(str(source))) == f"7 of the 12 entries of {source} are gone"


def test_a_directory_in_the_place_of_another_is_told(source: Path) -> None:
    before = see(str(source))
    shutil.copytree(source, source.with_name("other"))
    source.rename(source.with_name("moved"))
    source.with_name("other").rename(source)
    assert loss(before, see(str(source))) == f"{source} is another directory now"
    shutil.rmtree(source)
    source.touch()
    assert loss(before, see(str(source))) == f"{source} is another kind of file now"


def test_a_file_in_the_place_of_another_is_what_editors_do(source: Path) -> None:
    path = str(source / "1")
    before = see(path)
    (source / "2").replace(source / "1")
    assert loss(before, see(path)) == ""


def test_mounts_that_go_or_come_are_told() -> None:
    on, below = Path("/data"), Path("/data/set")
    before = Seen("/data/", (1, 2), frozenset({on, below}), frozenset("a"))
    assert loss(before, before._replace(mounts=frozenset({on}))) == "nothing is mounted on /data/set any more"
    assert loss(before, Seen("/data/", (9, 2), frozenset({below}), frozenset("a"))).startswith(
        "nothing is mounted on /d"
    )
    plain = before._replace(mounts=frozenset())
    assert loss(plain, before._replace(identity=(9, 1))) == "something else is mounted on /data/ now"
    assert loss(plain, before) == ""  # something more is mounted below it


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
