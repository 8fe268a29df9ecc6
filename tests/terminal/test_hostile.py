"""No sequence costs more than the cells it can show, counted exactly: what is fast here is fast on any machine."""

from __future__ import annotations

import pytest

from benchmarks.terminal.hostile import CALL, COLUMNS, LINES, WORST, Input, cells_per_byte, counted
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


def test_panes_side_by_side_scroll_without_giving_each_other_their_cells() -> None:
    terminal = Terminal(COLUMNS, LINES)
    left, right = b"\x1b[1;99s\x1b[%d;1H", b"\x1b[101;200s\x1b[%d;101H"
    terminal.feed(b"\x1b[?69h" + b"".join(pane % LINES + b"\nwarm" for pane in (left, right)))
    with counted() as count:
        for number in range(LINES):
            for name, pane in ((b"l", left), (b"r", right)):
                terminal.feed(pane % LINES + b"\n" + name + b"%d" % number)
    assert count.cells <= 8 * 2 * LINES * CALL
    for number, line in enumerate(terminal.display):
        assert line == f"l{number}".ljust(100) + f"r{number}".ljust(100)


def test_margins_that_overlap_see_what_the_others_scrolled() -> None:
    terminal = Terminal(6, 3)
    terminal.feed(b"abcdef\r\nghijkl\r\nmnopqr\x1b[?69h\x1b[1;3s\x1b[S\x1b[3;5s\x1b[S")
    assert terminal.display == ["ghojkf", "mn pql", "     r"]
