"""Tokens by the screen's handlers."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Screen, Style
from podplane_tui.terminal.parser.escape_parser import Parser
from podplane_tui.terminal.parser.general_path import run_general
from podplane_tui.terminal.parser.tokens import tokens_of


def run(text: str, *, no_autowrap: bool = True) -> tuple[Screen, str | None, list[str]]:
    """The screen, what the path returned, and the visible lines; without automatic wrap no screen is plain."""
    screen = Screen(10, 4)
    if no_autowrap:
        screen.reset_mode(7, private=True)
    rest = run_general(screen, Parser(screen, lambda code: None), iter(tokens_of(text, 0, len(text))))
    return screen, rest, [line.rstrip() for line in screen.display]


@pytest.mark.parametrize(
    ("text", "lines", "cursor"),
    [
        ("ab\r\nc\nd", ["ab", "c", " d", ""], (2, 2)),
        ("ab\rc\b\bd\x1b[K", ["d", "", "", ""], (1, 0)),
        ("\x1b[3;4Ha漢\x1b[A\x1b[…x", ["", "", "   a漢", ""], (6, 1)),
        ("0123456789ab", ["012345678b", "", "", ""], (9, 0)),
        ("\x1b[>1m\x1b[1;?5ha\x1bDb", ["a", " b", "", ""], (2, 1)),
    ],
)
def test_each_token_is_carried_out(text: str, lines: list[str], cursor: tuple[int, int]) -> None:
    screen, _, shown = run(text)
    assert shown == lines
    assert (screen.cursor.x, screen.cursor.y) == cursor


def test_styles_modes_and_titles_are_the_screens() -> None:
    screen, rest, _ = run("\x1b[31m\x1b[?25l\x1b]2;title\x07")
    assert rest == ""
    assert screen.style == Style(foreground=1)
    assert screen.cursor.hidden
    assert screen.title == "title"


def test_the_rest_is_left_to_the_parser() -> None:
    _, rest, lines = run("ab\x1b[3\nc")
    assert rest == "\x1b[3\nc"
    assert lines[0] == "ab"


def test_it_ends_with_the_token_that_makes_the_screen_plain() -> None:
    screen, rest, lines = run("ab\x1b[?7hcd")
    assert rest is None
    assert screen.plain
    assert lines[0] == "ab"
