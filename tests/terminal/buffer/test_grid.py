"""Rows that scroll: margins, scrollback, the alternate screen."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Screen, Style
from tests.terminal.support import fed


def test_rows_move_as_objects_and_drop_the_painters_cache() -> None:
    terminal = fed("a\r\nb\r\nc\r\nd")
    first, second = terminal.rows[:2]
    first.cache = second.cache = "painted"
    version = second.version
    terminal.feed(b"\n")
    assert terminal.scrollback[0] is first
    assert terminal.rows[0] is second
    assert (second.cache, second.version) == ("painted", version)
    terminal.feed(b"\x1b[H!")
    assert second.cache is None
    assert second.version != version


def test_alternate_screen_and_margins_have_no_scrollback() -> None:
    assert len(fed("\x1b[?1049h" + "a\r\n" * 20).scrollback) == 0
    assert len(fed("\x1b[2;4r" + "a\r\n" * 20).scrollback) == 0


def numbered(columns: int = 10, lines: int = 4) -> Screen:
    """A screen whose lines are numbered from 0 on."""
    screen = Screen(columns, lines)
    screen.visible[:] = [f"{number}" * columns for number in range(lines)]
    return screen


def lines_of(screen: Screen) -> list[str]:
    return [line.rstrip() for line in screen.display]


def test_a_screen_has_at_least_one_cell() -> None:
    screen = Screen(0, -3)
    assert (screen.columns, screen.lines, screen.display) == (1, 1, [" "])


def test_what_is_shown_fills_the_screen_in_cells() -> None:
    screen = Screen(6, 2)
    screen.draw("漢e\u0301")
    assert screen.display == ["漢e\u0301   ", " " * 6]


def test_a_row_is_made_once() -> None:
    screen = numbered()
    row = screen.row_at(1)
    assert screen.row_at(1) is row is screen.rows[1]
    assert row.text == "1" * 10


@pytest.mark.parametrize(
    ("count", "kept", "shown"), [(1, 1, "123"), (3, 3, "3"), (4, 4, ""), (99, 4, ""), (0, 0, "0123")]
)
def test_rows_that_leave_at_the_top_are_kept(count: int, kept: int, shown: str) -> None:
    screen = numbered(1)
    screen.shift_up(count, top=0, save=True)
    assert [row.text for row in screen.scrollback] == list("0123"[:kept])
    assert lines_of(screen) == [*shown, *[""] * (4 - len(shown))]


def test_rows_that_are_deleted_or_leave_below_the_top_are_not_kept() -> None:
    screen = numbered(1)
    screen.shift_up(1, top=0, save=False)
    screen.shift_up(1, top=1, save=True)
    assert lines_of(screen) == ["1", "3", "", ""]
    assert not screen.scrollback


def test_only_what_is_between_the_margins_moves() -> None:
    screen = numbered(1)
    screen.set_margins(2, 3)
    screen.shift_down(1, top=screen.top)
    assert lines_of(screen) == ["0", "", "1", "3"]
    screen.shift_up(9, top=screen.top, save=True)
    assert lines_of(screen) == ["0", "", "", "3"]


def test_cells_move_between_side_margins_and_nothing_is_kept() -> None:
    screen = numbered(6, 3)
    screen.side_margins, screen.left, screen.right = True, 2, 3
    screen.shift_up(1, top=0, save=True)
    assert lines_of(screen) == ["001100", "112211", "22  22"]
    screen.shift_down(2, top=0)
    assert lines_of(screen) == ["00  00", "11  11", "221122"]
    assert not screen.scrollback


def test_side_margins_at_the_edges_are_none() -> None:
    screen = numbered(6, 2)
    screen.side_margins, screen.left, screen.right = True, 0, 5
    screen.shift_up(1, top=0, save=True)
    assert [row.text for row in screen.scrollback] == ["000000"]


def test_rows_scroll_in_with_the_background_colour() -> None:
    screen = numbered(3, 2)
    screen.style = Style(bold=True, background=4)
    screen.shift_up(1, top=0, save=True)
    screen.shift_down(1, top=0)
    assert screen.rows[0].runs() == [("   ", Style(background=4))]
    assert screen.rows[1].text == "111"


def test_a_line_whose_rest_is_erased_does_not_go_on() -> None:
    terminal = fed("0123456789abc")
    assert terminal.rows[0].wrapped
    terminal.feed(b"\x1b[2;1H\x1b[J")
    assert not terminal.rows[0].wrapped
    scrolled = fed("\n\n\n0123456789abc\n\n\n")
    assert scrolled.scrollback[-1].wrapped
    scrolled.feed(b"\x1b[H\x1b[J")
    assert not scrolled.scrollback[-1].wrapped


def test_the_screens_are_swapped_only_once() -> None:
    screen = numbered(1)
    screen.use_alternate(True)
    screen.use_alternate(True)
    assert lines_of(screen) == [""] * 4
    screen.use_alternate(False)
    assert lines_of(screen) == list("0123")
