"""When a console is handed over, by a clock that the tests set."""

from __future__ import annotations

from podplane_tui.backend.console.claim import IDLE, LOOK_INTERVAL
from podplane_tui.backend.console.handover import Answer, Handover


def test_who_asks_is_looked_for_at_once_and_then_now_and_then() -> None:
    handover = Handover(1000.0)
    assert handover.is_due(1000.0)
    handover.answer("", 1000.0)
    assert not handover.is_due(1000.0 + LOOK_INTERVAL / 2)
    assert handover.is_due(1000.0 + LOOK_INTERVAL)


def test_the_holder_is_told_once_of_each_who_asks() -> None:
    handover = Handover(0.0)
    notes = [handover.answer(who, 0.0).note for who in ("", "me", "me", "you", "", "you")]
    assert [bool(note) for note in notes] == [False, True, False, True, False, True]
    assert b"[me asks for this console: Ctrl-] hands it over]" in notes[1]
    assert b"[you asks" in notes[3]


def test_it_is_handed_over_when_nothing_was_typed_for_a_while() -> None:
    handover = Handover(100.0)
    assert not handover.answer("me", 100.0 + IDLE - 0.1).hand_over
    assert handover.answer("me", 100.0 + IDLE) == Answer(hand_over=True)


def test_a_key_keeps_it() -> None:
    handover = Handover(0.0)
    handover.typed(IDLE - 1)
    assert not handover.answer("me", 2 * IDLE - 2).hand_over
    assert handover.answer("me", 2 * IDLE - 1).hand_over


def test_nobody_asks_however_long_nothing_is_typed() -> None:
    assert Handover(0.0).answer("", 100 * IDLE) == Answer()
