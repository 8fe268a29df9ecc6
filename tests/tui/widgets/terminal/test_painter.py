"""Rows of the terminal core as strips: colours, and what is laid over the text."""

import pytest
from rich.segment import Segment
from rich.style import Style as RichStyle
from rich.terminal_theme import TerminalTheme
from textual.strip import Strip

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.terminal.painter import Look, Painter, Span, cell_span, overlay
from tests.tui.widgets.terminal.support import BASE, COLUMNS, LOOKS, TRUE_COLOURS, seen


def test_colours_of_the_theme_are_those_sent() -> None:
    theme = TerminalTheme((0, 0, 0), (255, 255, 255), [(10, 20, number) for number in range(8)])
    painter = Painter(Look(columns=COLUMNS, base=BASE, ansi_theme=theme))
    terminal = Terminal(COLUMNS, 2)
    terminal.feed(b"\x1b[33;1mx")
    assert "38;2;10;20;3mx" in painter.strip(terminal.rows[0]).render(TRUE_COLOURS)


def test_the_ground_is_not_said_again_for_each_word() -> None:
    painter = Painter(LOOKS[2])
    terminal = Terminal(COLUMNS, 2)
    terminal.feed(b"\x1b[38;2;1;1;1mone \x1b[38;2;2;2;2mtwo \x1b[38;2;3;3;3mthree")
    assert painter.strip(terminal.rows[0]).render(TRUE_COLOURS).count("48;2;") == 2  # of the words, of the blanks
    assert seen(painter.strip(terminal.rows[0]).render(TRUE_COLOURS))[0][0] == "o"


def test_shows_what_the_row_held_when_it_was_asked_for() -> None:
    painter = Painter(LOOKS[1])
    terminal = Terminal(COLUMNS, 2)
    terminal.feed(b"before")
    strip = painter.strip(terminal.rows[0])
    terminal.feed(b"\r\x1b[1mafter!")
    assert strip.text.rstrip() == "before"
    assert "before" in strip.render(TRUE_COLOURS)
    assert painter.strip(terminal.rows[0]).text.rstrip() == "after!"


BOLD = RichStyle(bold=True)


@pytest.mark.parametrize(
    ("start", "end", "bold"),
    [
        (0, 1, "l"),
        (0, 9, "left right"[:9]),
        (3, 6, "t r"),
        (9, 10, "t"),
        (-5, 2, "le"),
        (8, 99, "ht"),
        (4, 4, ""),
        (12, 15, ""),
    ],
)
def test_a_span_lies_over_its_cells_alone(start: int, end: int, bold: str) -> None:
    strip = Strip([Segment("left ", RichStyle(italic=True)), Segment("right", RichStyle(italic=True))], 10)
    laid = overlay(strip, [Span(start, end, BOLD)])
    assert laid.text == strip.text
    assert laid.cell_length == 10
    assert "".join(text for text, style, _ in laid if style is not None and style.bold) == bold
    assert all(style is not None and style.italic for _, style, _ in laid)


def test_text_of_a_span_takes_the_place_of_what_is_there() -> None:
    strip = Strip([Segment("some line", RichStyle())], 9)
    assert overlay(strip, [Span(8, 9, BOLD, "|"), Span(0, 1, BOLD, ">")]).text == ">ome lin|"


@pytest.mark.parametrize(
    ("column", "span"), [(0, (0, 1)), (1, (1, 3)), (2, (1, 3)), (3, (3, 5)), (5, (5, 6)), (9, (9, 10)), (50, (50, 51))]
)
def test_a_cell_is_that_of_the_whole_character(column: int, span: tuple[int, int]) -> None:
    strip = Strip([Segment("a漢"), Segment("字"), Segment("plain")], 10)
    assert cell_span(strip, column) == span


def test_a_cursor_on_reversed_text_still_shows() -> None:
    strip = Strip([Segment("text", RichStyle(reverse=True))], 4)
    laid = list(overlay(strip, [Span(1, 2, RichStyle(reverse=True))]))
    assert [bool(style and style.reverse) for _, style, _ in laid] == [True, False, True]


def test_a_painter_takes_no_strips_of_another_look() -> None:
    terminal = Terminal(COLUMNS, 2)
    terminal.feed(b"\x1b[31mred")
    first, second = Painter(LOOKS[1]), Painter(LOOKS[3])
    strip = first.strip(terminal.rows[0])
    assert first.strip(terminal.rows[0]) is strip
    assert second.strip(terminal.rows[0]) is not strip
    assert list(second.strip(terminal.rows[0])) != list(strip)


@pytest.mark.parametrize("columns", [3, 10])
def test_a_row_longer_than_the_look_is_cut_and_a_shorter_one_filled(columns: int) -> None:
    terminal = Terminal(5, 2)
    terminal.feed("ab漢".encode())
    strip = Painter(Look(columns=columns, base=BASE)).strip(terminal.rows[0])
    assert strip.cell_length == columns == sum(segment.cell_length for segment in strip)
    assert strip.text.startswith("ab")
