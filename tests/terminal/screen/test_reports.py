"""What the terminal answers, and what it keeps for those who ask it."""

from __future__ import annotations

import base64

import pytest

from podplane_tui.terminal import Cursor, Terminal
from tests.terminal.support import fed, shown

REPLIES = [
    ("DA", "\x1b[c", "\x1b[?64;1;2;6;9;15;16;17;18;21;22;28;29c"),
    ("DECID", "\x1bZ", "\x1b[?64;1;2;6;9;15;16;17;18;21;22;28;29c"),
    ("DA only for 0", "\x1b[1c", ""),
    ("DA2", "\x1b[>c", "\x1b[>41;379;0c"),
    ("DA3", "\x1b[=c", "\x1bP!|00000000\x1b\\"),
    ("status", "\x1b[5n", "\x1b[0n"),
    ("CPR", "\x1b[3;4H\x1b[6n", "\x1b[3;4R"),
    ("CPR with a wrap pending", "0123456789\x1b[6n", "\x1b[1;10R"),
    ("CPR in origin mode", "\x1b[2;4r\x1b[?6h\x1b[2;2H\x1b[6n", "\x1b[2;2R"),
    ("CPR in origin mode without margins", "\x1b[?6h\x1b[2;2H\x1b[6n", "\x1b[2;2R"),
    ("DECXCPR", "\x1b[3;4H\x1b[?6n", "\x1b[?3;4;1R"),
    ("printer", "\x1b[?15n", "\x1b[?13n"),
    ("keyboard", "\x1b[?26n", "\x1b[?27;1;0;0n"),
    ("macro checksum", "\x1b[?63;7n", "\x1bP7!~0000\x1b\\"),
    ("unknown status", "\x1b[?999n", ""),
    ("text area in characters", "\x1b[18t", "\x1b[8;4;10t"),
    ("screen in characters", "\x1b[19t", "\x1b[9;4;10t"),
    ("text area in pixels", "\x1b[14t", "\x1b[4;64;80t"),
    ("window", "\x1b[11t\x1b[13t", "\x1b[1t\x1b[3;0;0t"),
    ("window put away and back", "\x1b[2t\x1b[11t\x1b[1t\x1b[11t", "\x1b[2t\x1b[1t"),
    ("window moved", "\x1b[3;40;30t\x1b[13t\x1b[3;;7t\x1b[13t", "\x1b[3;40;30t\x1b[3;0;7t"),
    ("title", "\x1b]2;hi\x07\x1b[21t", "\x1b]lhi\x1b\\"),
    ("icon name", "\x1b]1;ho\x07\x1b[20t", "\x1b]Lho\x1b\\"),
    ("title stack", "\x1b]0;a\x07\x1b[22t\x1b]0;b\x07\x1b[23t\x1b[21t", "\x1b]la\x1b\\"),
    (
        "title stack, one pop for two pushes",
        "\x1b]0;a\x07\x1b[22;1t\x1b[22;2t\x1b]0;b\x07\x1b[23;0t\x1b[20t\x1b[21t",
        "\x1b]La\x1b\\\x1b]la\x1b\\",
    ),
    ("title set in hexadecimal", "\x1b[>0t\x1b]2;6869\x07\x1b[21t", "\x1b]lhi\x1b\\"),
    ("title asked in hexadecimal", "\x1b[>1t\x1b]2;hi\x07\x1b[21t", "\x1b]l6869\x1b\\"),
    ("DECRQSS SGR", "\x1b[1;4;31;42m\x1bP$qm\x1b\\", "\x1bP1$r0;1;4;31;42m\x1b\\"),
    ("DECRQSS true colour", "\x1b[38;2;1;2;3m\x1bP$qm\x1b\\", "\x1bP1$r0;38:2::1:2:3m\x1b\\"),
    ("DECRQSS DECSTBM", "\x1b[2;3r\x1bP$qr\x1b\\", "\x1bP1$r2;3r\x1b\\"),
    ("DECRQSS DECSLRM", "\x1b[?69h\x1b[3;7s\x1bP$qs\x1b\\", "\x1bP1$r3;7s\x1b\\"),
    ("DECRQSS DECSCUSR", "\x1b[4 q\x1bP$q q\x1b\\", "\x1bP1$r4 q\x1b\\"),
    ("DECRQSS DECSCA", '\x1b[1"q\x1bP$q"q\x1b\\', '\x1bP1$r1"q\x1b\\'),
    ("DECRQSS DECSCL", '\x1bP$q"p\x1b\\', '\x1bP1$r64;1"p\x1b\\'),
    ("DECSCL goes no higher than the model", '\x1b[63;1"p\x1b[65;1"p\x1bP$q"p\x1b\\', '\x1bP1$r63;1"p\x1b\\'),
    ("DECRQSS DECSACE", "\x1b[2*x\x1bP$q*x\x1b\\", "\x1bP1$r2*x\x1b\\"),
    ("DECRQSS DECSACE as at the start", "\x1bP$q*x\x1b\\", "\x1bP1$r0*x\x1b\\"),
    ("DECRQSS DECSASD", "\x1bP$q$}\x1b\\", "\x1bP1$r0$}\x1b\\"),
    ("DECRQSS DECSSDT", "\x1bP$q$~\x1b\\", "\x1bP1$r0$~\x1b\\"),
    ("DECRQSS DECSLPP", "\x1b[27t\x1bP$qt\x1b\\", "\x1bP1$r27t\x1b\\"),
    ("DECRQSS DECSNLS", "\x1b[24*|\x1bP$q*|\x1b\\", "\x1bP1$r24*|\x1b\\"),
    ("DECRQSS DECSCPP", "\x1b[132$|\x1bP$q$|\x1b\\", "\x1bP1$r132$|\x1b\\"),
    ("DECRQSS unknown", "\x1bP$qz\x1b\\", "\x1bP0$r\x1b\\"),
    ("DECRQM set", "\x1b[?7$p", "\x1b[?7;1$y"),
    ("DECRQM reset", "\x1b[?2004$p", "\x1b[?2004;2$y"),
    ("DECRQM synchronized output", "\x1b[?2026h\x1b[?2026$p", "\x1b[?2026;1$y"),
    ("DECRQM ANSI", "\x1b[4h\x1b[4$p", "\x1b[4;1$y"),
    ("DECRQM always reset", "\x1b[13$p", "\x1b[13;4$y"),
    ("DECRQM autorepeat is not the terminal's", "\x1b[?8h\x1b[?8$p", "\x1b[?8;4$y"),
    ("DECRQM unknown", "\x1b[?9999$p", "\x1b[?9999;0$y"),
    ("DECRQM of a mode of level 5", "\x1b[?95h\x1b[?95$p", "\x1b[?95;0$y"),
    ("DECRQM is unknown below level 3", '\x1b[62;1"p\x1b[?7$p', ""),
    ("checksum of a character", "a\x1b[1;0;1;1;1;1*y", "\x1bP1!~0061\x1b\\"),
    ("checksum of a blank", "\x1b[7;0;1;1;1;1*y", "\x1bP7!~0020\x1b\\"),
    ("checksum counts blanks", "ab\x1b[1;0;1;1;2;3*y", "\x1bP1!~0143\x1b\\"),
    ("checksum leaves out attributes", '\x1b[1;1"q\x1b[1ma\x1b[1;0;1;1;1;1*y', "\x1bP1!~0061\x1b\\"),
    ("checksum in origin mode", "\x1b[2;1Hb\x1b[2;3r\x1b[?6h\x1b[1;0;1;1;1;1*y", "\x1bP1!~0062\x1b\\"),
    ("DEC's checksum", "a\x1b[0#y\x1b[1;0;1;1;1;1*y", "\x1bP1!~FF9F\x1b\\"),
    ("DEC's checksum counts attributes", "\x1b[1ma\x1b[0#y\x1b[1;0;1;1;1;1*y", "\x1bP1!~FF1F\x1b\\"),
    ("palette", "\x1b]4;1;?\x07", "\x1b]4;1;rgb:cdcd/0000/0000\x07"),
    ("palette set", "\x1b]4;1;#123456\x07\x1b]4;1;?\x1b\\", "\x1b]4;1;rgb:1212/3434/5656\x1b\\"),
    ("palette reset", "\x1b]4;1;#123\x07\x1b]104;1\x07\x1b]4;1;?\x07", "\x1b]4;1;rgb:cdcd/0000/0000\x07"),
    ("several at once", "\x1b]4;0;?;7;?\x07", "\x1b]4;0;rgb:0000/0000/0000\x07\x1b]4;7;rgb:e5e5/e5e5/e5e5\x07"),
    ("short hash colours are the high bits", "\x1b]4;5;#fff\x07\x1b]4;5;?\x07", "\x1b]4;5;rgb:f0f0/f0f0/f0f0\x07"),
    ("rgb colours are scaled", "\x1b]4;5;rgb:f/8/0\x07\x1b]4;5;?\x07", "\x1b]4;5;rgb:ffff/8888/0000\x07"),
    ("special colours", "\x1b]5;0;#aabbcc\x07\x1b]5;0;?\x07", "\x1b]5;0;rgb:aaaa/bbbb/cccc\x07"),
    ("special colours reset", "\x1b]5;0;#abc\x07\x1b]105\x07\x1b]5;0;?\x07", "\x1b]5;0;rgb:0000/0000/0000\x07"),
    ("all colours reset", "\x1b]5;0;#abc\x07\x1b]104\x07\x1b]5;0;?\x07", "\x1b]5;0;rgb:0000/0000/0000\x07"),
    ("text", "\x1b]10;?\x07", "\x1b]10;rgb:0000/0000/0000\x07"),
    ("background", "\x1b]11;?\x07", "\x1b]11;rgb:ffff/ffff/ffff\x07"),
    ("dynamic colours in a row", "\x1b]10;#010203;#040506\x07\x1b]11;?\x07", "\x1b]11;rgb:0404/0505/0606\x07"),
    ("dynamic colour reset", "\x1b]11;#123\x07\x1b]111\x07\x1b]11;?\x07", "\x1b]11;rgb:ffff/ffff/ffff\x07"),
    ("8-bit replies", "\x1b G\x1b[5n", b"\x9b0n"),
    ("7-bit replies again", "\x1b G\x1b F\x1b[5n", "\x1b[0n"),
    ("7-bit replies after a soft reset", "\x1b G\x1b[!p\x1b[5n", "\x1b[0n"),
    ("conformance level sets 8-bit replies", '\x1b[64;0"p\x1b[5n', b"\x9b0n"),
    ("modes saved and restored", "\x1b[?2004h\x1b[?2004s\x1b[?2004l\x1b[?2004r\x1b[?2004$p", "\x1b[?2004;1$y"),
    ("number of colours", "\x1bP+q436F\x1b\\", "\x1bP1+r436F=323536\x1b\\"),
    ("two capabilities", "\x1bP+q544e;524742\x1b\\", "\x1bP1+r544e=787465726D2D323536636F6C6F72;524742=38\x1b\\"),
    ("unknown capabilities", "\x1bP+q6b31;zz\x1b\\", "\x1bP0+r\x1b\\"),
]


@pytest.mark.parametrize(("data", "reply"), [pytest.param(*case[1:], id=case[0]) for case in REPLIES])
def test_reply(data: str, reply: str | bytes) -> None:
    expected = reply if isinstance(reply, bytes) else reply.encode()
    assert Terminal(10, 4).feed(data.encode()) == expected
    terminal = Terminal(10, 4)
    assert b"".join(terminal.feed(bytes([byte])) for byte in data.encode()) == expected


def test_a_program_sets_the_size() -> None:
    terminal = Terminal(80, 24)
    assert terminal.feed(b"\x1b[8;30;100t\x1b[18t") == b"\x1b[8;30;100t"
    assert terminal.feed(b"\x1b[8;20t\x1b[18t") == b"\x1b[8;20;100t"
    terminal.feed(b"\x1b[8;9999;9999t")
    assert (terminal.columns, terminal.lines) == (132, 72)


def test_a_program_sets_the_size_in_pixels() -> None:
    terminal = Terminal(80, 24)
    assert terminal.feed(b"\x1b[4;480;800t\x1b[14t") == b"\x1b[4;480;800t"
    assert (terminal.columns, terminal.lines) == (100, 30)
    terminal.feed(b"\x1b[4;;640t\x1b[4;160t")
    assert (terminal.columns, terminal.lines) == (80, 10)


def test_a_vt520() -> None:
    terminal = Terminal(80, 24, model=5)
    assert terminal.feed(b"\x1b[c").startswith(b"\x1b[?65;")
    assert terminal.feed(b"\x1b[>c").startswith(b"\x1b[>64;")
    assert terminal.feed(b'\x1bP$q"p\x1b\\') == b'\x1bP1$r65;1"p\x1b\\'
    terminal.feed(b'\x1b[64;1"p')
    assert terminal.feed(b"\x1b[?95$p") == b"\x1b[?95;0$y"
    terminal.feed(b'\x1b[65;1"p')
    assert terminal.feed(b"\x1b[?95h\x1b[?95$p") == b"\x1b[?95;1$y"


def test_the_screen_stays_when_its_width_changes_if_a_vt520_is_told_so() -> None:
    terminal = Terminal(80, 24, model=5)
    terminal.feed(b"\x1b[?40;95hkept\x1b[?3h")
    assert (terminal.columns, shown(terminal)) == (132, ["kept"])
    terminal.feed(b"\x1b[?95l\x1b[?3l")
    assert (terminal.columns, shown(terminal)) == (80, [])


def test_the_painter_says_what_the_colours_are() -> None:
    terminal = Terminal(10, 4)
    terminal.base_colors = "112233", "445566"
    assert terminal.feed(b"\x1b]10;?\x07") == b"\x1b]10;rgb:1111/2222/3333\x07"
    assert terminal.feed(b"\x1b]11;?;?\x07") == (b"\x1b]11;rgb:4444/5555/6666\x07\x1b]12;rgb:1111/2222/3333\x07")
    assert terminal.feed(b"\x1b]11;#010101\x07\x1bc\x1b]11;?\x07") == b"\x1b]11;rgb:4444/5555/6666\x07"


def test_the_owner_keeps_the_size() -> None:
    terminal = Terminal(80, 24, resizable=False)
    terminal.feed(b"\x1b[8;30;100t\x1b[36t\x1b[30*|\x1b[132$|\x1b[?40h\x1b[?3h")
    assert (terminal.columns, terminal.lines) == (80, 24)
    assert terminal.feed(b"\x1b[?3$p") == b"\x1b[?3;1$y"


def test_8_bit_controls_are_none_in_utf_8() -> None:
    assert shown(fed(b"\x1b Ga\x9b2Cb")) == ["a\ufffd2Cb"]
    assert shown(fed("\x1b Ga\u009b2Cb")) == ["a\ufffd2Cb"]


def test_latin_1_until_utf_8_again() -> None:
    assert shown(fed(b"\x1b%@\xe9\x9b2Ca\x1b%G\xc3\xa9")) == ["é  aé"]


def test_bad_bytes_are_replacement_characters() -> None:
    assert shown(fed(b"a\xffb\xe6\xbcc\xc3")) == ["a\ufffdb\ufffdc"]


def test_enquiry_has_no_answer_unless_given() -> None:
    assert Terminal(10, 4).feed(b"\x05") == b""
    assert Terminal(10, 4, answerback="me").feed(b"\x05") == b"me"


def test_title_reports_can_be_turned_off() -> None:
    terminal = Terminal(10, 4, title_reports=False)
    assert terminal.feed(b"\x1b]2;rm -rf\x07\x1b[21t") == b"\x1b]l\x1b\\"
    assert terminal.title == "rm -rf"


def test_title_has_no_control_characters_and_an_end() -> None:
    assert fed("\x1b]2;a\nb\u202e\x07").title == "ab"
    assert len(fed("\x1b]2;" + "x" * 5000 + "\x07").title) == 1024


def test_clipboard_goes_to_the_callback_and_nowhere_else() -> None:
    seen: list[tuple[str, bytes]] = []
    terminal = Terminal(10, 4, on_clipboard=lambda targets, data: seen.append((targets, data)))
    assert terminal.feed(b"\x1b]52;c;" + base64.b64encode(b"secret") + b"\x07") == b""
    assert seen == [("c", b"secret")]
    assert terminal.feed(b"\x1b]52;c;?\x07") == b"\x1b]52;c;c2VjcmV0\x07"


def test_clipboard_that_is_not_named_is_the_selection() -> None:
    seen: list[tuple[str, bytes]] = []
    terminal = Terminal(10, 4, on_clipboard=lambda targets, data: seen.append((targets, data)))
    assert terminal.feed(b"\x1b]52;;aGk=\x07\x1b]52;;?\x07") == b"\x1b]52;s0;aGk=\x07"
    assert seen == [("s0", b"hi")]


def test_clipboard_of_the_user_is_never_told() -> None:
    assert Terminal(10, 4).feed(b"\x1b]52;c;?\x07") == b"\x1b]52;c;\x07"


def test_clipboard_with_bad_data_is_emptied() -> None:
    seen: list[tuple[str, bytes]] = []
    Terminal(10, 4, on_clipboard=lambda *item: seen.append(item)).feed(b"\x1b]52;c;!!\x07")
    assert seen == [("c", b"")]


def test_modes() -> None:
    terminal = fed("\x1b[?1h\x1b=\x1b[?2004h\x1b[?1004h\x1b[?1003h\x1b[?1006h\x1b[?5h\x1b[?25l\x1b[20h\x1b[?67h")
    modes = terminal.modes
    assert modes.application_cursor and modes.application_keypad and modes.bracketed_paste and modes.focus_events
    assert (modes.mouse, modes.mouse_encoding) == (1003, "sgr")
    assert modes.reverse_video and not modes.cursor_visible and modes.newline and modes.backarrow_sends_backspace
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


def test_bell_is_counted() -> None:
    assert fed("\x07\x07").bell_count == 2
