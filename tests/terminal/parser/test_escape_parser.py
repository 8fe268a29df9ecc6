"""Sequences that are cut, cancelled, nested, or out of bounds."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Screen
from podplane_tui.terminal.parser.escape_parser import GROUND, Parser, numbers_of
from tests.terminal.support import Case, Feed, answer, fed, place, sequences, shown

ODDITIES: list[Case] = [
    ("ellipsis cuts an escape", "a\x1b…b", ["a…b"], (3, 0)),
    ("ellipsis cuts a control sequence", "a\x1b[…b", ["a…b"], (3, 0)),
    ("ellipsis cuts parameters", "a\x1b[0;1;3…b", ["a…b"], (3, 0)),
    ("CAN ends a sequence", "a\x1b[3\x18b", ["ab"], (2, 0)),
    ("SUB ends a sequence", "a\x1b[3\x1ab", ["ab"], (2, 0)),
    ("ESC begins anew", "a\x1b[3\x1b[2Cb", ["a  b"], (4, 0)),
    ("controls inside a sequence are carried out", "ab\x1b[\b2Cc", ["ab c"], (4, 0)),
    ("OSC is swallowed", "a\x1b]0;title\x07b\x1b]2;x\x1b\\c", ["abc"], (3, 0)),
    ("unfinished OSC ends with the next sequence", "a\x1b]0;title\x1b[Cb", ["a b"], (3, 0)),
    ("DCS, SOS, PM, APC", "a\x1bPx\x1b\\\x1bXy\x1b\\\x1b^z\x1b\\\x1b_w\x1b\\b", ["ab"], (2, 0)),
    ("screen's title", "a\x1bktitle\x1b\\b", ["ab"], (2, 0)),
    ("private prefixes are not SGR", "a\x1b[>4;2mb\x1b[?4mc", ["abc"], (3, 0)),
    ("long numbers", "a\x1b[" + "9" * 5000 + "Cb", ["a        b"], (9, 0)),
    ("odd digits", "a\x1b[²Cb", ["a²Cb"], (4, 0)),
    ("8-bit controls are none in UTF-8", "a\u009b2Cb", ["a\ufffd2Cb"], (5, 0)),
]


@sequences(oddities=ODDITIES)
def test_sequence(feed: Feed, data: str, lines: list[str], cursor: tuple[int, int]) -> None:
    terminal = feed(data)
    assert shown(terminal) == lines
    assert place(terminal) == cursor


@pytest.mark.parametrize(
    ("parameters", "numbers"),
    [
        ("", ()),
        ("7", (7,)),
        ("1;;3", (1, 0, 3)),
        (";", (0, 0)),
        ("4:3;1", (4, 1)),
        (":3", (0,)),
        ("007", (7,)),
        ("0000000012", (12,)),
        ("0" * 40, (0,)),
        ("65535;65536;999999999999", (65_535, 65_535, 65_535)),
        ("<;1?", (0, 0)),
        ("1;" * 40, (1,) * 32),
    ],
)
def test_numbers_of_a_sequence(parameters: str, numbers: tuple[int, ...]) -> None:
    assert numbers_of(parameters) == numbers


@pytest.mark.parametrize(
    ("text", "taken", "under_way"),
    [
        ("\x1b[3Cab", 4, False),
        ("\x1b[3\nCab", 5, False),
        ("\x1b[3", 3, True),
        ("\x1b]0;title\x07ab", 10, False),
        ("\x1b]0;title\x1b\\ab", 11, False),
        ("\x1b]0;title", 9, True),
        ("\x1b]0;title\x1b", 10, True),
        ("\x1b[3…ab", 4, False),
        ("\x1b(0ab", 3, False),
        ("ab", 1, False),
    ],
)
def test_the_parser_stops_where_nothing_is_under_way(text: str, taken: int, under_way: bool) -> None:
    parser = Parser(Screen(10, 4), lambda code: None)
    assert parser.consume("xx" + text, 2) == 2 + taken
    assert (parser.state != GROUND) is under_way


def test_who_decodes_is_told_of_another_encoding() -> None:
    codes: list[str] = []
    parser = Parser(Screen(10, 4), codes.append)
    for sequence in ("\x1b%G", "\x1b%@", "\x1b%/G"):
        parser.consume(sequence)
    assert codes == ["G", "@", "/G"]


@pytest.mark.parametrize(
    ("command", "title", "icon"),
    [
        ("\x1b]0;a;b\x07", "a;b", "a;b"),
        ("\x1b]1;a\x07", "", "a"),
        ("\x1b]2;a\x1b\\", "a", ""),
        ("\x1b]la\x07", "a", ""),
        ("\x1b]La\x07", "", "a"),
        ("\x1bka\x1b\\", "a", ""),
        ("\x1b]2a\x07", "", ""),
        ("\x1b]²;a\x07", "", ""),
        ("\x1b]00002;a\x07", "", ""),
        ("\x1b]-2;a\x07", "", ""),
        ("\x1b]2;a\x18", "", ""),
        ("\x1b]2;a\x1b[m", "", ""),
        ("\x1bP2;a\x07\x1b\\", "", ""),
    ],
)
def test_titles(command: str, title: str, icon: str) -> None:
    terminal = fed(command + "x")
    assert (terminal.title, terminal.icon_name) == (title, icon)
    assert shown(terminal) == ["x"]


def test_a_bell_in_a_device_control_string_belongs_to_it() -> None:
    assert fed("\x1bP$q\x07m\x1b\\").bell_count == 0
    assert answer("\x1bP$q\x07m\x1b\\") == b"\x1bP0$r\x1b\\"
