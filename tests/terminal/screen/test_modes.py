"""Modes and resets, the alternate screen, the cursor's shape."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Cursor, Screen, Style, Terminal
from tests.terminal.support import (
    SIDES,
    Case,
    Feed,
    Reply,
    answer,
    answer_byte_by_byte,
    as_bytes,
    fed,
    place,
    replies,
    sequences,
    shown,
)

SCREENS: list[Case] = [
    ("1049 clears and comes back", "main\x1b[?1049halt\x1b[?1049l!", ["main!"], (5, 0)),
    ("1049 shows the alternate screen", "main\x1b[?1049halt", ["    alt"], (7, 0)),
    ("47 keeps the alternate screen", "\x1b[?47halt\x1b[?47l\x1b[?47h", ["alt"], (3, 0)),
    ("1047 clears when leaving", "\x1b[?1047halt\x1b[?1047l\x1b[?1047h", [], (3, 0)),
    ("1048 saves the cursor", "ab\x1b[?1048h\x1b[H\x1b[?1048lc", ["abc"], (3, 0)),
    ("RIS", "ab\x1b[?1049hcd\x1b[2;3r\x1b[4h\x1bcX", ["X"], (1, 0)),
    ("DECSTR keeps text and cursor", "ab\x1b[4h\x1b[2;3r\x1b[?6h\x1b[!pcd", ["ab", "cd"], (2, 1)),
    ("DECCOLM needs permission", "ab\x1b[?3h", ["ab"], (2, 0)),
    ("DECCOLM clears", "ab\x1b[?40h\x1b[?3h", [], (0, 0)),
]

SIDE_MARGINS: list[Case] = [
    ("mode off frees the margins", SIDES + "\x1b[?69l\x1b[1;3Habcdefgh", ["  abcdefgh"], (9, 0)),
]


@sequences(screens=SCREENS, side_margins=SIDE_MARGINS)
def test_sequence(feed: Feed, data: str, lines: list[str], cursor: tuple[int, int]) -> None:
    terminal = feed(data)
    assert shown(terminal) == lines
    assert place(terminal) == cursor


REPLIES: list[Reply] = [
    ("DECRQM set", "\x1b[?7$p", "\x1b[?7;1$y"),
    ("DECRQM reset", "\x1b[?2004$p", "\x1b[?2004;2$y"),
    ("DECRQM synchronized output", "\x1b[?2026h\x1b[?2026$p", "\x1b[?2026;1$y"),
    ("DECRQM ANSI", "\x1b[4h\x1b[4$p", "\x1b[4;1$y"),
    ("DECRQM always reset", "\x1b[13$p", "\x1b[13;4$y"),
    ("DECRQM autorepeat is not the terminal's", "\x1b[?8h\x1b[?8$p", "\x1b[?8;4$y"),
    ("DECRQM unknown", "\x1b[?9999$p", "\x1b[?9999;0$y"),
    ("DECRQM of a mode of level 5", "\x1b[?95h\x1b[?95$p", "\x1b[?95;0$y"),
    ("DECRQM is unknown below level 3", '\x1b[62;1"p\x1b[?7$p', ""),
    ("modes saved and restored", "\x1b[?2004h\x1b[?2004s\x1b[?2004l\x1b[?2004r\x1b[?2004$p", "\x1b[?2004;1$y"),
    ("no 8-bit replies", "\x1b G\x1b[5n", "\x1b[0n"),
    ("7-bit replies again", "\x1b G\x1b F\x1b[5n", "\x1b[0n"),
    ("7-bit replies after a soft reset", "\x1b G\x1b[!p\x1b[5n", "\x1b[0n"),
    ("conformance level sets no 8-bit replies", '\x1b[64;0"p\x1b[5n', "\x1b[0n"),
    ("DECSCL goes no higher than the model", '\x1b[63;1"p\x1b[65;1"p\x1bP$q"p\x1b\\', '\x1bP1$r63;1"p\x1b\\'),
]


@replies(REPLIES)
def test_reply(data: str, reply: str | bytes) -> None:
    assert answer(data) == as_bytes(reply)
    assert answer_byte_by_byte(data) == as_bytes(reply)


def test_the_screen_stays_when_its_width_changes_if_a_vt520_is_told_so() -> None:
    terminal = Terminal(80, 24, model=5)
    terminal.feed(b"\x1b[?40;95hkept\x1b[?3h")
    assert (terminal.columns, shown(terminal)) == (132, ["kept"])
    terminal.feed(b"\x1b[?95l\x1b[?3l")
    assert (terminal.columns, shown(terminal)) == (80, [])


def test_the_owner_keeps_the_size() -> None:
    terminal = Terminal(80, 24, resizable=False)
    terminal.feed(b"\x1b[8;30;100t\x1b[36t\x1b[30*|\x1b[132$|\x1b[?40h\x1b[?3h")
    assert (terminal.columns, terminal.lines) == (80, 24)
    assert terminal.feed(b"\x1b[?3$p") == b"\x1b[?3;1$y"


def test_modes() -> None:
    terminal = fed("\x1b[?1h\x1b=\x1b[?2004h\x1b[?1004h\x1b[?1003h\x1b[?1006h\x1b[?5h\x1b[?25l\x1b[20h\x1b[?67h")
    modes = terminal.modes
    assert modes.application_cursor
    assert modes.application_keypad
    assert modes.bracketed_paste
    assert modes.focus_events
    assert (modes.mouse, modes.mouse_encoding) == (1003, "sgr")
    assert modes.reverse_video
    assert not modes.cursor_visible
    assert modes.newline
    assert modes.backarrow_sends_backspace
    terminal.feed(b"\x1b[?1000l\x1b[?1006l\x1b>")
    assert (terminal.modes.mouse, terminal.modes.mouse_encoding) == (0, "default")
    assert not terminal.modes.application_keypad
    terminal.feed(b"\x1bc")
    assert terminal.modes == Terminal(10, 4).modes


@pytest.mark.parametrize(
    ("style", "shape", "blinking"),
    [(0, "block", True), (1, "block", True), (2, "block", False), (3, "underline", True), (6, "bar", False)],
)
def test_cursor_style(style: int, shape: str, blinking: bool) -> None:
    cursor = fed(f"\x1b[{style} q").cursor
    assert (cursor.shape, cursor.blinking) == (shape, blinking)


def test_cursor_blinking_follows_mode_12() -> None:
    assert fed("\x1b[4 q\x1b[?12h").cursor == Cursor(0, 0, shape="underline", blinking=True)
    assert fed("\x1b[?12l").cursor == Cursor(0, 0, blinking=False)
    assert fed("\x1b[5 q\x1b[?12l\x1b[?12h\x1b[?12h").cursor.shape == "bar"


def test_modes_that_nobody_knows_are_not_kept() -> None:
    screen = Screen(10, 4)
    before = set(screen.mode)
    screen.set_mode(9999, 8, private=True)
    screen.set_mode(99, 1)
    assert screen.mode == before


def test_a_mode_that_was_not_saved_is_not_restored() -> None:
    assert answer("\x1b[?2004h\x1b[?2004r\x1b[?2004$p") == b"\x1b[?2004;1$y"


@pytest.mark.parametrize(("first", "second"), [(9, 1003), (1000, 1002), (1003, 9)])
def test_one_way_to_track_the_mouse_ends_the_other(first: int, second: int) -> None:
    assert fed(f"\x1b[?{first}h\x1b[?{second}h").modes.mouse == second
    assert fed(f"\x1b[?{first}h\x1b[?{second}h\x1b[?{first}l").modes.mouse == 0


def test_what_a_soft_reset_leaves_as_it_is() -> None:
    terminal = fed("\x1b[?2004h\x1b[?1000h\x1b[?5h\x1b[?1h\x1b[?6h\x1b[?25l\x1b[?7l\x1b[4h\x1b[1m\x1b[!p")
    modes = terminal.modes
    assert modes.bracketed_paste
    assert modes.mouse == 1000
    assert modes.reverse_video
    assert not modes.application_cursor
    assert not modes.origin
    assert not modes.insert
    assert modes.cursor_visible
    assert modes.auto_wrap
    terminal.feed(b"x")
    assert terminal.rows[0].runs() == [("x", Style())]


def test_each_screen_has_its_saved_cursor() -> None:
    terminal = fed("\x1b[2;2H\x1b7\x1b[?47h\x1b[3;3H\x1b7\x1b[?47l\x1b[H\x1b8")
    assert place(terminal) == (1, 1)
    terminal.feed(b"\x1b[?47h\x1b8")
    assert place(terminal) == (2, 2)
