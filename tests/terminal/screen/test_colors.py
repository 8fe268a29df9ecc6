"""Colours a program redefines or asks for, and its clipboard."""

from __future__ import annotations

import base64

import pytest

from podplane_tui.terminal import Terminal
from podplane_tui.terminal.screen.colors import CLIPBOARD_LIMIT, PALETTE, parse_color
from tests.terminal.support import Reply, answer, answer_byte_by_byte, as_bytes, fed, replies

REPLIES: list[Reply] = [
    ("palette", "\x1b]4;1;?\x07", "\x1b]4;1;rgb:cdcd/0000/0000\x1b\\"),
    ("palette set", "\x1b]4;1;#123456\x07\x1b]4;1;?\x1b\\", "\x1b]4;1;rgb:1212/3434/5656\x1b\\"),
    ("palette reset", "\x1b]4;1;#123\x07\x1b]104;1\x07\x1b]4;1;?\x07", "\x1b]4;1;rgb:cdcd/0000/0000\x1b\\"),
    ("several at once", "\x1b]4;0;?;7;?\x07", "\x1b]4;0;rgb:0000/0000/0000\x1b\\\x1b]4;7;rgb:e5e5/e5e5/e5e5\x1b\\"),
    ("short hash colours are the high bits", "\x1b]4;5;#fff\x07\x1b]4;5;?\x07", "\x1b]4;5;rgb:f0f0/f0f0/f0f0\x1b\\"),
    ("rgb colours are scaled", "\x1b]4;5;rgb:f/8/0\x07\x1b]4;5;?\x07", "\x1b]4;5;rgb:ffff/8888/0000\x1b\\"),
    ("special colours", "\x1b]5;0;#aabbcc\x07\x1b]5;0;?\x07", "\x1b]5;0;rgb:aaaa/bbbb/cccc\x1b\\"),
    ("special colours reset", "\x1b]5;0;#abc\x07\x1b]105\x07\x1b]5;0;?\x07", "\x1b]5;0;rgb:0000/0000/0000\x1b\\"),
    ("all colours reset", "\x1b]5;0;#abc\x07\x1b]104\x07\x1b]5;0;?\x07", "\x1b]5;0;rgb:0000/0000/0000\x1b\\"),
    ("text", "\x1b]10;?\x07", "\x1b]10;rgb:0000/0000/0000\x1b\\"),
    ("background", "\x1b]11;?\x07", "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"),
    ("dynamic colours in a row", "\x1b]10;#010203;#040506\x07\x1b]11;?\x07", "\x1b]11;rgb:0404/0505/0606\x1b\\"),
    ("dynamic colour reset", "\x1b]11;#123\x07\x1b]111\x07\x1b]11;?\x07", "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"),
]


@pytest.mark.slow
@replies(REPLIES)
def test_reply(data: str, reply: str | bytes) -> None:
    assert answer(data) == as_bytes(reply)
    assert answer_byte_by_byte(data) == as_bytes(reply)


def test_the_painter_says_what_the_colours_are() -> None:
    terminal = Terminal(10, 4)
    terminal.base_colors = "112233", "445566"
    assert terminal.feed(b"\x1b]10;?\x07") == b"\x1b]10;rgb:1111/2222/3333\x1b\\"
    assert terminal.feed(b"\x1b]11;?;?\x07") == (b"\x1b]11;rgb:4444/5555/6666\x1b\\\x1b]12;rgb:1111/2222/3333\x1b\\")
    assert terminal.feed(b"\x1b]11;#010101\x07\x1bc\x1b]11;?\x07") == b"\x1b]11;rgb:4444/5555/6666\x1b\\"


@pytest.mark.parametrize("number", ["007", "7"])
def test_a_number_is_told_as_a_number(number: str) -> None:
    assert answer(f"\x1b]4;{number};?\x07") == b"\x1b]4;7;rgb:e5e5/e5e5/e5e5\x1b\\"


def written(*commands: str) -> list[tuple[str, bytes]]:
    """What reaches an owner who takes clipboards; nothing is answered, to him or to one who takes none."""
    seen: list[tuple[str, bytes]] = []
    terminal = Terminal(10, 4, on_clipboard=lambda targets, data: seen.append((targets, data)))
    for command in commands:
        for each in (terminal, Terminal(10, 4)):
            assert each.feed(f"\x1b]52;{command}\x07".encode()) == b""
    return seen


def test_clipboard_goes_to_the_callback_and_nowhere_else() -> None:
    assert written("c;c2VjcmV0", "cs0;") == [("c", b"secret"), ("cs0", b"")]


def test_clipboard_that_is_not_named_is_the_selection() -> None:
    assert written(";aGk=") == [("s0", b"hi")]


@pytest.mark.parametrize("targets", ["", "c", "\rid\r", "\nid\n", "c\r"])
def test_clipboard_is_never_told(targets: str) -> None:
    assert written(f"{targets};aGk=", f"{targets};?")[1:] == []


@pytest.mark.parametrize("targets", ["x", "c\rid\r", "8", "c" * 13, "c c", "c\n", "\u0441"])
def test_clipboard_of_another_name_is_not_written(targets: str) -> None:
    assert written(f"{targets};aGk=") == []


def test_clipboard_has_an_end() -> None:
    data = base64.b64encode(b"x" * (CLIPBOARD_LIMIT * 3 // 4)).decode()
    assert len(data) == CLIPBOARD_LIMIT
    assert written(f"c;{data}") == [("c", b"x" * (CLIPBOARD_LIMIT * 3 // 4))]
    assert written(f"c;{data}AAAA") == []


def test_clipboard_with_bad_data_is_emptied() -> None:
    seen: list[tuple[str, bytes]] = []
    Terminal(10, 4, on_clipboard=lambda *item: seen.append(item)).feed(b"\x1b]52;c;!!\x07")
    assert seen == [("c", b"")]


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("#fff", "f0f0f0"),
        ("#123456", "123456"),
        ("#ABCdef", "abcdef"),
        ("#123456789", "124578"),
        ("#123456789abc", "12569a"),
        ("rgb:f/80/123", "ff8012"),
        ("rgb:ffff/0000/8000", "ff007f"),
        ("rgbi:1.0/0/0.5", "ff0080"),
        ("rgbi:9.9/.5/1.", "ff80ff"),
        ("Red", "ff0000"),
        ("GREY", "bebebe"),
        ("#12345", None),
        ("#", None),
        ("#12345g", None),
        ("rgb:1/2", None),
        ("rgb:12345/0/0", None),
        ("rgbi:1.2.3/0/0", None),
        ("rgbi:./0/0", None),
        ("rgbi:-1/0/0", None),
        ("nosuchcolour", None),
        ("", None),
    ],
)
def test_colour_specifications(text: str, color: str | None) -> None:
    assert parse_color(text) == color


@pytest.mark.parametrize(
    ("index", "color"), [(16, "000000"), (196, "ff0000"), (231, "ffffff"), (232, "080808"), (255, "eeeeee")]
)
def test_the_palette_is_xterms(index: int, color: str) -> None:
    assert len(PALETTE) == 256
    assert PALETTE[index] == color


@pytest.mark.parametrize(
    ("command", "palette"),
    [
        ("4;1;#123456;2;red", {1: "123456", 2: "ff0000"}),
        ("4;1;#123456;2", {1: "123456"}),
        ("4;1;nosuchcolour;2;red", {2: "ff0000"}),
        ("4;260;red;261;red;999;red;1000;red;-1;red;²;red;;red", {260: "ff0000"}),
        ("5;0;red;4;blue;5;red", {256: "ff0000", 260: "0000ff"}),
        ("4", {}),
    ],
)
def test_colours_beyond_the_palette_are_not_kept(command: str, palette: dict[int, str]) -> None:
    assert fed(f"\x1b]{command}\x07").palette == palette


@pytest.mark.parametrize(
    ("command", "left"),
    [("104;1;257", {2, 256}), ("104", set()), ("105;0", {1, 2, 257}), ("105", {1, 2})],
)
def test_resetting_colours(command: str, left: set[int]) -> None:
    terminal = fed("\x1b]4;1;red;2;red;256;red;257;red\x07" + f"\x1b]{command}\x07")
    assert terminal.palette.keys() == left


def test_dynamic_colours_end_at_the_last_one() -> None:
    assert fed("\x1b]18;red;nosuchcolour;blue;blue\x07").default_colors == {18: "ff0000"}
    assert fed("\x1b]19;red;blue\x07").default_colors == {19: "ff0000"}
