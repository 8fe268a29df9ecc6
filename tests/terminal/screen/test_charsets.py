"""Character sets that programs designate and shift to."""

from __future__ import annotations

import pytest

from podplane_tui.terminal.buffer.width import width_of
from podplane_tui.terminal.screen.charsets import SPECIAL_GRAPHICS
from tests.terminal.support import Case, Feed, fed, place, sequences, shown

SETS: list[Case] = [
    ("line drawing in G0", "\x1b(0lqk\x1b(Bq", ["┌─┐q"], (4, 0)),
    ("line drawing in G1", "\x1b)0\x0elqk\x0fq", ["┌─┐q"], (4, 0)),
    ("single shift", "\x1b*0\x1bNqq", ["─q"], (2, 0)),
    ("locking shift 2", "\x1b*0\x1bnqq\x0fq", ["──q"], (3, 0)),
    ("British set", "\x1b(A#\x1b(B#", ["£#"], (2, 0)),
]


@sequences(sets=SETS)
def test_sequence(feed: Feed, data: str, lines: list[str], cursor: tuple[int, int]) -> None:
    terminal = feed(data)
    assert shown(terminal) == lines
    assert place(terminal) == cursor


def test_every_special_character_takes_one_cell() -> None:
    assert sorted(SPECIAL_GRAPHICS) == list(range(0x5F, 0x7F))
    assert len(set(SPECIAL_GRAPHICS.values())) == len(SPECIAL_GRAPHICS)
    assert {width_of(char) for char in SPECIAL_GRAPHICS.values()} == {1}


@pytest.mark.parametrize("code", ["B", "K", "C", "1", "<", "~"])
def test_sets_that_are_not_known_print_ascii(code: str) -> None:
    assert shown(fed(f"\x1b(0\x1b({code}qx#[")) == ["qx#["]


@pytest.mark.parametrize(
    ("designator", "shift"),
    [(")", "\x0e"), ("-", "\x0e"), ("*", "\x1bn"), (".", "\x1bn"), ("+", "\x1bo"), ("/", "\x1bo")],
)
def test_a_set_is_in_use_when_it_is_shifted_to(designator: str, shift: str) -> None:
    assert shown(fed(f"\x1b{designator}0q{shift}q\x0fq")) == ["q─q"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("\x1b(0\x1b7\x1b(B\x1b8q", "─"),
        ("\x1b(0\x1b[!pq", "q"),
        ("\x1b(0\x1bcq", "q"),
        ("\x1b)0\x0e\x1b7\x0f\x1b8q", "─"),
    ],
)
def test_sets_are_saved_with_the_cursor_and_reset(data: str, line: str) -> None:
    assert shown(fed(data)) == [line]
