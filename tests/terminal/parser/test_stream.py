"""Bytes to characters: encodings, and what is none."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Screen, Stream
from podplane_tui.terminal.parser.stream import SLICE
from tests.terminal.support import fed, shown


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
