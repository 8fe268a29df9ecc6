"""Finding text and copying it, soft wraps joined."""

from __future__ import annotations

import re

import pytest

from podplane_tui.terminal import Match
from podplane_tui.terminal.buffer.search import MATCH_LIMIT, extract, logical_lines, search
from tests.terminal.support import fed


def test_search() -> None:
    terminal = fed("Error one\r\nok\r\n漢 error\r\n012345 error\r\nx\r\n")
    assert terminal.search("error") == [Match(0, 0, 5), Match(2, 3, 8), Match(3, 7, 12)]
    assert terminal.search("Error") == [Match(0, 0, 5)]
    assert terminal.search(re.compile("^ok$")) == [Match(1, 0, 2)]
    assert terminal.search("") == []


def test_rows_that_go_on_are_one_line_even_the_last() -> None:
    rows = [("ab", True), ("cd", True), ("e", False), ("f", False), ("g", True)]
    assert list(logical_lines(rows)) == [(0, ["ab", "cd", "e"]), (3, ["f"]), (4, ["g"])]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("cdef", [Match(0, 2, 6)]),
        ("efg", [Match(1, 0, 3)]),
        ("ghi", [Match(1, 2, 5)]),
        ("i", [Match(2, 0, 1)]),
        ("ab", [Match(0, 0, 2), Match(3, 0, 2)]),
        ("iab", []),
    ],
)
def test_a_match_over_a_soft_wrap_begins_in_its_row(pattern: str, matches: list[Match]) -> None:
    assert search([("abcd", True), ("efgh", True), ("i", False), ("ab", False)], pattern) == matches


def test_cells_are_counted_not_characters() -> None:
    assert search([("漢e\u0301x漢字", False)], "漢字") == [Match(0, 4, 8)]
    assert search([("漢e\u0301x漢字", False)], "x") == [Match(0, 3, 4)]


def test_a_string_is_no_pattern() -> None:
    assert search([("a+b aab", False)], "a+b") == [Match(0, 0, 3)]
    assert search([("a+b aab", False)], re.compile("a+b")) == [Match(0, 4, 7)]


def test_case_counts_as_soon_as_there_is_a_capital() -> None:
    rows = [("ÄB äb", False)]
    assert len(search(rows, "äb")) == 2
    assert search(rows, "Äb") == []
    assert search(rows, re.compile("äb")) == [Match(0, 3, 5)]


def test_empty_matches_are_none() -> None:
    assert search([("xaay", False)], re.compile("a*")) == [Match(0, 1, 3)]


def test_no_more_matches_than_anybody_looks_through() -> None:
    matches = search([("x" * 5_000, False)] * 3, "x")
    assert len(matches) == MATCH_LIMIT
    assert matches[-1] == Match(1, 4_999, 5_000)


@pytest.mark.parametrize(
    ("rows", "start", "end", "text"),
    [
        ([("abcdef", False)], 2, 4, "cd"),
        ([("ab  ", True), ("cd", False)], 0, None, "ab  cd"),
        ([("ab  ", False), ("cd  ", False)], 1, None, "b\ncd"),
        ([("abc", False), ("", False), ("def", False)], 1, 2, "bc\n\nde"),
        ([("漢字x", False)], 1, 5, "字x"),
        ([("漢字x", False)], 0, 3, "漢字"),
        ([("e\u0301x", False)], 0, 1, "e\u0301"),
        ([("abc", False)], 9, None, ""),
        ([], 0, None, ""),
    ],
)
def test_copied_text(rows: list[tuple[str, bool]], start: int, end: int | None, text: str) -> None:
    assert extract(rows, start, end) == text
