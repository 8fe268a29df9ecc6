"""No sequence costs more than the cells it can show, counted exactly: what is fast here is fast on any machine."""

from __future__ import annotations

import pytest

from benchmarks.terminal.hostile import COLUMNS, LINES, WORST, Input, cells_per_byte, counted
from podplane_tui.terminal import Terminal

AMORTISED = [
    Input("margins", (b"\n",)),
    Input("margins", (b"x", b"\n")),
    Input("margins", (b"\x1bM",)),
    Input("margins", (b"\x1b[L",)),
    Input("margins on coloured ground", (b"\x1b[S",)),
    Input("narrow margins", (b"\x1b[9999b",)),
    Input("narrow margins, wide", (b"\x1b[9999b",)),
    Input("inserting", (b"\x1b[9999b",)),
    Input("colourful", ("漢".encode(), b"\x1b[9999b")),
    Input("protected", (b"\x1b[${",)),
    Input("protected", (b"\x1b[2J",)),
    Input("every column a stop", (b"\x1b[99I", b"\r")),
    Input("colourful", (b"x", b"\x1b[9999b")),
    Input("colourful", (b"\x1b[H", b"\x1b[9999b")),
    Input("coloured ground", (b"\x1b[99S",)),
    Input("colourful", (b"\x1b[$t",)),
    Input("colourful", (b"\x1b[;2$t",)),
    Input("colourful", (b"\x1b[;;;;1$r", b"\x1b[$r")),
    Input("colourful", (b"\x1b[2*x", b"\x1b[;2$t", b"\x1b[3$r", b"\x1b[*x", b"\x1b[5$t")),
    Input("colourful", (b"\x1b[65$x", b"\x1b[66;;2$x", b"\x1b[3;2$z")),
    Input("colourful", (b"\x1b[;;;1*y", b"\x1b[;;;;;2*y", b"\x1b[;;;;;3*y")),
    Input("coloured ground", (b"\x1b6",)),
    Input("coloured ground", (b"\x1b[;;;;;;2$v", b"\x1b[;2$v", b"\x1b6")),
    Input("protected", (b"\x1bV", b"\x1b[2J", b"\x1b[;2${", b"\x1b[$t")),
    Input("colourful", (b"\x1b['}", b"\x1b['~", b"\x1b[ @", b"\x1b[$t")),
    Input("colourful", (b"\n", b"\x1b[T", b"\x1b[L", b"\x1b[$t")),
]
"""What works on the whole screen at most once: from then on, a byte works on a row or two."""


@pytest.mark.parametrize("item", WORST, ids=str)
def test_a_sequence_works_on_each_cell_of_the_screen_a_few_times_at_most(item: Input) -> None:
    longest = sum(map(len, item.pieces)) / len(item.pieces)
    assert cells_per_byte(item, 64) * longest <= 2.5 * COLUMNS * LINES


@pytest.mark.parametrize("item", AMORTISED, ids=str)
def test_scrolling_and_repeating_work_on_rows_alone(item: Input) -> None:
    terminal = item.terminal()
    terminal.feed(item.data(32))
    with counted() as count:
        terminal.feed(data := item.data(256))
    assert count.cells <= 3 * COLUMNS * len(data)


def test_what_is_counted_is_the_work() -> None:
    terminal = Terminal(COLUMNS, LINES)
    with counted() as count:
        terminal.feed(b"\x1b[65$x")
        assert COLUMNS <= count.cells <= 3 * COLUMNS  # what all rows are to be, once
        assert terminal.display[0] == "A" * COLUMNS
    assert COLUMNS * LINES <= count.cells <= 2.5 * COLUMNS * LINES
    before = count.cells
    terminal.feed(b"\x1b[66$x")
    assert count.cells == before  # nobody counts any more
