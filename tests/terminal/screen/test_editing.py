"""Erasing, inserting, deleting, scrolling, and rectangles."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import DEFAULT_STYLE, Style
from tests.terminal.support import FULL, SIDES, Case, Feed, fed, place, sequences, shown

EDITING: list[Case] = [
    ("EL right", FULL + "\x1b[1;4H\x1b[K", ["012", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("EL left", FULL + "\x1b[1;4H\x1b[1K", ["    456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("EL all", FULL + "\x1b[1;4H\x1b[2K", ["", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("EL unknown", FULL + "\x1b[3K", ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (0, 0)),
    ("ED below", FULL + "\x1b[2;4H\x1b[J", ["0123456789", "abc"], (3, 1)),
    ("ED above", FULL + "\x1b[3;4H\x1b[1J", ["", "", "    EFGHIJ", "klmnopqrst"], (3, 2)),
    ("ED all", FULL + "\x1b[3;4H\x1b[2J", [], (3, 2)),
    ("ED unknown", FULL + "\x1b[4J", ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (0, 0)),
    ("ECH", FULL + "\x1b[1;4H\x1b[3X", ["012   6789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("ICH", FULL + "\x1b[1;4H\x1b[2@", ["012  34567", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("DCH", FULL + "\x1b[1;4H\x1b[2P", ["01256789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("IL", FULL + "\x1b[2;4H\x1b[L", ["0123456789", "", "abcdefghij", "ABCDEFGHIJ"], (0, 1)),
    ("DL", FULL + "\x1b[2;4H\x1b[M", ["0123456789", "ABCDEFGHIJ", "klmnopqrst"], (0, 1)),
    ("DL of more than there are", FULL + "\x1b[2;1H\x1b[99M", ["0123456789"], (0, 1)),
    (
        "IL outside the margins",
        FULL + "\x1b[2;3r\x1b[L",
        ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"],
        (0, 0),
    ),
    ("IL in margins", FULL + "\x1b[2;3r\x1b[2;1H\x1b[L", ["0123456789", "", "abcdefghij", "klmnopqrst"], (0, 1)),
    ("SU", FULL + "\x1b[S", ["abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (0, 0)),
    ("SD", FULL + "\x1b[T", ["", "0123456789", "abcdefghij", "ABCDEFGHIJ"], (0, 0)),
    ("SU in margins", FULL + "\x1b[2;3r\x1b[S", ["0123456789", "ABCDEFGHIJ", "", "klmnopqrst"], (0, 0)),
    ("DECALN after margins", "\x1b[2;3r\x1b#8\x1b[S", ["EEEEEEEEEE"] * 3, (0, 0)),
]

SIDE_MARGINS: list[Case] = [
    ("ICH", FULL + SIDES + "\x1b[1;4H\x1b[2@", ["012  34789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("DCH", FULL + SIDES + "\x1b[1;4H\x1b[2P", ["01256  789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("DCH outside", FULL + SIDES + "\x1b[1;9H\x1b[P", ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (8, 0)),
    ("IL", FULL + SIDES + "\x1b[2;4H\x1b[L", ["0123456789", "ab     hij", "ABcdefgHIJ", "klCDEFGrst"], (2, 1)),
    ("DL", FULL + SIDES + "\x1b[2;4H\x1b[M", ["0123456789", "abCDEFGhij", "ABmnopqHIJ", "kl     rst"], (2, 1)),
    ("SU", FULL + SIDES + "\x1b[S", ["01cdefg789", "abCDEFGhij", "ABmnopqHIJ", "kl     rst"], (0, 0)),
    ("SD", FULL + SIDES + "\x1b[T", ["01     789", "ab23456hij", "ABcdefgHIJ", "klCDEFGrst"], (0, 0)),
    ("DECIC", FULL + SIDES + "\x1b[1;4H\x1b['}", ["012 345789", "abc defhij", "ABC DEFHIJ", "klm noprst"], (3, 0)),
    ("DECDC", FULL + SIDES + "\x1b[1;4H\x1b['~", ["012456 789", "abcefg hij", "ABCEFG HIJ", "klmopq rst"], (3, 0)),
    ("DECFI", FULL + SIDES + "\x1b[1;7H\x1b9", ["013456 789", "abdefg hij", "ABDEFG HIJ", "klnopq rst"], (6, 0)),
    ("DECBI", FULL + SIDES + "\x1b[1;3H\x1b6", ["01 2345789", "ab cdefhij", "AB CDEFHIJ", "kl mnoprst"], (2, 0)),
]

RECTANGLES: list[Case] = [
    ("DECFRA", "\x1b[88;2;3;3;5$x", ["", "  XXX", "  XXX"], (0, 0)),
    ("DECFRA with defaults", "\x1b[88$x", ["X" * 10] * 4, (0, 0)),
    ("DECFRA upside down", "\x1b[88;3;3;2;5$x", [], (0, 0)),
    ("DECERA", FULL + "\x1b[2;3;3;5$z", ["0123456789", "ab   fghij", "AB   FGHIJ", "klmnopqrst"], (0, 0)),
    ("DECCRA", FULL + "\x1b[1;1;2;3;1;3;5;1$v", ["0123456789", "abcdefghij", "ABCD012HIJ", "klmnabcrst"], (0, 0)),
    (
        "DECCRA overlapping",
        FULL + "\x1b[1;1;3;10;1;2;2;1$v",
        ["0123456789", "a012345678", "Aabcdefghi", "kABCDEFGHI"],
        (0, 0),
    ),
    ("DECFRA in origin mode", "\x1b[2;3r\x1b[?6h\x1b[88;1;1;1;2$x", ["", "XX"], (0, 1)),
    ("DECSERA spares", 'ab\x1b[1"qcd\x1b[0"qef\x1b[1;1;1;10${', ["  cd"], (6, 0)),
    ("DECSED spares", 'ab\x1b[1"qcd\x1b[0"qef\x1b[?2J', ["  cd"], (6, 0)),
    ("DECSEL spares", 'ab\x1b[1"qcd\x1b[0"qef\x1b[?1K', ["  cd"], (6, 0)),
    ("ED does not care for DECSCA", 'ab\x1b[1"qcd\x1b[0"qef\x1b[2J', [], (6, 0)),
    ("ED spares SPA to EPA", "ab\x1bVcd\x1bWef\x1b[2J", ["  cd"], (6, 0)),
    ("DECSERA spares nothing of SPA", "a\x1bVb\x1bW\x1b[1;1;1;2${", [], (2, 0)),
    ("SGR 0 does not end protection", 'a\x1b[1"qb\x1b[mc\x1b[?2K', [" bc"], (3, 0)),
]


@sequences(editing=EDITING, side_margins=SIDE_MARGINS, rectangles=RECTANGLES)
def test_sequence(feed: Feed, data: str, lines: list[str], cursor: tuple[int, int]) -> None:
    terminal = feed(data)
    assert shown(terminal) == lines
    assert place(terminal) == cursor


@pytest.mark.parametrize(
    ("data", "runs"),
    [
        ("\x1b[44mab\x1b[K", [("ab" + " " * 8, Style(background=4))]),
        ("ab\x1b[44m\x1b[1;2H\x1b[X", [("a", DEFAULT_STYLE), (" ", Style(background=4))]),
        ("\x1b[1;44m\x1b[2J", [(" " * 10, Style(background=4))]),
        ("ab\x1b[44m\x1b[1;1H\x1b[@", [(" ", Style(background=4)), ("ab", DEFAULT_STYLE)]),
        ("ab\x1b[44m\x1b[1;1H\x1b[P", [("b" + " " * 8, DEFAULT_STYLE), (" ", Style(background=4))]),
        ("\x1b[44m\x1b[T", [(" " * 10, Style(background=4))]),
        ("ab\x1b[44m\x1b[4;1H\n\n\n\n", [(" " * 10, Style(background=4))]),
    ],
)
def test_erasing_uses_the_background_colour(data: str, runs: list[tuple[str, Style]]) -> None:
    assert list(fed(data).rows[0].runs()) == runs


def test_rectangle_attributes() -> None:
    terminal = fed("abcd\x1b[2*x\x1b[1;2;1;3;1$r")
    assert terminal.rows[0].runs()[1] == ("bc", Style(bold=True))
    terminal.feed(b"\x1b[1;2;1;2;1$t")
    assert terminal.rows[0].runs()[1] == ("c", Style(bold=True))
