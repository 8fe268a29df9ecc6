"""The log of what rsync printed: kept within its size, private, and never in the way of a copy."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from podplane_tui.backend.sync import log as logs
from podplane_tui.backend.sync.log import SyncLog, previous


def lines_of(path: Path) -> list[str]:
    """What was written, without the times."""
    lines = path.read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line) for line in lines)
    return [line.partition(" ")[2] for line in lines]


def test_lines_of_one_copy_come_after_those_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "syncs" / "a.log"
    for copy in ("one", "two"):
        with SyncLog(path) as log:
            log.write(f"{copy} begins")
            log.write("done")
    assert lines_of(path) == ["one begins", "done", "two begins", "done"]
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)] == [0o600, 0o700]


def test_a_log_that_is_too_large_takes_the_place_of_the_previous_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_SIZE", 100)
    path = tmp_path / "a.log"
    assert previous(path) == tmp_path / "a.log.1"
    with SyncLog(path) as log:
        for number in range(7):  # each line has 30 bytes with its time, so every fourth is one too many
            log.write(f"line {number:3}")
    assert lines_of(previous(path)) == ["line   0", "line   1", "line   2", "line   3"]
    assert lines_of(path) == ["line   4", "line   5", "line   6"]
    with SyncLog(path) as log:  # what is there already counts
        log.write("line   7")
        log.write("line   8")
    assert lines_of(previous(path)) == ["line   4", "line   5", "line   6", "line   7"]
    assert lines_of(path) == ["line   8"]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "file above"])
def test_a_log_that_can_not_be_written_stops_no_copy(tmp_path: Path, kind: str) -> None:
    path, other = tmp_path / "syncs" / "a.log", tmp_path / "other"
    other.write_text("precious")
    if kind == "file above":
        path.parent.write_text("")
    else:
        path.parent.mkdir()
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(other)
    with SyncLog(path) as log:
        log.write("line")
    assert other.read_text() == "precious"


def test_a_log_whose_previous_one_can_not_be_replaced_stops_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_SIZE", 10)
    path = tmp_path / "a.log"
    previous(path).mkdir()
    with SyncLog(path) as log:
        log.write("first")
        log.write("second")
    assert lines_of(path) == ["first"]
    assert previous(path).is_dir()


def test_names_of_every_kind_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with SyncLog(path) as log:
        log.write("é \udcff")
    assert lines_of(path) == ["é \\udcff"]


def test_what_is_written_outside_of_a_copy_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    log = SyncLog(path)
    log.write("before")
    assert not path.exists()
    with log:
        log.write("inside")
    log.write("after")
    assert lines_of(path) == ["inside"]
