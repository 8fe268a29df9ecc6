"""Printing: widths, wrapping, insert mode, repetition."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Screen
from tests.terminal.support import FULL, SIDES, Case, Feed, fed, place, sequences, shown

PRINTING: list[Case] = [
    ("text", "hello", ["hello"], (5, 0)),
    ("wrap is pending at the end of a line", "0123456789", ["0123456789"], (9, 0)),
    ("wrap comes with the next character", "0123456789a", ["0123456789", "a"], (1, 1)),
    ("carriage return takes a pending wrap away", "0123456789\rX", ["X123456789"], (1, 0)),
    ("backspace from a pending wrap", "0123456789\bX", ["01234567X9"], (9, 0)),
    ("tab keeps a pending wrap", "0123456789\tX", ["0123456789", "X"], (1, 1)),
    ("tab after a pending wrap with mode 41", "\x1b[?41h0123456789\tX", ["0123456789", "        X"], (9, 1)),
    ("no autowrap", "\x1b[?7l0123456789abc", ["012345678c"], (9, 0)),
    ("systemd ends lines with two returns", "a\r\r\nb", ["a", "b"], (1, 1)),
    ("insert mode", "abc\x1b[H\x1b[4hXY", ["XYabc"], (2, 0)),
    ("insert mode pushes out at the right", "0123456789\x1b[H\x1b[4hX", ["X012345678"], (1, 0)),
    ("repetition", "ab\x1b[3b", ["abbbb"], (5, 0)),
    ("repetition wraps", "a\x1b[12b", ["aaaaaaaaaa", "aaa"], (3, 1)),
    ("repetition without a character", "\x1b[3b", [], (0, 0)),
    ("delete and nul are nothing", "a\x7fb\x00c", ["abc"], (3, 0)),
    ("alignment display", "\x1b[2;3r\x1b#8", ["EEEEEEEEEE"] * 4, (0, 0)),
]

WIDTHS: list[Case] = [
    ("wide", "漢字x", ["漢字x"], (5, 0)),
    ("wide at the margin goes to the next line", "012345678漢", ["012345678", "漢"], (2, 1)),
    ("combining", "e\u0301x", ["e\u0301x"], (2, 0)),
    ("combining after a pending wrap", "012345678e\u0301", ["012345678e\u0301"], (9, 0)),
    ("combining at the start of a line is dropped", "\u0301a", ["a"], (1, 0)),
    ("variation selector keeps the rest of the run", "\u26a0\ufe0f warn", ["\u26a0\ufe0f warn"], (6, 0)),
    ("left half overwritten", "漢字\x1b[HX", ["X 字"], (1, 0)),
    ("right half overwritten", "漢字\x1b[1;2HX", [" X字"], (2, 0)),
    ("wide over two halves", "漢字\x1b[1;2H語", [" 語"], (3, 0)),
    ("half deleted", "漢字ab\x1b[1;2H\x1b[P", [" 字ab"], (1, 0)),
    ("half erased", "漢字ab\x1b[1;2H\x1b[X", ["  字ab"], (1, 0)),
    ("erased from the right half", "漢字ab\x1b[1;4H\x1b[K", ["漢"], (3, 0)),
    ("inserted in the middle", "漢字\x1b[1;2H\x1b[@", ["   字"], (1, 0)),
    ("soft hyphen takes a cell", "a\u00adb", ["a\u00adb"], (3, 0)),
]

SIDE_MARGINS: list[Case] = [
    ("wrap between the margins", SIDES + "\x1b[1;3Habcdefg", ["  abcde", "  fg"], (4, 1)),
    ("wrap right of the margins", SIDES + "\x1b[1;9Habc", ["        ab", "  c"], (3, 1)),
]


@pytest.mark.slow
@sequences(printing=PRINTING, widths=WIDTHS, side_margins=SIDE_MARGINS)
def test_sequence(feed: Feed, data: str, lines: list[str], cursor: tuple[int, int]) -> None:
    terminal = feed(data)
    assert shown(terminal) == lines
    assert place(terminal) == cursor


def test_control_characters_print_as_replacement_characters() -> None:
    screen = Screen(10, 2)
    screen.draw("a\x01b\x7f漢\x9b")
    assert screen.display[0] == "a\ufffdb\ufffd漢\ufffd   "


def test_a_wide_character_that_no_line_can_hold_is_not_printed() -> None:
    screen = Screen(1, 3)
    screen.draw("漢a漢")
    assert screen.display == ["a", " ", " "]


def test_without_autowrap_what_does_not_fit_is_lost() -> None:
    assert shown(fed("\x1b[?7l012345678漢")) == ["012345678"]
    assert shown(fed("\x1b[?7l01234567漢字")) == ["01234567漢"]


def test_wide_characters_push_two_cells_in_insert_mode() -> None:
    assert shown(fed("01234567漢\x1b[H\x1b[4h字")) == ["字01234567"]


def test_only_a_wrap_at_the_edge_of_the_screen_is_a_soft_one() -> None:
    assert fed("0123456789a").rows[0].wrapped
    assert not fed(SIDES + "\x1b[1;3Habcdefg").rows[0].wrapped


def test_repeating_ends_with_the_screen() -> None:
    terminal = fed("a\x1b[65535b", 10, 3)
    assert terminal.display == ["aaaaaaaaaa", "aaaaaaaaaa", "a         "]
    assert len(terminal.scrollback) == 1


@pytest.mark.slow
@pytest.mark.parametrize("char", ["x", "é", "漢"])
@pytest.mark.parametrize(
    "before",
    [
        "",
        "\x1b[44m",
        "\x1b[2;3r\x1b[2H",
        "\x1b[?1049h",
        "\x1b[4h",
        "\x1b[?7l",
        SIDES,
        SIDES + "\x1b[2;3r\x1b[2;4H\x1b[41m",
        "\x1b[?69h\x1b[3;4s\x1b[4;3H",
        "\x1b[?69h\x1b[3;5s\x1b[4;3H",
        "\x1b[?69h\x1b[3;5s\x1b[4;9H",
        "\x1b[?69h",
    ],
)
def test_repeating_is_printing_so_often(before: str, char: str) -> None:
    for columns, count in ((10, 5), (9, 11), (10, 25), (9, 36)):
        repeated = fed(f"{FULL}{before}{char}\x1b[{count}b", columns)
        printed = fed(f"{FULL}{before}{char}{char * count}", columns)
        assert [(row.text, row.wrapped) for row in repeated.rows] == [(row.text, row.wrapped) for row in printed.rows]
        assert [row.runs() for row in repeated.scrollback] == [row.runs() for row in printed.scrollback]
        assert repeated.cursor == printed.cursor
        repeated.feed(b".")
        printed.feed(b".")
        assert repeated.display == printed.display
