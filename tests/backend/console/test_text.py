"""Console bytes as plain text: readable, harmless, and the same however they are cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podplane_tui.backend.console.text import PlainText


def plain(*pieces: bytes, colours: bool = False) -> str:
    text = PlainText(colours=colours)
    return "".join(text.feed(piece) for piece in pieces) + text.end()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"one\r\ntwo\r\r\nthree\n", "one\ntwo\nthree\n"),
        (b"10%\r20%\rdone\n", "10%\n20%\ndone\n"),
        (b"[\x1b[0;32m  OK  \x1b[0m] Started\tx\n", "[  OK  ] Started\tx\n"),
        (b"\x1b[2J\x1b[01;01H\x1b[=3hshell", "shell"),
        (b"\x1b]0;title\x07a\x1b]52;c;eA==\x1b\\b\x1bP1$r\x1b\\c", "abc"),
        ("caf\u00e9 \u202egnp \u009b31mx".encode(), "caf\u00e9 gnp 31mx"),
        (b"bell\x07 back\x08 \x00nul \xff", "bell back nul \ufffd"),
        (b"cut off \x1b[3", "cut off "),
        (b"cut off \x1b]0;ti", "cut off "),
        (b"\x1b(B\x1b=ok\x1b7", "ok"),
    ],
)
def test_only_text_is_left(data: bytes, expected: str) -> None:
    assert plain(data) == expected


def test_colours_stay_where_they_are_wanted_and_nothing_else() -> None:
    data = b"\x1b[0;31mred\x1b[0m \x1b[2J\x1b[?25l\x1b[>4;2m\x1b[38:2::1:2:3mrgb\x1b]0;x\x07"
    assert plain(data, colours=True) == "\x1b[0;31mred\x1b[0m \x1b[38:2::1:2:3mrgb\x1b[0m"


def test_a_sequence_without_end_does_not_hold_the_text_back() -> None:
    text = PlainText(colours=False)
    shown = text.feed(b"\x1b]0;" + b"x" * 10000 + b"\r\nnext line\n")
    assert shown.endswith("\nnext line\n")


SNIPPETS = st.sampled_from(
    [
        b"\x1b[0;32mOK\x1b[0m",
        b"\x1b]0;t\x07",
        b"\x1b]0;t\x1b\\",
        b"\r\n",
        b"\r\r\n",
        b"\r",
        "\u00e9".encode(),
        b"\x1b",
        b"\x1bP",
    ]
)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(SNIPPETS | st.binary(max_size=10), max_size=20), st.lists(st.integers(1, 9), min_size=1), st.booleans())
def test_any_cut_gives_the_same_harmless_text(pieces: list[bytes], cuts: list[int], colours: bool) -> None:
    data = b"".join(pieces)
    cut, start, number = [], 0, 0
    while start < len(data):
        cut.append(data[start : start + cuts[number % len(cuts)]])
        start, number = start + len(cut[-1]), number + 1
    text = plain(*cut, colours=colours)
    assert text == plain(data, colours=colours)
    left = re.sub(r"\x1b\[[0-9;:]*m", "", text) if colours else text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", left)
