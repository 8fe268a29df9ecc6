"""Rows that scrolled off: bounded, counted, in order."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import DEFAULT_STYLE, Row, Style, Terminal
from podplane_tui.terminal.buffer.compact_row import Source
from podplane_tui.terminal.buffer.scrollback import MOST_PIECES, Scrollback
from tests.terminal.support import shown


def test_scrollback_is_bounded_and_counts_all() -> None:
    terminal = Terminal(20, 4, scrollback=50)
    terminal.feed(b"".join(b"line %d\r\n" % number for number in range(1000)))
    assert len(terminal.scrollback) == 50
    assert terminal.scrolled_off == 997
    assert terminal.scrollback[-1].text == "line 996"
    assert terminal.scrollback[0].text == "line 947"
    assert [row.text for row in terminal.scrollback[:2]] == ["line 947", "line 948"]
    terminal.feed(b"\x1b[3J")
    assert len(terminal.scrollback) == 0
    assert shown(terminal) == ["line 997", "line 998", "line 999"]


def test_no_scrollback() -> None:
    terminal = Terminal(20, 4, scrollback=0)
    terminal.feed(b"line\r\n" * 100)
    assert len(terminal.scrollback) == 0
    assert terminal.scrolled_off == 97


def texts(scrollback: Scrollback) -> list[str]:
    return [row.text for row in scrollback]


def test_all_ways_in_count_and_the_oldest_go() -> None:
    scrollback = Scrollback(3)
    scrollback.push("a")
    scrollback.extend(["b", Row("c")])
    scrollback.extend_lines(["d", "e"])
    assert texts(scrollback) == ["c", "d", "e"]
    assert (len(scrollback), scrollback.pushed) == (3, 5)


@pytest.mark.parametrize("limit", [0, -1])
def test_without_room_nothing_is_kept_but_counted(limit: int) -> None:
    scrollback = Scrollback(limit)
    scrollback.push("a")
    scrollback.extend(["b"])
    assert (texts(scrollback), scrollback.pushed) == ([], 2)


def test_re_wrapping_moves_the_count_by_as_many_rows_as_there_are_more() -> None:
    scrollback = Scrollback(10)
    scrollback.extend(["a", "b"])
    scrollback.replace(["1", "2", "3"])
    assert (texts(scrollback), scrollback.pushed) == (["1", "2", "3"], 3)
    scrollback.replace(["x"])
    assert (texts(scrollback), scrollback.pushed) == (["x"], 1)


def test_clearing_does_not_take_back_what_was_counted() -> None:
    scrollback = Scrollback(10)
    scrollback.extend(["a", "b"])
    scrollback.clear()
    assert (texts(scrollback), scrollback.pushed) == ([], 2)


def test_a_row_that_was_looked_at_stays_the_same_object() -> None:
    scrollback = Scrollback(10)
    scrollback.extend(["a", "b", "c"])
    row = scrollback[1]
    assert scrollback[-2] is row
    assert scrollback.stored[1] is row
    assert scrollback.stored[0] == "a"  # nobody has looked at it
    assert scrollback[:][1] is row


def test_slices_are_those_of_a_list() -> None:
    scrollback = Scrollback(10)
    scrollback.extend(list("abcde"))
    for part in (slice(1, 3), slice(-2, None), slice(None, None, -2), slice(7, 9)):
        assert [row.text for row in scrollback[part]] == list("abcde")[part]


def test_there_is_no_row_outside() -> None:
    with pytest.raises(IndexError, match="out of range"):
        Scrollback(10)[0]


@pytest.mark.parametrize("by", ["push", "extend"])
def test_a_row_written_out_of_order_is_stored_as_few_pieces(by: str) -> None:
    row = Row("abc   ")
    row.put(1, "X", Style(bold=True))
    assert row.chars is not None
    scrollback = Scrollback(10)
    if by == "push":
        scrollback.push(row)
    else:
        scrollback.extend([row])
    assert scrollback[0] is row
    assert row.chars is None
    assert row.pieces == [("a", DEFAULT_STYLE), ("X", Style(bold=True)), ("c", DEFAULT_STYLE)]


def colourful(pieces: int, start: int = 0) -> Row:
    row = Row()
    for number in range(pieces):
        row.put(number, "x", Style(foreground=f"{start + number:06x}"))
    return row


@pytest.mark.slow
def test_rows_in_ever_new_colours_are_fewer() -> None:
    scrollback = Scrollback(10_000)
    scrollback.push("first")
    for number in range(1_000):
        scrollback.push(colourful(400, 400 * number))
        if number % 100:
            continue
        assert sum(len(row.pieces) for row in scrollback.stored if isinstance(row, Row)) <= MOST_PIECES
    assert len(scrollback) >= MOST_PIECES // 2 // 400
    assert scrollback.pushed == 1_001
    assert scrollback[-1].pieces[0][1].foreground == f"{400 * 999:06x}"


def test_rows_that_went_do_not_count() -> None:
    scrollback = Scrollback(5)
    row = colourful(400)
    for _ in range(2 * MOST_PIECES // 400):
        scrollback.push(row)
    assert len(scrollback) == 5


def test_a_colourful_line_is_not_kept_as_a_row_because_it_was_looked_at() -> None:
    scrollback = Scrollback(10)
    scrollback.push(Source("".join(f"\x1b[38;5;{number}mx" for number in range(40))))
    scrollback.push(Source("\x1b[31mx"))
    assert len(scrollback[0].pieces) == 40
    assert isinstance(scrollback.stored[0], str)
    assert scrollback[1] is scrollback[1]


def test_rows_are_as_few_after_re_wrapping() -> None:
    scrollback = Scrollback(10_000)
    row = colourful(400)
    scrollback.replace([row] * (MOST_PIECES // 400 + 1))
    assert len(scrollback) == MOST_PIECES // 2 // 400
