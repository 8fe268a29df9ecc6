"""The table of control sequences, and the whole screen when its size changes."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Row, Screen, Style
from podplane_tui.terminal.buffer.compact_row import Source, row_of
from podplane_tui.terminal.screen.screen import fitted
from tests.terminal.support import Case, Feed, fed, long_log, place, sequences, shown

DISPATCH: list[Case] = [
    ("without the mode it saves the cursor", "ab\x1b[3;7s\x1b[H\x1b[uc", ["abc"], (3, 0)),
    ("CUP with extra parameters", "\x1b[2;3;4HX", ["", "  X"], (3, 1)),
    ("save and restore as control sequences", "ab\x1b[s\x1b[3;3H\x1b[uc", ["abc"], (3, 0)),
    ("unknown sequences print nothing", "a\x1b[=5c\x1b[5;6*w\x1b[>1xb\x1b%Gc", ["abc"], (3, 0)),
]


@sequences(dispatch=DISPATCH)
def test_sequence(feed: Feed, data: str, lines: list[str], cursor: tuple[int, int]) -> None:
    terminal = feed(data)
    assert shown(terminal) == lines
    assert place(terminal) == cursor


def test_bell_is_counted() -> None:
    assert fed("\x07\x07").bell_count == 2


def test_a_cleared_screen_stays_clear_when_it_grows() -> None:
    terminal = long_log()
    terminal.feed(b"\x1b[H\x1b[2J$ ")
    terminal.resize(20, 9)
    assert shown(terminal) == ["$"]
    assert place(terminal) == (2, 0)


def test_a_full_screen_gets_its_scrollback_back_when_it_grows() -> None:
    terminal = fed("".join(f"{number}\r\n" for number in range(9)) + "end", 10, 4)
    terminal.resize(10, 6)
    assert shown(terminal) == ["4", "5", "6", "7", "8", "end"]
    assert place(terminal) == (3, 5)


def test_blank_lines_below_go_first_when_it_shrinks() -> None:
    terminal = fed("a\r\nb", 10, 6)
    terminal.resize(10, 2)
    assert shown(terminal) == ["a", "b"]
    assert len(terminal.scrollback) == 0


def test_the_cursor_line_is_never_pushed_out() -> None:
    terminal = fed("\r\n".join("abcdef") + "\x1b[2;1H", 10, 6)
    terminal.resize(10, 2)
    assert place(terminal)[1] == 0
    assert shown(terminal)[0] == "b"


def test_alternate_screen_is_cut_and_the_main_one_re_wrapped() -> None:
    terminal = fed("0123456789abc\x1b[?1049h\x1b[H0123456789", 10, 4)
    terminal.resize(5, 4)
    assert shown(terminal) == ["01234"]
    terminal.feed(b"\x1b[?1049l")
    assert shown(terminal) == ["01234", "56789", "abc"]
    assert place(terminal) == (3, 2)


def test_margins_and_tabs_follow() -> None:
    terminal = fed("\x1b[2;3r", 10, 4)
    terminal.resize(30, 6)
    terminal.feed(b"\x1b[6;1H\n\t\t\tX")
    assert place(terminal) == (25, 5)


@pytest.mark.parametrize("sequence", ["88;1;1;1;9$x", "1;1;1;9$z", "1;1;1;1;1;2;5;1$v", "1;1;1;9${", "'}", "'~"])
def test_a_vt300_has_no_rectangles_and_columns(sequence: str) -> None:
    assert shown(fed(f'\x1b[63;1"pabc\x1b[H\x1b[{sequence}')) == ["abc"]
    assert shown(fed(f"abc\x1b[H\x1b[{sequence}")) != ["abc"]


def test_a_sequence_with_an_unknown_prefix_is_another() -> None:
    screen = Screen(10, 4)
    assert {"H", "?h", "$x", " q"} <= screen.csi.keys()
    assert not {"?H", ">h", "?$x", "?q"} & screen.csi.keys()


def test_rows_are_cut_and_filled_up_from_the_bottom() -> None:
    wrapped = Row("abcdef")
    wrapped.wrapped = True
    source = Source("\x1b[1m漢漢漢")
    rows = fitted(["abcdef", wrapped, source], 4, 3)
    assert rows[0] == "abc"
    assert rows[1] is wrapped
    assert (wrapped.text, wrapped.wrapped) == ("abc", False)
    assert row_of(rows[2]).runs() == [("漢 ", Style(bold=True))]
    assert rows[3] == ""
    assert fitted(["a", "b", "c"], 2, 3) == ["a", "b"]


def test_a_program_that_changes_the_width_does_not_re_wrap() -> None:
    terminal = fed("0123456789abc\x1b[8;4;5t", 10, 4)
    assert (terminal.columns, shown(terminal)) == (5, ["01234", "abc"])
    terminal.resize(10, 4)
    assert shown(terminal) == ["01234", "abc"]


def test_a_saved_cursor_follows_its_text() -> None:
    terminal = fed("0123456789abc\x1b7\x1b[H", 10, 4)
    terminal.resize(8, 4)
    terminal.feed(b"\x1b8X")
    assert shown(terminal) == ["01234567", "89abcX"]


def test_the_same_size_again_leaves_the_margins() -> None:
    terminal = fed("\x1b[2;3r", 10, 4)
    terminal.resize(10, 4)
    terminal.feed(b"a\r\nb\r\nc\r\nd")
    assert shown(terminal) == ["a", "c", "d"]


def test_a_terminal_cannot_get_smaller_than_a_cell() -> None:
    terminal = fed("ab漢", 10, 4)
    terminal.resize(0, -1)
    assert (terminal.columns, terminal.lines) == (1, 1)
    terminal.resize(10, 4)
    assert terminal.text((0, 0), (99, 0)).strip() == "ab\ufffd"
