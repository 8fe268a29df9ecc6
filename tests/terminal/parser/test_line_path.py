"""Whole lines that go to the rows as text, and what keeps them from it."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Screen, Stream, Style
from podplane_tui.terminal.parser.line_path import print_lines


def printed(text: str, *, before: str = "", columns: int = 10, lines: int = 4) -> tuple[Screen, int, list[str]]:
    """The screen, how much of `text` was printed, and which lines went by their tokens."""
    screen = Screen(columns, lines)
    Stream(screen).feed(before.encode())
    singles: list[str] = []
    return screen, print_lines(screen, text, 0, singles.append), singles


def lines_of(screen: Screen) -> list[str]:
    return [*(row.text for row in screen.scrollback), *(line.rstrip() for line in screen.display)]


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("a\r\nb\r\nrest", 6),
        ("a\r\nb\r\n", 6),
        ("a\r\r\nb\r\n", 7),
        ("rest", 0),
        ("a\nb\r\n", 0),
        ("a\r\nb\x1b[Kc\r\n", 3),
        ("a\r\nb\tc\r\n", 3),
        ("\x1b[31ma\x1b[0m\r\nb\r\n\x07", 15),
        ("é漢\r\nbbbbbbbbbb\r\n", 16),
        ("a\r\n\x9b", 3),
    ],
)
def test_only_whole_lines_of_text_and_colours_are_taken(text: str, end: int) -> None:
    screen, taken, singles = printed(text)
    assert taken == end
    assert (screen.cursor.x, screen.cursor.y) == (0, text[:end].count("\n"))
    assert not singles


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("x", id="the cursor stands in a line"),
        pytest.param("0123456789", id="a wrap is pending"),
        pytest.param("\x1b[2;3r", id="margins"),
        pytest.param("\x1b[?69h\x1b[3;7s", id="side margins"),
        pytest.param("\x1b[4h", id="insert mode"),
        pytest.param("\x1b[?7l", id="no autowrap"),
        pytest.param("\x1b(0", id="line drawing"),
        pytest.param("\x1b[44m", id="background"),
        pytest.param('\x1b[1"q', id="protection"),
        pytest.param("\n\nx\x1b[H", id="text below"),
        pytest.param("\x1b[2;1H\x1b[44m\x1b[K\x1b[m\x1b[H", id="colour below"),
    ],
)
def test_nothing_is_taken_while_anything_is_in_the_way(before: str) -> None:
    untouched, *_ = printed("", before=before)
    screen, taken, _ = printed("a\r\nb\r\n", before=before)
    assert taken == 0
    assert screen.display == untouched.display


def test_lines_stay_text_until_somebody_looks() -> None:
    screen, *_ = printed("a\r\n\x1b[31mb\r\n\r\n\r\n\r\n")
    assert list(screen.scrollback.stored) == ["a", "\x1b[31mb"]
    assert screen.scrollback[1].runs() == [("b", Style(foreground=1))]


@pytest.mark.parametrize("count", [1, 3, 4, 7, 40])
@pytest.mark.parametrize("above", [0, 1, 3])
def test_lines_are_in_order_however_many_there_are(count: int, above: int) -> None:
    before = [f"before {number}" for number in range(above)]
    lines = [f"line {number}" for number in range(count)]
    screen, *_ = printed("\r\n".join([*lines, ""]), before="\r\n".join([*before, ""]))
    assert [line for line in lines_of(screen) if line] == before + lines
    assert len(lines_of(screen)) == max(4, above + count + 1)
    assert screen.cursor.y == min(3, above + count)


def test_lines_of_the_alternate_screen_are_not_kept() -> None:
    screen, *_ = printed("".join(f"{number}\r\n" for number in range(9)), before="\x1b[?1049h\x1b[H")
    assert lines_of(screen) == ["6", "7", "8", ""]


def test_a_style_goes_on_in_the_next_line_and_behind_it() -> None:
    screen, *_ = printed("a\x1b[31mb\r\nc\r\n\x1b[1md\r\n")
    red, bold = Style(foreground=1), Style(foreground=1, bold=True)
    assert [row.runs() for row in screen.rows[:3]] == [[("a", Style()), ("b", red)], [("c", red)], [("d", bold)]]
    assert screen.style == bold


def test_a_long_line_is_cut_and_knows_that_it_goes_on() -> None:
    screen, *_ = printed("0123456789abc\r\n0123456789\r\n", before="\x1b[1m")
    assert [(row.text, row.wrapped) for row in screen.rows[:3]] == [
        ("0123456789", True),
        ("abc", False),
        ("0123456789", False),
    ]
    assert screen.rows[0].runs() == [("0123456789", Style(bold=True))]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("\x1b[44ma", id="the background stays on"),
        pytest.param("漢漢漢漢漢漢", id="wide and too long"),
        pytest.param("\x1b[31m0123456789a", id="coloured and too long"),
        pytest.param("\u0301a\x1b[m", id="a mark without a character"),
        pytest.param("\x1b[31m\x1b[m" * 60, id="more colours than text"),
    ],
)
def test_a_line_that_needs_a_closer_look_goes_by_its_tokens(line: str) -> None:
    text = f"before\r\n{line}\r\nbehind\r\n"
    screen, taken, singles = printed(text)
    assert singles == [f"{line}\r\n"]
    assert taken == len(text)
    assert lines_of(screen) == ["before", "behind", "", ""]  # who takes single lines here prints nothing


def test_lines_behind_one_that_puts_something_in_the_way_are_left() -> None:
    screen = Screen(10, 4)
    text = "\x1b[31ma\x1b[44m\r\nb\r\nc\r\n"
    taken = print_lines(screen, text, 0, lambda line: screen.set_margins(2, 3))
    assert text[taken:] == "b\r\nc\r\n"
    assert lines_of(screen) == [""] * 4


@pytest.mark.parametrize(
    ("text", "last"), [("ab\r\n\r\n", "b"), ("e\u0301\r\n", "e"), ("a\r\n\x1b[1m\r\n", "a"), ("漢\r\n", "漢")]
)
def test_what_can_be_repeated_is_the_last_character_that_took_a_cell(text: str, last: str) -> None:
    assert printed(text, before="\x1b[1m")[0].last_char == last
