"""What a program may have done to cells for the bytes it sends."""

from __future__ import annotations

import pytest

from benchmarks.terminal.hostile import counted
from podplane_tui.terminal import Terminal
from podplane_tui.terminal.buffer.ration import CELLS, PER_BYTE, SCREENS, Ration

MOST = SCREENS * 80 * 24 + CELLS


def test_what_is_put_by_is_spent_once() -> None:
    ration = Ration(80, 24)
    assert ration.spend(MOST - 5)
    assert not ration.spend(6)
    assert ration.spend(5)
    assert not ration.spend(1)


def test_bytes_earn_up_to_what_may_be_put_by() -> None:
    ration = Ration(80, 24)
    assert ration.spend(MOST)
    ration.earn(3)
    assert not ration.spend(3 * PER_BYTE + 1)
    assert ration.spend(3 * PER_BYTE)
    ration.earn(10 * MOST)
    assert not ration.spend(MOST + 1)
    assert ration.spend(MOST)


def test_it_is_renewed() -> None:
    ration = Ration(80, 24)
    assert ration.spend(MOST)
    ration.renew()
    assert not ration.spend(MOST + 1)
    assert ration.spend(MOST)


def test_a_screen_may_be_filled_for_every_picture_of_it() -> None:
    terminal = Terminal(80, 24)
    for number in range(500):
        terminal.feed(b"\x1b[%d;;2$x" % (65 + number % 2))
        assert terminal.display[5] == " " + chr(65 + number % 2) * 79
        terminal.painted()


def test_a_new_size_gives_nothing_away() -> None:
    ration = Ration(80, 24)
    assert ration.spend(MOST)
    ration.resize(800, 240)
    assert not ration.spend(1)
    ration.earn(MOST)  # more than before has room now
    assert ration.spend(MOST)


def test_a_smaller_screen_has_less_put_by() -> None:
    ration = Ration(80, 24)
    ration.resize(8, 2)
    assert not ration.spend(SCREENS * 8 * 2 + CELLS + 1)


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b[65;;2$x",
        b"\x1b[;2$z",
        b"\x1b[;2${",
        b"\x1b[;;;;;;2$v",
        b"\x1b[2;2$v",
        b"\x1b[;2$t",
        b"\x1b[;;;;1$r",
        b"\x1b['}",
        b"\x1b[ @",
        b"\x1b[G\x1b6",
    ],
)
def test_a_program_that_sends_little_else_has_no_more_done(sequence: bytes) -> None:
    terminal = Terminal(80, 24)
    terminal.feed(b"\x1b[1mab\x1b[44mcd\x1b[m\r\n" * 23 + b"\x1b[H")
    data = sequence * 3_000
    with counted() as count:
        for start in range(0, len(data), 1024):
            terminal.feed(data[start : start + 1024])
            assert terminal.display
    assert 0 < count.cells <= 6 * (MOST + PER_BYTE * len(data))
    before = count.cells
    terminal.feed(b"text " * 5_000)
    with counted() as count:
        terminal.feed(sequence)
        assert terminal.display
    assert count.cells < before
    assert count.cells > 0


def test_a_screen_is_summed_up_so_often_as_it_is_drawn() -> None:
    terminal = Terminal(80, 24)
    answers = [terminal.feed(b"\x1b[65$x\x1b[*y\x1b[66$x\x1b[*y") for _ in range(100)]
    assert answers[0].count(b"!~") == 2
    assert sum(answer.count(b"!~") for answer in answers) < 100
    drawn = (b"x" * 80 + b"\r\n") * 23 + b"\x1b[*y"
    assert [terminal.feed(drawn).count(b"!~") for _ in range(20)] == [1] * 20
