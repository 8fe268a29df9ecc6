"""Where control sequences put the cursor, and what line feeds scroll."""

from __future__ import annotations

import pytest

from tests.terminal.support import FULL, SIDES, Case, Feed, place, sequences, shown

pytestmark = pytest.mark.slow

MOVING: list[Case] = [
    ("CUP", "\x1b[2;3HX", ["", "  X"], (3, 1)),
    ("CUP is clamped", "\x1b[99;99HX", ["", "", "", "         X"], (9, 3)),
    ("CUP with missing parameters", "\x1b[;3HX", ["  X"], (3, 0)),
    ("HVP", "\x1b[2;3fX", ["", "  X"], (3, 1)),
    ("CUU stops at the top", "\x1b[3;1H\x1b[9A", [], (0, 0)),
    ("CUU stops at the margin", "\x1b[2;4r\x1b[3;1H\x1b[9A", [], (0, 1)),
    ("CUU from above the margin", "\x1b[3;4r\x1b[2;1H\x1b[9A", [], (0, 0)),
    ("CUD stops at the margin", "\x1b[1;3r\x1b[9B", [], (0, 2)),
    ("CUD from below the margin", "\x1b[1;2r\x1b[3;1H\x1b[9B", [], (0, 3)),
    ("CUF", "\x1b[3C", [], (3, 0)),
    ("CUF stops at the right margin", SIDES + "\x1b[1;4H\x1b[99C", [], (6, 0)),
    ("CUF from right of the margin", SIDES + "\x1b[1;9H\x1b[99C", [], (9, 0)),
    ("CUB stops at the left margin", SIDES + "\x1b[1;5H\x1b[99D", [], (2, 0)),
    ("CUB from left of the margin", SIDES + "\x1b[1;2H\x1b[99D", [], (0, 0)),
    ("CNL", "\x1b[1;5H\x1b[2E", [], (0, 2)),
    ("CPL", "\x1b[3;5H\x1b[F", [], (0, 1)),
    ("CHA", "\x1b[2;5H\x1b[3G", [], (2, 1)),
    ("HPA", "\x1b[2;5H\x1b[3`", [], (2, 1)),
    ("HPR", "\x1b[2;5H\x1b[3a", [], (7, 1)),
    ("VPA", "\x1b[2;5H\x1b[3d", [], (4, 2)),
    ("VPR", "\x1b[2;5H\x1b[e", [], (4, 2)),
    ("origin mode", "\x1b[2;3r\x1b[?6h\x1b[1;1HX", ["", "X"], (1, 1)),
    ("origin mode stops at the bottom margin", "\x1b[2;3r\x1b[?6h\x1b[9;1HX", ["", "", "X"], (1, 2)),
    ("origin mode without margins, then VPA", "\x1b[?6h\x1b[3dX", ["", "", "X"], (1, 2)),
    ("origin mode with side margins", SIDES + "\x1b[?6h\x1b[1;1HX", ["  X"], (3, 0)),
    ("reverse wrap", "\x1b[?45h0123456789a\b\bX", ["012345678X", "a"], (9, 0)),
    ("tabs", "\tX", ["        X"], (9, 0)),
    ("tab stops at the last column", "\t\tX", ["         X"], (9, 0)),
    ("HTS and TBC", "\x1b[3g\x1b[1;4H\x1bH\r\tX", ["   X"], (4, 0)),
    ("TBC at the cursor", "\x1b[1;9H\x1b[g\r\tX", ["         X"], (9, 0)),
    ("CHT", "\x1b[1;3H\x1b[I", [], (8, 0)),
    ("CBT", "\x1b[1;10H\x1b[Z", [], (8, 0)),
    ("CBT to the start", "\x1b[1;10H\x1b[9Z", [], (0, 0)),
    ("save and restore", "ab\x1b7\x1b[3;3H\x1b8c", ["abc"], (3, 0)),
    ("restore twice", "ab\x1b7\x1b[3;3H\x1b8\x1b[4;1H\x1b8c", ["abc"], (3, 0)),
    ("restore without save", "ab\x1b8c", ["cb"], (1, 0)),
    ("NEL", "ab\x1bEc", ["ab", "c"], (1, 1)),
    ("IND", "ab\x1bDc", ["ab", "  c"], (3, 1)),
    ("RI scrolls at the top", "a\x1bMb", [" b", "a"], (2, 0)),
]

LINE_FEEDS: list[Case] = [
    ("line feed keeps the column", "ab\ncd", ["ab", "  cd"], (4, 1)),
    ("vertical tab and form feed are line feeds", "a\x0bb\x0cc", ["a", " b", "  c"], (3, 2)),
    ("newline mode", "\x1b[20hab\ncd", ["ab", "cd"], (2, 1)),
    ("scrolling at the bottom", "a\r\nb\r\nc\r\nd\r\ne", ["b", "c", "d", "e"], (1, 3)),
    (
        "line feed at the bottom margin",
        FULL + "\x1b[2;3r\x1b[3;1H\n",
        ["0123456789", "ABCDEFGHIJ", "", "klmnopqrst"],
        (0, 2),
    ),
    (
        "line feed below the margins",
        FULL + "\x1b[1;2r\x1b[4;1H\n",
        ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"],
        (0, 3),
    ),
    (
        "margins the wrong way round",
        FULL + "\x1b[2;2H\x1b[3;2rX",
        ["0123456789", "aXcdefghij", "ABCDEFGHIJ", "klmnopqrst"],
        (2, 1),
    ),
]

SIDE_MARGINS: list[Case] = [
    (
        "line feed outside does not scroll",
        FULL + SIDES + "\x1b[4;1H\n",
        ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"],
        (0, 3),
    ),
    (
        "line feed inside scrolls",
        FULL + SIDES + "\x1b[4;3H\n",
        ["01cdefg789", "abCDEFGhij", "ABmnopqHIJ", "kl     rst"],
        (2, 3),
    ),
    ("carriage return", SIDES + "\x1b[1;5H\rX", ["  X"], (3, 0)),
    ("carriage return left of the margin", SIDES + "\x1b[1;2H\rX", ["X"], (1, 0)),
    ("tab stops at the margin", SIDES + "\x1b[1;3H\tX", ["      X"], (6, 0)),
]


@sequences(moving=MOVING, line_feeds=LINE_FEEDS, side_margins=SIDE_MARGINS)
def test_sequence(feed: Feed, data: str, lines: list[str], cursor: tuple[int, int]) -> None:
    terminal = feed(data)
    assert shown(terminal) == lines
    assert place(terminal) == cursor
