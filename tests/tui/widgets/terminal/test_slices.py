"""Slices are short where a few bytes may change the whole screen."""

import pytest

from podplane_tui.tui.widgets.terminal.slices import HEAVY_SLICE_SIZE, SLICE_SIZE, slices


@pytest.mark.parametrize(
    ("piece", "longest"),
    [
        (b"text\r\n", SLICE_SIZE),
        (b"\x1b[1;31mtext\x1b[K\r\n", SLICE_SIZE),
        (b"\x1b[2 q\x1b[?2026$p", SLICE_SIZE),
        (b"\x1b[65$x", HEAVY_SLICE_SIZE),
        (b"\x1b[1;2;3;4$t", HEAVY_SLICE_SIZE),
        (b"\x1b[*y", HEAVY_SLICE_SIZE),
        (b"\x1b['}", HEAVY_SLICE_SIZE),
        (b"\x1b[ @", HEAVY_SLICE_SIZE),
        (b"\x1b6", HEAVY_SLICE_SIZE),
        (b"x\x1b[9999b", HEAVY_SLICE_SIZE),
        (b"\x1b[?2J", HEAVY_SLICE_SIZE),
        (b"\x1b[\x7f$t", HEAVY_SLICE_SIZE),
        (b"\x1b[$\x00t", HEAVY_SLICE_SIZE),
        (b"\x1b\r[\n2;2$\bv", HEAVY_SLICE_SIZE),
        (b"\x9b$t", HEAVY_SLICE_SIZE),
    ],
)
def test_slices_are_as_long_as_their_work_allows(piece: bytes, longest: int) -> None:
    data = piece * 3000
    parts = list(slices(data))
    assert b"".join(parts) == data
    assert len(parts[0]) == longest
    assert max(map(len, parts)) == longest


def test_a_heavy_sequence_here_and_there_makes_no_difference() -> None:
    assert list(slices(b"\x1b[2J" + b"x" * 1000)) == [b"\x1b[2J" + b"x" * 1000]


def test_only_the_slice_in_question_is_cut_further() -> None:
    data = b"x" * SLICE_SIZE + b"\x1b6" * 500
    assert [len(part) for part in slices(data)][:2] == [SLICE_SIZE, HEAVY_SLICE_SIZE]
