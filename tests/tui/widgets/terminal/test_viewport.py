"""Which lines are in view, by addresses that stay while text scrolls; words, paragraphs."""

import pytest

from podplane_tui.tui.widgets.terminal.viewport import Viewport
from tests.tui.widgets.terminal.support import numbered, viewport_of


def texts(viewport: Viewport) -> list[str | None]:
    return [None if row is None else "".join(text for text, _ in row.runs()).rstrip() for row in viewport.rows()]


def test_it_follows_the_end_until_it_is_scrolled_back_and_then_stays_on_its_lines() -> None:
    viewport = numbered(10)
    assert (viewport.oldest, viewport.top, viewport.end) == (0, 6, 10)
    viewport.scroll_to(2)
    viewport.terminal.feed(b"\r\nline 10\r\nline 11")
    assert not viewport.following
    assert texts(viewport) == ["line 2", "line 3", "line 4", "line 5"]
    viewport.follow()
    assert texts(viewport)[-1] == "line 11"


@pytest.mark.parametrize(("top", "first", "follows"), [(-5, 0, False), (0, 0, False), (6, 6, True), (99, 6, True)])
def test_it_is_scrolled_as_far_as_there_is_text(top: int, first: int, follows: bool) -> None:
    viewport = numbered(10)
    viewport.scroll_to(top)
    assert (viewport.top, viewport.following) == (first, follows)


def test_lines_that_are_dropped_take_it_along() -> None:
    viewport = numbered(10, scrollback=6)
    viewport.scroll_to(0)
    viewport.terminal.feed(b"\r\nline 10\r\nline 11")
    assert viewport.oldest == 2
    assert texts(viewport)[0] == "line 2"
    assert viewport.row(1) is None
    assert viewport.text((0, 0), (3, 0)) == "line 2\n"
    assert viewport.text((0, 0), (1, 5)) == ""


def test_a_full_screen_program_can_not_be_scrolled_back() -> None:
    viewport = numbered(10)
    viewport.terminal.feed(b"\x1b[?1049h\x1b[Htop")
    viewport.scroll_to(0)
    assert viewport.following
    assert texts(viewport)[0] == "top"


def test_below_the_end_of_the_screen_there_is_nothing() -> None:
    viewport = viewport_of("a\nb", lines=2)
    viewport.height = 4
    assert texts(viewport) == ["a", "b", None, None]
    assert viewport.row(2) is None


def test_a_line_out_of_view_comes_to_the_middle_and_one_in_view_moves_nothing() -> None:
    viewport = numbered(20)
    viewport.reveal(17)
    assert viewport.following
    viewport.reveal(8)
    assert viewport.top == 6
    viewport.reveal(9)
    assert viewport.top == 6


@pytest.mark.parametrize(
    ("x", "y", "position"),
    [(3, 1, (3, 3)), (0, 0, (2, 0)), (-5, -1, (2, 0)), (19, 3, (5, 19)), (20, 4, (5, 19)), (99, 99, (5, 19))],
)
def test_a_cell_outside_is_the_nearest_one_inside(x: int, y: int, position: tuple[int, int]) -> None:
    viewport = numbered(10)
    viewport.scroll_to(2)
    assert viewport.nearest(x, y) == position


def test_a_view_without_lines_has_a_nearest_cell_too() -> None:
    viewport = numbered(10)
    viewport.height = 0
    assert viewport.nearest(3, 2) == (viewport.top, 3)


def test_another_size_keeps_the_view_as_far_above_the_end() -> None:
    viewport = numbered(20)
    viewport.scroll_to(10)  # six lines above the screen
    viewport.resize(20, 6)
    assert (viewport.terminal.lines, viewport.terminal.scrolled_off - viewport.top) == (6, 6)
    viewport.resize(3, 4)  # each line becomes two or three
    assert (viewport.terminal.columns, viewport.terminal.scrolled_off - viewport.top) == (3, 6)
    assert not viewport.following


def test_another_size_at_the_end_stays_at_the_end() -> None:
    viewport = numbered(20)
    viewport.resize(10, 8)
    assert viewport.following
    assert texts(viewport)[-1] == "line 19"


def word_at(viewport: Viewport, line: int, column: int) -> str:
    return viewport.text(*viewport.word((line, column)))


@pytest.mark.parametrize(
    ("text", "column", "word"),
    [
        ("see /var/x-1.log: ok", 6, "/var/x-1.log:"),
        ("see /var/x-1.log: ok", 4, "/var/x-1.log:"),
        ("see (this)", 4, "("),
        ("see (this)", 6, "this"),
        ("a b", 1, ""),
        ("漢字 x", 0, "漢字"),
        ("漢字 x", 3, "漢字"),  # the second half of a wide character
        ("", 5, ""),
    ],
)
def test_a_word_is_what_one_would_copy(text: str, column: int, word: str) -> None:
    assert word_at(viewport_of(text), 0, column) == word


def test_words_and_paragraphs_go_on_over_wrapped_lines_and_end_with_them() -> None:
    viewport = viewport_of("next\nlong " + "x" * 40 + " end\nnext")
    for line, column in ((1, 10), (2, 0), (3, 0)):
        assert word_at(viewport, line, column) == "x" * 40
        assert viewport.text(*viewport.paragraph(line)).rstrip("\n") == "long " + "x" * 40 + " end"
    assert viewport.paragraph(0) == ((0, 0), (0, 20))
    assert word_at(viewport, 0, 0) == "next"
