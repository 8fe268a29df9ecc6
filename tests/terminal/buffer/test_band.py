"""Cells between left and right margins scroll apart from their rows, and come back where they belong."""

from __future__ import annotations

import random

import pytest

from podplane_tui.terminal import DEFAULT_STYLE, Row, Style
from podplane_tui.terminal.buffer.band import Band

BLUE = Style(background=4)


def rows(*texts: str) -> list[Row]:
    return [Row(text) for text in texts]


def settled(band: Band, lines: list[Row]) -> list[str]:
    for y, row in enumerate(lines):
        band.give_back(y, row)
    return [row.full_text() for row in lines]


@pytest.mark.parametrize(
    ("up", "count", "shown"),
    [
        (True, 1, ["aBBa", "bCCb", "c  c"]),
        (True, 2, ["aCCa", "b  b", "c  c"]),
        (True, 3, ["a  a", "b  b", "c  c"]),
        (False, 1, ["a  a", "bAAb", "cBBc"]),
        (False, 2, ["a  a", "b  b", "cAAc"]),
    ],
)
def test_cells_move_and_rows_stay(up: bool, count: int, shown: list[str]) -> None:
    lines = rows("aAAa", "bBBb", "cCCc")
    band = Band(1, 3, 3)
    band.scroll(0, 3, count, DEFAULT_STYLE, lines.__getitem__, up=up)
    assert settled(band, lines) == shown


def test_a_row_that_got_its_cells_back_is_its_own_until_it_scrolls() -> None:
    lines = rows("aAAa", "bBBb", "cCCc")
    band = Band(1, 3, 3)
    band.scroll(0, 3, 1, DEFAULT_STYLE, lines.__getitem__, up=True)
    band.give_back(0, lines[0])
    lines[0].put(1, "xx", DEFAULT_STYLE)
    assert settled(band, lines)[0] == "axxa"
    band.scroll(0, 3, 1, DEFAULT_STYLE, lines.__getitem__, up=False)
    assert settled(band, lines) == ["a  a", "bxxb", "cCCc"]


def test_blanks_that_come_in_have_a_style() -> None:
    lines = rows("aAAa")
    band = Band(1, 3, 1)
    band.scroll(0, 1, 1, BLUE, lines.__getitem__, up=True)
    settled(band, lines)
    assert lines[0].runs() == [("a", DEFAULT_STYLE), ("  ", BLUE), ("a", DEFAULT_STYLE)]


def test_the_same_cells_go_to_many_rows() -> None:
    lines = rows("aAAa", "bBBb", "cCCc")
    band = Band(1, 3, 3)
    band.put(1, 3, Row("xy").copy(0, 2))
    assert settled(band, lines) == ["aAAa", "bxyb", "cxyc"]


def test_any_order_of_scrolling_is_what_moving_each_cell_makes() -> None:
    chance = random.Random(1)  # noqa: S311 - reproducible on purpose
    expected = [list(f"{y}abcd{y}") for y in range(6)]
    lines = rows(*("".join(line) for line in expected))
    band = Band(1, 5, 6)
    for number in range(200):
        first = chance.randrange(5)
        end = chance.randint(first + 1, 6)
        count, up = chance.randint(1, end - first), chance.random() < 0.5
        inside = [line[1:5] for line in expected[first:end]]
        blank = [[" "] * 4] * count
        inside = inside[count:] + blank if up else blank + inside[: len(inside) - count]
        for line, cells in zip(expected[first:end], inside, strict=True):
            line[1:5] = cells
        band.scroll(first, end, count, DEFAULT_STYLE, lines.__getitem__, up=up)
        y, char = chance.randrange(6), chr(97 + number % 26)
        band.give_back(y, lines[y])
        lines[y].put(2, char, DEFAULT_STYLE)
        expected[y][2] = char
    assert settled(band, lines) == ["".join(line) for line in expected]
