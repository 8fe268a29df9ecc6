"""What the terminal answers, and what it keeps for those who ask it."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Screen, Terminal
from tests.terminal.support import Reply, answer, answer_byte_by_byte, as_bytes, fed, replies

NAME = b"xterm-256color".hex().upper()

REPLIES: list[Reply] = [
    ("DA", "\x1b[c", "\x1b[?64;1;2;6;9;15;16;17;18;21;22;28;29c"),
    ("DECID", "\x1bZ", "\x1b[?64;1;2;6;9;15;16;17;18;21;22;28;29c"),
    ("DA only for 0", "\x1b[1c", ""),
    ("DA of a VT100", '\x1b[61"p\x1b[c', "\x1b[?1;2c"),
    ("DA of a VT220", '\x1b[62;1"p\x1b[c', "\x1b[?64;1;2;6;9;15;16;17;18;21;22;28;29c"),
    ("DA2", "\x1b[>c", "\x1b[>41;379;0c"),
    ("DA2 only for 0", "\x1b[>1c", ""),
    ("DA3", "\x1b[=c", "\x1bP!|00000000\x1b\\"),
    ("DA3 only for 0", "\x1b[=1c", ""),
    ("version", "\x1b[>q", "\x1bP>|podplane-tui\x1b\\"),
    ("version only for 0", "\x1b[>1q", ""),
    ("parameters", "\x1b[x\x1b[1x", "\x1b[2;1;1;128;128;1;0x\x1b[3;1;1;128;128;1;0x"),
    ("parameters only for 0 and 1", "\x1b[2x", ""),
    ("status", "\x1b[5n", "\x1b[0n"),
    ("status only for 5 and 6", "\x1b[n\x1b[4n", ""),
    ("CPR", "\x1b[3;4H\x1b[6n", "\x1b[3;4R"),
    ("CPR with a wrap pending", "0123456789\x1b[6n", "\x1b[1;10R"),
    ("CPR in origin mode", "\x1b[2;4r\x1b[?6h\x1b[2;2H\x1b[6n", "\x1b[2;2R"),
    ("CPR in origin mode without margins", "\x1b[?6h\x1b[2;2H\x1b[6n", "\x1b[2;2R"),
    ("DECXCPR", "\x1b[3;4H\x1b[?6n", "\x1b[?3;4;1R"),
    ("printer", "\x1b[?15n", "\x1b[?13n"),
    ("user-defined keys", "\x1b[?25n", "\x1b[?20n"),
    ("keyboard", "\x1b[?26n", "\x1b[?27;1;0;0n"),
    ("locator", "\x1b[?53n\x1b[?55n\x1b[?56n", "\x1b[?50n\x1b[?50n\x1b[?57;0n"),
    ("data integrity", "\x1b[?75n", "\x1b[?70n"),
    ("sessions", "\x1b[?85n", "\x1b[?83n"),
    ("macro space", "\x1b[?62n", "\x1b[0000*{"),
    ("macro checksum", "\x1b[?63;7n", "\x1bP7!~0000\x1b\\"),
    ("unknown status", "\x1b[?999n", ""),
    ("text area in characters", "\x1b[18t", "\x1b[8;4;10t"),
    ("screen in characters", "\x1b[19t", "\x1b[9;4;10t"),
    ("text area in pixels", "\x1b[14t", "\x1b[4;64;80t"),
    ("screen in pixels", "\x1b[15t", "\x1b[5;64;80t"),
    ("cell in pixels", "\x1b[16t", "\x1b[6;16;8t"),
    ("unknown window report", "\x1b[17t", ""),
    ("window", "\x1b[11t\x1b[13t", "\x1b[1t\x1b[3;0;0t"),
    ("window put away and back", "\x1b[2t\x1b[11t\x1b[1t\x1b[11t", "\x1b[2t\x1b[1t"),
    ("window moved", "\x1b[3;40;30t\x1b[13t\x1b[3;;7t\x1b[13t", "\x1b[3;40;30t\x1b[3;0;7t"),
    ("no title", "\x1b]2;hi\x07\x1b[21t", "\x1b]l\x1b\\"),
    ("no icon name", "\x1b]1;ho\x07\x1b[20t", "\x1b]L\x1b\\"),
    ("no title in hexadecimal", "\x1b[>1t\x1b]2;hi\x07\x1b[21t", "\x1b]l\x1b\\"),
    ("no replies of one byte", "\x1b G\x1b[c", "\x1b[?64;1;2;6;9;15;16;17;18;21;22;28;29c"),
    ("no control strings of one byte", "\x1b G\x1b[=c", "\x1bP!|00000000\x1b\\"),
    ("DECRQSS SGR", "\x1b[1;4;31;42m\x1bP$qm\x1b\\", "\x1bP1$r0;1;4;31;42m\x1b\\"),
    ("DECRQSS true colour", "\x1b[38;2;1;2;3m\x1bP$qm\x1b\\", "\x1bP1$r0;38:2::1:2:3m\x1b\\"),
    ("DECRQSS DECSTBM", "\x1b[2;3r\x1bP$qr\x1b\\", "\x1bP1$r2;3r\x1b\\"),
    ("DECRQSS DECSLRM", "\x1b[?69h\x1b[3;7s\x1bP$qs\x1b\\", "\x1bP1$r3;7s\x1b\\"),
    ("DECRQSS DECSCUSR", "\x1b[4 q\x1bP$q q\x1b\\", "\x1bP1$r4 q\x1b\\"),
    ("DECRQSS DECSCA", '\x1b[1"q\x1bP$q"q\x1b\\', '\x1bP1$r1"q\x1b\\'),
    ("DECRQSS DECSCL", '\x1bP$q"p\x1b\\', '\x1bP1$r64;1"p\x1b\\'),
    ("DECRQSS DECSACE", "\x1b[2*x\x1bP$q*x\x1b\\", "\x1bP1$r2*x\x1b\\"),
    ("DECRQSS DECSACE as at the start", "\x1bP$q*x\x1b\\", "\x1bP1$r0*x\x1b\\"),
    ("DECRQSS DECSASD", "\x1bP$q$}\x1b\\", "\x1bP1$r0$}\x1b\\"),
    ("DECRQSS DECSSDT", "\x1bP$q$~\x1b\\", "\x1bP1$r0$~\x1b\\"),
    ("DECRQSS DECSLPP", "\x1b[27t\x1bP$qt\x1b\\", "\x1bP1$r27t\x1b\\"),
    ("DECRQSS DECSNLS", "\x1b[24*|\x1bP$q*|\x1b\\", "\x1bP1$r24*|\x1b\\"),
    ("DECRQSS DECSCPP", "\x1b[132$|\x1bP$q$|\x1b\\", "\x1bP1$r132$|\x1b\\"),
    ("DECRQSS DECSTBM as at the start", "\x1bP$qr\x1b\\", "\x1bP1$r1;4r\x1b\\"),
    ("DECRQSS DECSLRM as at the start", "\x1bP$qs\x1b\\", "\x1bP1$r1;10s\x1b\\"),
    ("DECRQSS DECSCA off", '\x1bP$q"q\x1b\\', '\x1bP1$r0"q\x1b\\'),
    ("DECRQSS DECSCA of ISO", '\x1bV\x1bP$q"q\x1b\\', '\x1bP1$r0"q\x1b\\'),
    ("DECRQSS DECSCL of a VT100", '\x1b[61"p\x1bP$q"p\x1b\\', '\x1bP1$r61"p\x1b\\'),
    ("DECRQSS DECSCL of a VT220", '\x1b[62;1"p\x1bP$q"p\x1b\\', '\x1bP1$r62;1"p\x1b\\'),
    ("DECRQSS DECSCL, one byte asked for", '\x1b[64;0"p\x1bP$q"p\x1b\\', '\x1bP1$r64;1"p\x1b\\'),
    ("DECRQSS unknown", "\x1bP$qz\x1b\\", "\x1bP0$r\x1b\\"),
    ("checksum of a character", "a\x1b[1;0;1;1;1;1*y", "\x1bP1!~0061\x1b\\"),
    ("checksum of a blank", "\x1b[7;0;1;1;1;1*y", "\x1bP7!~0020\x1b\\"),
    ("checksum counts blanks", "ab\x1b[1;0;1;1;2;3*y", "\x1bP1!~0143\x1b\\"),
    ("checksum leaves out attributes", '\x1b[1;1"q\x1b[1ma\x1b[1;0;1;1;1;1*y', "\x1bP1!~0061\x1b\\"),
    ("checksum in origin mode", "\x1b[2;1Hb\x1b[2;3r\x1b[?6h\x1b[1;0;1;1;1;1*y", "\x1bP1!~0062\x1b\\"),
    ("DEC's checksum", "a\x1b[0#y\x1b[1;0;1;1;1;1*y", "\x1bP1!~FF9F\x1b\\"),
    ("DEC's checksum counts attributes", "\x1b[1ma\x1b[0#y\x1b[1;0;1;1;1;1*y", "\x1bP1!~FF1F\x1b\\"),
    ("checksum in DEC's way by default", "a\x1b[#y\x1b[1;0;1;1;1;1*y", "\x1bP1!~FF9F\x1b\\"),
    ("checksum of a few lines", "ab\r\ncd\x1b[1;0;1;1;2;2*y", "\x1bP1!~018A\x1b\\"),
    ("checksum of a part of a line", "abcd\x1b[1;0;1;2;1;3*y", "\x1bP1!~00C5\x1b\\"),
    ("checksum without blanks at the end", "ab\x1b[1#y\x1b[1;0;1;1;1;9*y", "\x1bP1!~00C3\x1b\\"),
    ("checksum with blanks inside", "a b\x1b[1#y\x1b[1;0;1;1;1;9*y", "\x1bP1!~00E3\x1b\\"),
    ("checksum with more blanks inside", "a  b\x1b[1#y\x1b[1;0;1;1;1;9*y", "\x1bP1!~0103\x1b\\"),
    ("checksum without blanks written at the end", "ab  \x1b[1#y\x1b[1;0;1;1;1;9*y", "\x1bP1!~00C3\x1b\\"),
    ("checksum with the character after the blank", "a!\x1b[1#y\x1b[1;0;1;1;1;9*y", "\x1bP1!~0082\x1b\\"),
    ("checksum of blanks alone", "\x1b[1#y\x1b[1;0;1;1;1;9*y", "\x1bP1!~0020\x1b\\"),
    ("checksum beside the text", "ab\x1b[1#y\x1b[1;0;1;5;1;9*y", "\x1bP1!~0020\x1b\\"),
    ("checksum of 8 bits", "\u0161\x1b[7#y\x1b[1;0;1;1;1;1*y", "\x1bP1!~0061\x1b\\"),
    ("checksum of more than 8 bits", "\u0161\x1b[1;0;1;1;1;1*y", "\x1bP1!~0161\x1b\\"),
    ("checksum of a wide character", "\u4e00\x1b[1;0;1;1;1;2*y", "\x1bP1!~4E00\x1b\\"),
    ("checksum after a change", "a\x1b[1;0;1;1;1;1*yb\rb\x1b[2;0;1;1;1;1*y", "\x1bP1!~0061\x1b\\\x1bP2!~0062\x1b\\"),
    ("number of colours", "\x1bP+q436F\x1b\\", "\x1bP1+r436F=323536\x1b\\"),
    ("capabilities in capitals", "\x1bP+q544e;524742\x1b\\", f"\x1bP1+r544E={NAME};524742=38\x1b\\"),
    ("capabilities up to the first unknown one", "\x1bP+q524742;6b31;524742\x1b\\", "\x1bP1+r524742=38\x1b\\"),
    ("unknown capabilities", "\x1bP+q6b31;zz\x1b\\", "\x1bP0+r\x1b\\"),
    ("no capabilities", "\x1bP+q\x1b\\", "\x1bP0+r\x1b\\"),
    ("capability with white space", "\x1bP+q54 4e\x1b\\\x1bP+q544e \x1b\\", "\x1bP0+r\x1b\\\x1bP0+r\x1b\\"),
    ("capability with a line end", "\x1bP+q544e\n;524742\x1b\\", "\x1bP0+r\x1b\\"),
    (
        "no more capabilities than there are",
        f"\x1bP+q{'524742;' * 99}\x1b\\",
        f"\x1bP1+r{'524742=38;' * 5}"[:-1] + "\x1b\\",
    ),
    ("nothing for ENQ", "\x05", ""),
]


@replies(REPLIES)
def test_reply(data: str, reply: str | bytes) -> None:
    assert answer(data) == as_bytes(reply)
    assert answer_byte_by_byte(data) == as_bytes(reply)


@pytest.mark.parametrize(
    ("attributes", "added"),
    [
        ('1"q', 0x04),
        ("8m", 0x08),
        ("4m", 0x10),
        ("7m", 0x20),
        ("5m", 0x40),
        ("1m", 0x80),
        ("3m", 0),
        ("31m", 0),
        ("1;4;5;7;8m", 0xF8),
    ],
)
def test_attributes_add_to_the_checksum(attributes: str, added: int) -> None:
    assert answer(f"\x1b[{attributes}a\x1b[1#y\x1b[1;0;1;1;1;1*y") == f"\x1bP1!~{0x61 + added:04X}\x1b\\".encode()


@pytest.mark.parametrize(
    ("data", "icon_name", "title"),
    [
        pytest.param(*case[1:], id=case[0])
        for case in [
            ("title", "\x1b]2;hi\x07", "", "hi"),
            ("icon name", "\x1b]1;ho\x07", "ho", ""),
            ("pushed and popped", "\x1b]0;a\x07\x1b[22t\x1b]0;b\x07\x1b[23t", "a", "a"),
            ("one pop for two pushes", "\x1b]0;a\x07\x1b[22;1t\x1b[22;2t\x1b]0;b\x07\x1b[23;0t", "a", "a"),
            ("only the icon name", "\x1b]0;a\x07\x1b[22;0t\x1b]0;b\x07\x1b[23;1t", "a", "b"),
            ("only the title", "\x1b]0;a\x07\x1b[22;0t\x1b]0;b\x07\x1b[23;2t", "b", "a"),
            ("icon name pushed", "\x1b]0;a\x07\x1b[22;1t\x1b]0;b\x07\x1b[23t", "a", "b"),
            ("title pushed", "\x1b]0;a\x07\x1b[22;2t\x1b]0;b\x07\x1b[23t", "b", "a"),
            ("nothing of both", "\x1b]2;a\x07\x1b[22;3t\x1b]2;b\x07\x1b[23;3t\x1b[23t", "", "b"),
            ("mode taken back", "\x1b[>0;1t\x1b[>0;1T\x1b]2;b\x07", "", "b"),
            ("mode by default", "\x1b[>t\x1b]2;62\x07", "", "b"),
            ("modes without an effect", "\x1b[>1;2;3t\x1b]2;62\x07", "", "62"),
            ("one mode taken back", "\x1b[>0;1t\x1b[>1T\x1b]2;62\x07", "", "b"),
            ("all modes taken back", "\x1b[>0;1t\x1b[>T\x1b]2;b\x07", "", "b"),
            ("unknown mode", "\x1b[>4t\x1b]2;b\x07", "", "b"),
            ("bad hexadecimal", "\x1b]2;b\x07\x1b[>0t\x1b]2;xyz\x07", "", ""),
            ("icon name in hexadecimal", "\x1b[>0t\x1b]1;61\x07", "a", ""),
            ("title in hexadecimal", "\x1b[>0t\x1b]2;6869\x07", "", "hi"),
        ]
    ],
)
def test_titles(data: str, icon_name: str, title: str) -> None:
    terminal = fed(data)
    assert (terminal.icon_name, terminal.title) == (icon_name, title)


def test_a_title_stack_has_an_end() -> None:
    terminal = fed("".join(f"\x1b]2;{number}\x07\x1b[22t" for number in range(12)) + 9 * "\x1b[23t")
    titles = [terminal.title]
    for _ in range(2):
        terminal.feed(b"\x1b[23t")
        titles.append(terminal.title)
    assert titles == ["3", "2", "2"]


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


def test_what_the_grammar_does_not_know_is_not_sent() -> None:
    screen = Screen(10, 4)
    for body in ("a\rb", "0n\r", "1;2;\x1b[n", "0", "", "Rn", "\u0660n"):
        screen.send_csi(body)
        screen.send_dcs(body)
        screen.send_osc(body)
    assert screen.replies == []


def test_title_has_no_control_characters_and_an_end() -> None:
    assert fed("\x1b]2;a\nb\u200b\x07").title == "ab"
    assert len(fed("\x1b]2;" + "x" * 5000 + "\x07").title) == 1024
    assert fed("\x1b]1;a\nb\u200b\x07").icon_name == "ab"
