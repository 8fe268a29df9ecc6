"""Tokens on a plain screen: what is left to whom, and how rows are kept."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Screen, Style
from podplane_tui.terminal.parser.escape_parser import Parser
from podplane_tui.terminal.parser.plain_path import run_plain
from podplane_tui.terminal.parser.tokens import operation_of, tokens_of

RED = Style(foreground=1)


def run(text: str) -> tuple[Screen, str | None]:
    """A screen of 10 columns and 4 lines, and what the path returned."""
    screen = Screen(10, 4)
    return screen, run_plain(screen, Parser(screen, lambda code: None), iter(tokens_of(text, 0, len(text))))


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("abc", "abc"),
        ("ab\x1b[mcé", "abcé"),
        ("abcdef\rAB", "ABcdef"),
        ("abcdef\b\b\bDEFG", "abcDEFG"),
        ("abcdef\x1b[1;3H\x1b[K", "ab"),
        ("ab\x1b[1;5Hc", "ab  c"),
        ("ab\x1b(0qq\x1b(Bq", "ab──q"),
        ("abc\r\x1b[?25l\x1b[1;4Hd", "abcd"),
    ],
)
def test_a_plain_row_stays_text(text: str, row: str) -> None:
    screen, _ = run(text)
    assert screen.visible[0] == row


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("a\x1b[31mb\x1b[mc", [("a", Style()), ("b", RED), ("c", Style())]),
        ("a\x1b[31mé漢b", [("a", Style()), ("é漢b", RED)]),
        ("\x1b[31m────\x1b[1;2H││", [("─││─", RED)]),
        ("\x1b[31ma\x1b(0q\x1b[mq\x1b(Bq", [("a─", RED), ("─q", Style())]),
        ("\x1b[31m漢字\x1b[1;2H漢", [(" 漢 ", RED)]),
        ("\x1b[31me\u0301\u0302x\u0301", [("e\u0301\u0302x\u0301", RED)]),
        ("ab\x1b[1;5H\x1b[31mc", [("ab  ", Style()), ("c", RED)]),
        ("abc\x1b[1;2H\x1b[31mX", [("a", Style()), ("X", RED), ("c", Style())]),
    ],
)
def test_styles_and_widths_are_kept(text: str, runs: list[tuple[str, Style]]) -> None:
    screen, rest = run(text)
    assert rest == ""
    assert screen.rows[0].runs() == runs


def test_a_style_is_selected_whatever_is_remembered_of_its_sequence() -> None:
    operation_of("\x1b[1;31m")
    numbers = range(3_000)  # more than are remembered of SGR
    run("".join(f"\x1b[38;5;1;48;5;{number % 256};{number // 256}m\x1b[m" for number in numbers))
    screen, _ = run("\x1b[1;31ma")
    assert screen.rows[0].runs() == [("a", Style(foreground=1, bold=True))]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["01234567\x1b[31m89abc", "012345678漢字", "\x1b[31m─────────漢", "─" * 20 + "x"])
def test_what_does_not_fit_goes_on_in_the_next_row(text: str) -> None:
    screen, _ = run(text)
    assert screen.rows[0].wrapped
    assert "".join(row.text for row in screen.rows) == text.replace("\x1b[31m", "")


@pytest.mark.parametrize("control", ["\x1b[4h", "\x1b[?7l", "\x1b[?69h", "\x1bN"])
def test_it_ends_with_the_token_that_makes_the_screen_special(control: str) -> None:
    screen, rest = run(f"ab\x1b[31m{control}cd")
    assert rest is None
    assert screen.display[0].rstrip() == "ab"
    assert (screen.cursor.x, screen.style) == (2, RED)


def test_the_rest_is_left_to_the_parser() -> None:
    screen, rest = run("ab\x1b[31m\x1b[3\nc")
    assert rest == "\x1b[3\nc"
    assert (screen.cursor.x, screen.style) == (2, RED)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("ab", "b"),
        ("a漢", "漢"),
        ("ae\u0301", "e"),
        ("a\x1b(0q", "─"),
        ("a\x1b[31mb\x1b[K", "b"),
        ("0123456789ab", "b"),
        ("a\x1b[A", "a"),
    ],
)
def test_the_last_character_is_the_one_to_repeat(text: str, last: str) -> None:
    screen, _ = run(text)
    assert screen.last_char == last


def test_a_background_scrolls_in_and_fills_what_is_erased() -> None:
    screen, _ = run("\x1b[44ma\n\n\n\nb\x1b[K")
    blue = Style(background=4)
    assert screen.rows[3].runs() == [(" b        ", blue)]
    assert [row.text for row in screen.scrollback] == ["a"]
