"""Rows that are stored as the text that makes them."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import DEFAULT_STYLE, Row, Style
from podplane_tui.terminal.buffer.compact_row import (
    Pattern,
    Source,
    length_of,
    row_of,
    source_of,
    style_after,
    text_and_wrap,
    text_of,
    without_styles,
    wraps,
)
from podplane_tui.terminal.buffer.width import MAX_CELL_LENGTH

RED = Style(foreground=1)
BOLD = Style(bold=True)
PROTECTED = Style(foreground=1, protected=True)


@pytest.mark.parametrize("style", [DEFAULT_STYLE, RED, Style(bold=True, underline=3, foreground="0102ff"), BOLD])
def test_a_line_is_stored_with_the_style_it_begins_in(style: Style) -> None:
    row = row_of(source_of("ab\x1b[44mc\x1b[0md", style))
    assert row.runs() == [("ab", style), ("c", style.replace(background=4)), ("d", DEFAULT_STYLE)]


@pytest.mark.parametrize(
    ("line", "before", "after"),
    [
        ("text", RED, RED),
        ("a\x1b[31mb", DEFAULT_STYLE, RED),
        ("\x1b[1mb", RED, Style(foreground=1, bold=True)),
        ("\x1b[1mb\x1b[0m", RED, DEFAULT_STYLE),
        ("\x1b[1mb\x1b[m", RED, DEFAULT_STYLE),
        ("\x1b[m\x1b[31mb", BOLD, RED),
        ("\x1b[1mb\x1b[0m", PROTECTED, Style(protected=True)),
        ("\x1b[0;1mb", RED, BOLD),
    ],
)
def test_the_style_behind_a_line(line: str, before: Style, after: Style) -> None:
    assert style_after(line, before) == after


def test_a_row_stays_itself() -> None:
    row = Row("ab")
    assert row_of(row) is row


@pytest.mark.parametrize(
    ("source", "cells"),
    [
        ("漢\x1b[1mx", [("漢", DEFAULT_STYLE), ("", DEFAULT_STYLE), ("x", BOLD)]),
        ("e\x1b[1m\u0301x", [("e\u0301", DEFAULT_STYLE), ("x", BOLD)]),
        ("\x1b[1m\u0301x", [("x", BOLD)]),
        ("x" + "\u0301" * 40, [("x" + "\u0301" * (MAX_CELL_LENGTH - 1), DEFAULT_STYLE)]),
        ("\x1b[1m\x1b[0m", []),
    ],
)
def test_a_source_becomes_the_cells_it_would_have_printed(source: str, cells: list[tuple[str, Style]]) -> None:
    row = row_of(Source(source))
    assert list(row.cells()) == cells
    assert row.length == length_of(row) == len(cells)


def test_length_counts_cells_whatever_a_row_is_stored_as() -> None:
    assert length_of("ab ") == 3
    assert length_of(Source("\x1b[31m漢\x1b[0mx\u0301")) == 3
    assert length_of(row_of(Source("\x1b[31m漢\x1b[0mx\u0301"))) == 3


def test_blanks_at_the_end_count_only_where_the_text_goes_on() -> None:
    assert text_and_wrap("ab  ") == ("ab", False)
    assert text_and_wrap(Source("\x1b[31mab\x1b[0m  ")) == ("ab", False)
    row = Row("ab  ")
    assert text_and_wrap(row) == ("ab", False)
    row.wrapped = True
    assert text_and_wrap(row) == ("ab  ", True)


def test_escapes_in_a_plain_row_are_text_and_in_a_source_styles() -> None:
    assert text_of(Source("a\x1b[1;38:2::1:2:3mb")) == without_styles("a\x1b[1;38:2::1:2:3mb") == "ab"
    assert text_of("a[1mb") == "a[1mb"


def test_rows_made_of_one_pattern_are_alike_and_their_own() -> None:
    pattern = Pattern.of([("漢" * 2, PROTECTED), (" ", RED)], wrapped=True)
    assert (length_of(pattern), wraps(pattern), text_and_wrap(pattern)) == (5, True, ("漢漢 ", True))
    row, other = row_of(pattern), row_of(pattern)
    assert (row.length, row.wide, row.wrapped) == (5, True, True)
    row.put(0, "ab", DEFAULT_STYLE)
    assert other.runs() == [("漢漢", PROTECTED), (" ", RED)]


def test_only_a_row_or_a_pattern_wraps() -> None:
    row = Row("x")
    assert [wraps(one) for one in (row, "x", Source("x"), Pattern.of([("x", RED)]))] == [False] * 4
    assert text_and_wrap(Pattern.of([("x ", RED)])) == ("x", False)
    row.wrapped = True
    assert wraps(row)
