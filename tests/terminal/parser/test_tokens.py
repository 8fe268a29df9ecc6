"""What text is cut into, and what the pieces mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.terminal.parser import tokens
from podplane_tui.terminal.parser.tokens import OPERATIONS, Operation, Token, operation_of, tokens_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ab", [("ab", "")]),
        ("a\r\r\nb\n", [("a", "\r\r\n"), ("b", "\n")]),
        ("a\rb\t", [("a", "\r"), ("b", "\t")]),
        ("\x1b[31ma\x1b[0;1m", [("", "\x1b[31m"), ("a", "\x1b[0;1m")]),
        ("a漢字 é", [("a", "漢字"), (" ", "é")]),
        ("\x1b(Ba\x1b7", [("", "\x1b(B"), ("a", "\x1b7")]),
        ("\x1b]2;title\x07a", [("", "\x1b]2;title\x07"), ("a", "")]),
        ("a\x1b[3", [("a", "\x1b[3")]),
        ("a\x1b[3\nb\x1b[m", [("a", "\x1b[3\nb\x1b[m")]),
        ("a\x1bPq\x1b\\b", [("a", "\x1bPq\x1b\\b")]),
        ("a\x9b3mb", [("a", "\x9b3mb")]),
    ],
)
def test_text_is_cut_behind_each_control(text: str, expected: list[Token]) -> None:
    assert [token for token in tokens_of(text, 0, len(text)) if token != ("", "")] == expected


@pytest.mark.slow
@given(st.text(st.sampled_from("ab é漢\u0301\x1b[](]031;m\r\n\t\x07\\\x9b…"), max_size=40))
def test_nothing_gets_lost_between_tokens(text: str) -> None:
    assert "".join(text + control for text, control in tokens_of(text, 0, len(text))) == text


@pytest.mark.parametrize(
    ("control", "operation"),
    [
        ("\r\n", (tokens.NEWLINE, None, None)),
        ("\n", (tokens.LINEFEED, None, None)),
        ("\r", (tokens.RETURN, None, None)),
        ("\b", (tokens.BACK, None, None)),
        ("\t", (tokens.LIGHT, "controls", "\t")),
        ("\x0e", (tokens.FULL, "controls", "\x0e")),
        ("\x1b[H", (tokens.POSITION, 0, 0)),
        ("\x1b[3;7f", (tokens.POSITION, 2, 6)),
        ("\x1b[K", (tokens.ERASE_RIGHT, None, None)),
        ("\x1b[1K", (tokens.LIGHT, "K", (1,))),
        ("\x1b[>4;2m", (tokens.FULL, ">m", (4, 2))),
        ("\x1b[?25l", (tokens.MODE, 25 << 5, False)),
        ("\x1b[?1049h", (tokens.FULL, "?h", (1049,))),
        ("\x1b[1;?5h", (tokens.NOTHING, None, None)),
        ("\x1b7", (tokens.LIGHT, "escapes", "7")),
        ("\x1b8", (tokens.FULL, "escapes", "8")),
        ("\x1b(0", (tokens.FULL, "escapes", "(0")),
        ("\x1b]0;title\x1b\\", (tokens.STRING, None, None)),
        ("\x1b[3", (tokens.REST, None, None)),
        ("\x1b", (tokens.REST, None, None)),
    ],
)
def test_what_a_control_means(control: str, operation: Operation) -> None:
    assert operation_of(control) == operation
    assert OPERATIONS.get(control, operation) == operation


def test_what_is_remembered_is_bounded() -> None:
    for number in range(20_000):
        operation_of(f"\x1b[{number}d")
        if len(OPERATIONS) > 10_000:
            pytest.fail("operations are never forgotten")
    assert OPERATIONS["\x1b[19999d"] == (tokens.LIGHT, "d", (19999,))


@pytest.mark.parametrize("rest", ["\x1b[3", "\x1b]2;" + "x" * 600, "\x1b]2;title\x07"])
def test_what_ends_with_the_text_is_not_remembered(rest: str) -> None:
    operation_of(rest)
    assert rest not in OPERATIONS
