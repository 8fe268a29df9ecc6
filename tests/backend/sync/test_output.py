"""Reading what rsync prints: its own bytes, cut wherever a pipe may cut them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.core.control import Progress
from podplane_tui.backend.sync.output import Change, ChangeKind, LineReader, Meter, names, read_change

# rsync 3.5.0 into a pipe, shortened.
OUTPUT = (
    b"building file list ... done\n./\nbig\n"
    b"\r         32,768   0%    0.00kB/s    0:00:00  \r     21,725,184  43%   19.50MB/s    0:00:01  "
    b"\r     30,000,000  60%   20.58MB/s    0:00:01 (xfr#1, to-chk=200/202)\nf1\n"
    b"\r     30,100,000  60%   20.63MB/s    0:00:01 (xfr#2, to-chk=199/202)\n\n"
    b"sent 203,134 bytes  received 54 bytes  406,376.00 bytes/sec\n"
)
LINES = [
    *(b"building file list ... done", b"./", b"big", b"f1"),
    b"sent 203,134 bytes  received 54 bytes  406,376.00 bytes/sec",
]


def read(chunks: list[bytes]) -> tuple[list[bytes], list[Progress]]:
    lines: list[bytes] = []
    shown: list[Progress] = []
    reader = LineReader(lines.append, Meter(shown.append).read)
    for chunk in [*chunks, b""]:
        reader.feed(chunk)
    return lines, shown


def test_lines_and_progress_are_told_apart() -> None:
    lines, shown = read([OUTPUT])
    assert lines == LINES
    assert [(progress.done, progress.files, progress.files_total) for progress in shown] == [
        (32_768, None, None),
        (21_725_184, None, None),
        (30_000_000, 2, 202),
        (30_100_000, 3, 202),
    ]
    assert shown[1].rate == 19.5 * 2**20
    assert shown[1].part == 0.43


@pytest.mark.slow
@given(st.lists(st.integers(0, len(OUTPUT)), max_size=8))
def test_it_does_not_matter_where_the_pipe_cuts(cuts: list[int]) -> None:
    places = [0, *sorted(set(cuts)), len(OUTPUT)]
    lines, shown = read([OUTPUT[a:b] for a, b in itertools.pairwise(places) if a < b])
    assert lines == LINES
    assert shown[-1].done == 30_100_000


def test_progress_is_shown_before_its_line_ends() -> None:
    shown: list[Progress] = []
    reader = LineReader(lambda _line: None, Meter(shown.append).read)
    reader.feed(b"big\n\r     21,725,184  43%   19.50MB/s    0:00:01  ")
    assert [progress.done for progress in shown] == [21_725_184]


def test_a_line_without_end_is_not_gathered_for_ever() -> None:
    lines: list[bytes] = []
    reader = LineReader(lines.append)
    for _ in range(100):
        reader.feed(b"x" * 4096)
    assert sum(map(len, lines)) > 300_000


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_survived(chunks: list[bytes]) -> None:
    lines, _ = read(chunks)
    assert all(b"\n" not in line for line in lines)


@pytest.mark.parametrize("number", [b"1,234,567", b"1.234.567", b"1234567", b"1'234'567"])
def test_numbers_of_every_language(number: bytes) -> None:
    _, shown = read([b"\r  " + number + b"  50%    1,50MB/s    0:00:01  "])
    assert (shown[0].done, shown[0].rate) == (1_234_567, 1.5 * 2**20)


def test_files_that_need_no_copy_count_as_done() -> None:
    shown: list[Progress] = []
    now = [0.0]
    meter = Meter(shown.append, clock=lambda: now[0])
    now[0] = 10.0
    assert meter.read(b"\r  100,000   0%   21.37MB/s    0:00:00 (xfr#1, to-chk=100/201)")
    assert shown[0].part == pytest.approx(100 / 201)
    assert shown[0].eta == pytest.approx(10 * 101 / 100)
    assert meter.read(b"\r  200,000   0%   39.87MB/s    0:00:00 (xfr#2, to-chk=0/201)")
    assert shown[1].part == pytest.approx(199 / 201)


def test_what_looks_like_progress_in_a_name_is_a_line() -> None:
    assert read([b"   32,768   0%    0.00kB/s    0:00:00  \n"])[0] == [b"   32,768   0%    0.00kB/s    0:00:00  "]


@pytest.mark.parametrize(
    ("line", "change"),
    [
        (b"<f+++++++++ a  b", Change(ChangeKind.NEW, "a  b")),
        (b"<f.st...... dir/it's", Change(ChangeKind.CHANGED, "dir/it's")),
        (b"cd+++++++++ new/", Change(ChangeKind.NEW, "new/")),
        (b"cL+++++++++ link -> ../../etc", Change(ChangeKind.NEW, "link -> ../../etc")),
        (b"cLc.T...... link -> other", Change(ChangeKind.CHANGED, "link -> other")),
        (b".d..t...... ./", Change(ChangeKind.ATTRIBUTES, "./")),
        (b"*deleting   old \\#012 name", Change(ChangeKind.DELETED, "old \\#012 name")),
        (b"<f+++++++++ \x1b[31mred", Change(ChangeKind.NEW, "red")),
        (b"sending incremental file list", None),
        (b"", None),
    ],
)
def test_itemised_changes(line: bytes, change: Change | None) -> None:
    assert read_change(line, itemized=True) == change


@pytest.mark.parametrize(
    ("line", "change"),
    [
        (b"a b", Change(ChangeKind.CHANGED, "a b")),
        (b"deleting old", Change(ChangeKind.DELETED, "old")),
        (b"sent 10 bytes  received 20 bytes", None),
        (b"Transfer starting: 3 files", None),
        (b"", None),
    ],
)
def test_changes_of_an_rsync_that_can_not_itemise(line: bytes, change: Change | None) -> None:
    assert read_change(line, itemized=False) == change


def test_names_are_what_they_were() -> None:
    assert list(names(b"./\na/\na/new\\#012line\n\\#377\\#134#012\n")) == [b".", b"a", b"a/new\nline", b"\xff\\#012"]
