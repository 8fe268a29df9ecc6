"""Bytes to characters: encodings, and what is none."""

from __future__ import annotations

from unicodedata import bidirectional

import pytest

from podplane_tui.terminal import Screen, Stream
from podplane_tui.terminal.parser.stream import BIDI, BIDI_MARK, SLICE
from tests.terminal.support import fed, fed_byte_by_byte, shown


def test_8_bit_controls_are_none_in_utf_8() -> None:
    assert shown(fed(b"\x1b Ga\x9b2Cb")) == ["a\ufffd2Cb"]
    assert shown(fed("\x1b Ga\u009b2Cb")) == ["a\ufffd2Cb"]


def test_latin_1_until_utf_8_again() -> None:
    assert shown(fed(b"\x1b%@\xe9\x9b2Ca\x1b%G\xc3\xa9")) == ["é  aé"]


def test_bad_bytes_are_replacement_characters() -> None:
    assert shown(fed(b"a\xffb\xe6\xbcc\xc3")) == ["a\ufffdb\ufffdc"]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["é", "漢", "😀", "e\u0301", "aé漢b"])
def test_characters_may_come_in_pieces(text: str) -> None:
    data = text.encode()
    for cut in range(len(data) + 1):
        terminal = fed(data[:cut])
        terminal.feed(data[cut:])
        assert shown(terminal) == [text]


def test_the_encoding_changes_between_two_bytes_wherever_a_chunk_ends() -> None:
    data = b"\xc3\xa9\x1b%@\xc3\x1b%G\xc3\xa9"
    for cut in range(len(data) + 1):
        terminal = fed(data[:cut])
        terminal.feed(data[cut:])
        assert shown(terminal) == ["éÃé"]


def test_half_a_character_is_bad_when_the_encoding_changes() -> None:
    assert shown(fed(b"a\xe6\xbc\x1b%@\xe9\x1b%Gb")) == ["a\ufffdéb"]


def test_8_bit_controls_work_in_latin_1() -> None:
    terminal = fed(b"\x1b%@a\x9b3Cb\x9d2;title\x9cc\x85d")
    assert shown(terminal) == ["a   bc", "d"]
    assert terminal.title == "title"


def test_a_chunk_of_any_length_is_taken_whole() -> None:
    text = "漢" * 2 * SLICE  # there are slices that end inside a character
    terminal = fed(text, 80, 24, scrollback=10_000)
    assert terminal.text((0, 0), (1 << 20, 0)) == text


@pytest.mark.parametrize("unfinished", [b"\x1b[3", b"\x1b]2;title", b"\xe6\xbc", b"\x1b%@", b"\x1b%", b"\x1b"])
def test_a_reset_forgets_what_is_under_way(unfinished: bytes) -> None:
    screen = Screen(10, 4)
    stream = Stream(screen)
    stream.feed(unfinished)
    stream.reset()
    stream.feed("Gé".encode())
    assert screen.display[0].rstrip() == "Gé"


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        ("ab\u202ecd", f"abc{BIDI_MARK}d", 4),
        ("\u202ecd", f"c{BIDI_MARK}d", 2),
        ("ab\u202e\u2066c", f"abc{BIDI_MARK}", 3),
        ("ab\u202e\r\x1b[2C", f"ab{BIDI_MARK}", 2),
        ("ab\u202e\x1b[1mc", f"ab{BIDI_MARK}c", 3),
        ("ab\u202e", "ab", 2),
        ("\u202e漢b", f"漢{BIDI_MARK}b", 3),
        ("a\u202e\u0085b", f"a{BIDI_MARK}\ufffdb", 3),
        ("a\u200bb", "a\u200bb", 2),
        *((f"a{control}b", f"ab{BIDI_MARK}", 2) for control in BIDI),
    ],
)
def test_what_turns_text_around_is_a_mark_that_takes_no_cell(data: str, line: str, column: int) -> None:
    for terminal in (fed(data), fed_byte_by_byte(data)):
        assert shown(terminal) == [line]
        assert terminal.cursor.x == column


def test_all_bidirectional_formatting_characters_of_unicode_are_marked() -> None:
    kinds = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    implicit = {"\u200e", "\u200f", "\u061c"}
    assert set(BIDI) == {chr(code) for code in range(0x110000) if bidirectional(chr(code)) in kinds} | implicit


def test_a_reset_forgets_what_would_be_marked() -> None:
    screen = Screen(10, 4)
    stream = Stream(screen)
    stream.feed("a\u202e".encode())
    stream.reset()
    stream.feed(b"b")
    assert screen.display[0].rstrip() == "ab"
