"""A search of a terminal's text: what it finds, which match is chosen, and how often it is repeated."""

import re

import pytest

from podplane_tui.tui.widgets.terminal.search import SEARCH_INTERVAL, Search
from tests.tui.widgets.terminal.support import numbered


def test_the_last_match_in_view_is_the_first_chosen_and_choosing_goes_round() -> None:
    viewport = numbered(10)
    search = Search("line")
    assert search.step(by=-1, above=10) is None
    search.update(viewport, 0.0)
    assert search.matches == [(number, 0, 4) for number in range(10)]
    assert search.step(by=-1, above=5) == (4, 0, 4)
    assert search.step(by=-1, above=5) == (3, 0, 4)
    assert [search.step(by=1, above=5) for _ in range(7)][-1] == (0, 0, 4)
    assert search.step(by=-1, above=5) == (9, 0, 4)
    above_all = Search("line", list(search.matches))
    assert above_all.step(by=-1, above=0) == (9, 0, 4)


def test_the_chosen_match_stays_chosen_while_its_line_is_kept() -> None:
    viewport = numbered(10, scrollback=6)
    search = Search(re.compile(r"line [38]$"))
    search.update(viewport, 0.0)
    search.step(by=-1, above=5)
    assert search.matches[search.current][0] == 3
    viewport.terminal.feed(b"\r\nnew")
    search.update(viewport, 0.0)
    assert search.matches[search.current][0] == 3
    viewport.terminal.feed(b"\r\nnew" * 5)
    search.update(viewport, 0.0)
    assert (len(search.matches), search.current) == (1, -1)


def test_matches_of_some_lines_come_with_their_numbers() -> None:
    search = Search("x", [(1, 0, 1), (3, 0, 1), (3, 5, 6), (7, 0, 1)])
    assert list(search.between(3, 7)) == [(1, (3, 0, 1)), (2, (3, 5, 6))]
    assert list(search.between(4, 7)) == []


@pytest.mark.parametrize(
    ("now", "wait"),
    [(100.0, SEARCH_INTERVAL), (100.125, SEARCH_INTERVAL - 0.125), (100.0 + SEARCH_INTERVAL, 0.0), (200.0, 0.0)],
)
def test_the_next_search_waits_for_the_interval(now: float, wait: float) -> None:
    search = Search("line")
    assert search.wait(now) == 0.0
    search.update(numbered(3), 100.0)
    assert search.wait(now) == wait


def test_an_update_says_whether_there_is_something_new_to_tell() -> None:
    viewport = numbered(10, scrollback=6)
    search = Search("line 3")
    assert search.update(viewport, 0.0)
    assert not search.update(viewport, 1.0)
    search.step(by=-1, above=10)
    assert not search.update(viewport, 2.0)
    viewport.terminal.feed(b"\r\nline 3")  # one more, the chosen one is the same
    assert search.update(viewport, 3.0)
    viewport.terminal.feed(b"\r\nnew" * 5 + b"\r\nline 3")  # still two, but the chosen one is dropped
    assert search.update(viewport, 4.0)
    assert (len(search.matches), search.current) == (2, -1)
