"""What readers get: rows and runs, changes, text, matches."""

from __future__ import annotations

import re

import pytest

from podplane_tui.terminal import DEFAULT_STYLE, Match, Style, Terminal
from tests.terminal.support import fed, shown

SGR = [
    ("1", {"bold": True}),
    ("2", {"dim": True}),
    ("3", {"italic": True}),
    ("4", {"underline": 1}),
    ("4:3", {"underline": 3}),
    ("4:0", {}),
    ("21", {"underline": 2}),
    ("5", {"blink": True}),
    ("7", {"reverse": True}),
    ("8", {"conceal": True}),
    ("9", {"strike": True}),
    ("53", {"overline": True}),
    ("01;31", {"bold": True, "foreground": 1}),
    ("1;2;22", {}),
    ("7;27;31;39", {}),
    ("91", {"foreground": 9}),
    ("102", {"background": 10}),
    ("38;5;208", {"foreground": 208}),
    ("38:5:208", {"foreground": 208}),
    ("48;2;1;2;255", {"background": "0102ff"}),
    ("48:2::1:2:255", {"background": "0102ff"}),
    ("48:2:1:2:255", {"background": "0102ff"}),
    ("58;5;3", {"underline_color": 3}),
    ("58:2::1:2:3;59", {}),
    ("38;5;999;1", {"bold": True}),
    ("38;2;1;2;999;1", {"bold": True}),
    ("38;5", {}),
    ("38", {}),
    ("1;;31", {"foreground": 1}),
    ("0001", {"bold": True}),
    ("1;000", {}),
    ("038;05;0208", {"foreground": 208}),
    ("04:3", {"underline": 3}),
    ("38;2;1;;3", {"foreground": "010003"}),
    ("38;2;1;2", {}),
    ("77;1", {"bold": True}),
]


@pytest.mark.parametrize(("parameters", "attributes"), SGR)
def test_sgr(parameters: str, attributes: dict[str, bool | int | str]) -> None:
    assert fed(f"\x1b[{parameters}mx").rows[0].runs() == [("x", Style(**attributes))]


def test_styles_are_interned_and_immutable() -> None:
    assert Style(bold=True) is Style(bold=True)
    assert Style() is DEFAULT_STYLE
    with pytest.raises(AttributeError):
        Style(bold=True).bold = False  # type: ignore[misc]
    with pytest.raises(TypeError, match="unknown"):
        Style(colour="red")


def test_equal_styles_stay_equal_when_the_cache_overflows() -> None:
    before = fed("\x1b[1;31mx").rows[0].runs()[0][1]
    fed("".join(f"\x1b[38;2;{red};{green};0mx" for red in range(100) for green in range(100)))
    after = fed("\x1b[1;31mx").rows[0].runs()[0][1]
    assert before == after
    assert hash(before) == hash(after)


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


def test_changed_rows_only() -> None:
    terminal = fed("a\r\nb\r\nc")
    assert terminal.take_changed() is None
    assert terminal.take_changed() == set()
    terminal.feed(b"\x1b[2;5Hx")
    assert terminal.take_changed() == {1}
    terminal.feed(b"\x1b[3;1H")
    assert terminal.take_changed() == set()
    terminal.feed(b"\x1b[?5h")
    assert terminal.take_changed() is None
    terminal.feed(b"\x1b[4;1H\n")
    assert terminal.take_changed() == {0, 1, 2, 3}


def test_rows_move_as_objects_and_drop_the_painters_cache() -> None:
    terminal = fed("a\r\nb\r\nc\r\nd")
    first, second = terminal.rows[:2]
    first.cache = second.cache = "painted"
    version = second.version
    terminal.feed(b"\n")
    assert terminal.scrollback[0] is first
    assert terminal.rows[0] is second
    assert (second.cache, second.version) == ("painted", version)
    terminal.feed(b"\x1b[H!")
    assert second.cache is None
    assert second.version != version


@pytest.mark.parametrize(
    "edit",
    ["\x1b[1;2HX", "\x1b[1;2H\x1b[K", "\x1b[1;2H\x1b[@", "\x1b[1;2H\x1b[P", "\x1b[1;2H\x1b[X", "\x1b[1;4He\u0301"],
)
def test_every_edit_is_a_new_version(edit: str) -> None:
    terminal = fed("\x1b[31mabc漢")
    row = terminal.rows[0]
    row.cache = "painted"
    version = row.version
    terminal.feed(edit.encode())
    assert terminal.rows[0] is row
    assert row.version != version
    assert row.cache is None


def test_text_joins_soft_wraps() -> None:
    terminal = fed("0123456789abc\r\nend   \r\n\r\nlast")
    assert terminal.text((0, 0), (9, 9)) == "0123456789abc\nend\n\nlast"
    assert terminal.text((0, 8), (1, 2)) == "89ab"
    assert terminal.text((2, 1), (2, 2)) == "n"
    assert terminal.text((2, 2), (2, 1)) == ""


def test_text_counts_cells_and_scrollback() -> None:
    terminal = fed("漢字x\r\n" + "\r\n".join("abcde"))
    assert len(terminal.scrollback) == 2
    assert terminal.text((0, 2), (0, 5)) == "字x"
    assert terminal.text((1, 0), (3, 1)) == "a\nb\nc"


def test_search() -> None:
    terminal = fed("Error one\r\nok\r\n漢 error\r\n012345 error\r\nx\r\n")
    assert terminal.search("error") == [Match(0, 0, 5), Match(2, 3, 8), Match(3, 7, 12)]
    assert terminal.search("Error") == [Match(0, 0, 5)]
    assert terminal.search(re.compile("^ok$")) == [Match(1, 0, 2)]
    assert terminal.search("") == []


def test_scrollback_is_bounded_and_counts_all() -> None:
    terminal = Terminal(20, 4, scrollback=50)
    terminal.feed(b"".join(b"line %d\r\n" % number for number in range(1000)))
    assert len(terminal.scrollback) == 50
    assert terminal.scrolled_off == 997
    assert terminal.scrollback[-1].text == "line 996"
    assert terminal.scrollback[0].text == "line 947"
    assert [row.text for row in terminal.scrollback[:2]] == ["line 947", "line 948"]
    terminal.feed(b"\x1b[3J")
    assert len(terminal.scrollback) == 0
    assert shown(terminal) == ["line 997", "line 998", "line 999"]


def test_no_scrollback() -> None:
    terminal = Terminal(20, 4, scrollback=0)
    terminal.feed(b"line\r\n" * 100)
    assert len(terminal.scrollback) == 0
    assert terminal.scrolled_off == 97


def test_alternate_screen_and_margins_have_no_scrollback() -> None:
    assert len(fed("\x1b[?1049h" + "a\r\n" * 20).scrollback) == 0
    assert len(fed("\x1b[2;4r" + "a\r\n" * 20).scrollback) == 0


def test_reset_keeps_scrollback() -> None:
    terminal = fed("a\r\n" * 20 + "\x1b]2;title\x07\x1b[1")
    terminal.reset()
    terminal.feed(b"x")
    assert shown(terminal) == ["x"]
    assert len(terminal.scrollback) == 17


def test_a_wide_character_with_one_mark_is_still_wide() -> None:
    """As many code points as cells, so counting does not tell it from two narrow characters."""
    for text in ("😀\u200d", "世\u0301"):
        terminal = Terminal(6, 2)
        terminal.feed(f"{text}x".encode())
        assert [cell for cell, _ in terminal.rows[0].cells()] == [text, "", "x"]
        terminal.feed(b"\x1b[1;2H.")
        assert terminal.display[0] == " .x   "
