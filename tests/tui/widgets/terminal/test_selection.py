"""What the mouse selects, and how Textual keeps it."""

import pytest
from textual.geometry import Offset
from textual.selection import SELECT_ALL, Selection

from podplane_tui.tui.widgets.terminal.selection import Range, clicked, dragged, from_textual, to_textual
from podplane_tui.tui.widgets.terminal.viewport import Position
from tests.tui.widgets.terminal.support import numbered, viewport_of


@pytest.mark.parametrize(
    ("anchor", "position", "selected"),
    [
        ((3, 4), (3, 8), ((3, 4), (3, 9))),
        ((3, 8), (3, 4), ((3, 4), (3, 9))),
        ((3, 8), (5, 2), ((3, 8), (5, 3))),
        ((5, 2), (3, 8), ((3, 8), (5, 3))),
        ((3, 4), (3, 4), ((3, 4), (3, 5))),
    ],
)
def test_both_ends_of_a_drag_are_selected(anchor: Position, position: Position, selected: Range) -> None:
    assert dragged(anchor, position) == selected


@pytest.mark.parametrize(("times", "text"), [(1, None), (2, "two"), (3, "one two"), (4, None)])
def test_a_word_for_two_clicks_and_a_line_for_three(times: int, text: str | None) -> None:
    viewport = viewport_of("one two\nthree")
    selected = clicked(viewport, (0, 5), times=times)
    assert (selected and viewport.text(*selected).rstrip("\n")) == text


def test_textual_keeps_columns_before_lines_and_gives_back_the_same() -> None:
    viewport = numbered(10)
    selected = (3, 8), (5, 2)
    assert to_textual(selected) == Selection(Offset(8, 3), Offset(2, 5))
    assert from_textual(to_textual(selected), viewport) == selected
    nothing = (0, 0), (0, 0)
    assert from_textual(to_textual(nothing), viewport) == nothing


def test_an_open_side_goes_as_far_as_the_text_is_kept() -> None:
    viewport = numbered(10, scrollback=4)
    assert from_textual(SELECT_ALL, viewport) == ((2, 0), (10, 0))
    assert viewport.text(*from_textual(SELECT_ALL, viewport)).split("\n")[0] == "line 2"
    assert from_textual(Selection(Offset(1, 5), None), viewport) == ((5, 1), (10, 0))
    assert from_textual(Selection(None, Offset(1, 5)), viewport) == ((2, 0), (5, 1))
