"""What terminal input means: Textual's events, for whole sequences that it knows, and none for anything else."""

import random

import pytest
from textual import constants, events, messages
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.message import Message

from podplane_tui.tui.input import parser as module
from podplane_tui.tui.input.parser import InputParser


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


def said(message: Message) -> object:
    match message:
        case events.Key(key=key, character=character):
            return key, character
        case events.Paste(text=text):
            return "paste", text
        case events.MouseEvent():
            return type(message).__name__, message.x, message.y
        case _:
            return type(message).__name__


def heard(data: bytes) -> list[object]:
    """What a new parser makes of this, silence after it included."""
    parser = InputParser()
    found = [*parser.messages(data)]
    parser._splitter._at -= 10
    return [said(message) for message in [*found, *parser.due_messages()]]


SINGLE = [sequence for sequence in ANSI_SEQUENCES_KEYS if sequence not in {"\x1b[200~", "\x1b[201~", "\x9b"}]
SINGLE += ["\x1b[97;5u", "\x1b[97;2;65u", "\x1b[27u", "\x1b[1;5A", "\x1b[57441u", "\x1bq", "\x1bQ", "\x1b\r", "é", "漢"]


def test_what_textual_knows_means_what_it_means_to_textual() -> None:
    for sequence in SINGLE:
        theirs = XTermParser()
        expected = [*theirs.feed(sequence)]
        if theirs._timeout_time is not None:
            theirs._timeout_time = 0.0
            expected += theirs.tick()
        assert heard(sequence.encode()) == [said(message) for message in expected], sequence


def test_reports_still_arrive() -> None:
    assert heard(b"\x1b[<0;3;4M\x1b[<0;3;4m\x1b[I\x1b[O\x1b[?2026;2$y\x1b[5;6R\x1b[48;24;80;240;800t") == [
        ("MouseDown", 2.0, 3.0),
        ("MouseUp", 2.0, 3.0),
        "AppFocus",
        "AppBlur",
        "TerminalSupportsSynchronizedOutput",
        "CursorPosition",
        "Resize",
    ]


@pytest.mark.parametrize(
    "unknown",
    [
        b"\x1b[99~",
        b"\x1b[113~",
        b"\x1b[113A",
        b"\x1b[113R",
        b"\x1b[113;5A",
        b"\x1b[99Z",
        b"\x1b[?62;1;4c",
        b"\x1b[>1;4000;29c",
        b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\",
        b"\x1bP1$r0m\x1b\\",
        b"\x1bOz",
        b"\x1b[97;1:1u",
        b"\x1b[97:65;1u",
        b"\x1b[99999999999u",
        b"\x1b[97;1;99999999u",
        b"\x1b[55296u",
        b"\x1b[97;2;57343u",
        b"\x1b[1114112u",
        b"\x1b[" + b"1;" * 500 + b"A",
        b"\xff\xfe\x80",
        b"\x1b[<35;-1;10M",
        b"\x1b[<32;-12;-3M",
        b"\x1b[<35;10;-1M",
        b"\x1b[1 2~",
        b"\x1b[1-2;3R",
    ],
)
def test_what_nobody_knows_is_nothing_and_what_follows_is_as_ever(unknown: bytes) -> None:
    assert heard(unknown + b"q\x1b[A") == [("q", "q"), ("up", None)]


def test_a_paste_is_one_event_that_no_terminal_obeys() -> None:
    assert heard(b"\x1b[200~a\x1b[31mb\x00\x9f\xc2\x9b\tc\r\n\x1b[201~q") == [
        ("paste", "a [31mb \ufffd \tc\r\n"),
        ("q", "q"),
    ]


def test_events_bear_the_time_at_which_they_were_typed(clock: Clock) -> None:
    parser = InputParser()
    assert [*parser.messages(b"\x1b")] == []
    assert parser.wait(0.1) == 0.1
    clock.now += 0.25
    assert 0 < parser.wait(0.1) < 0.06
    clock.now += 30
    assert parser.wait(0.1) == 0.0
    (key,) = parser.messages(b"")
    assert (said(key), key.time) == (("escape", "\x1b"), 1000.0)
    (typed,) = parser.messages(b"q")
    assert typed.time == 1030.25


def keys(clock: Clock, *typed: bytes, seconds: float) -> list[object]:
    """What a new parser makes of reads that come so many seconds apart."""
    parser = InputParser()
    found: list[Message] = []
    for data in typed:
        found += parser.messages(data)
        clock.now += seconds
    clock.now += 10
    return [said(message) for message in [*found, *parser.due_messages()]]


def stock(*typed: str) -> list[object]:
    """What Textual's own parser makes of reads, its patience over after each."""
    theirs = XTermParser()
    found: list[Message] = []
    for data in typed:
        found += theirs.feed(data)
        if theirs._timeout_time is not None:
            theirs._timeout_time = 0.0
            found += theirs.tick()
    return [said(message) for message in found]


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        (["\x1b", "O", "D"], 0.25),
        (["\x1b", "["], 0.2),
        (["\x1b", "P", "$", "j", "j", "d", "d"], 0.3),
        (["\x1b", "_", "G", "o", "a"], 0.3),
        (["\x1b", "]", "0", "x", "y"], 0.2),
        (["\x1bO"], 0.3),
        (["\x1b["], 0.3),
        (["\x1bO", "A"], 0.5),
        (["\x1b", "OK"], 2.0),
        (["\x1b", "[["], 2.0),
    ],
)
def test_what_is_typed_behind_escape_means_what_it_means_to_textual(
    clock: Clock, typed: list[str], seconds: float
) -> None:
    assert keys(clock, *(each.encode() for each in typed), seconds=seconds) == stock(*typed)


@pytest.mark.parametrize("reads", [[b"\x1b", b"OP"], [b"\x1bO", b"P"], [b"\x1b", b"O", b"P"]])
def test_a_function_key_that_is_cut_is_one(clock: Clock, reads: list[bytes]) -> None:
    assert keys(clock, *reads, seconds=0.2) == [("f1", None)]


@pytest.mark.parametrize(("given", "seconds"), [(0.1, 0.3), (0.02, 0.02)])
def test_whoever_sets_escdelay_gets_it(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, given: float, seconds: float
) -> None:
    monkeypatch.setattr(constants, "ESCAPE_DELAY", given)
    parser = InputParser()
    assert [*parser.messages(b"\x1b")] == []
    assert parser.wait(5) == pytest.approx(seconds)


def test_any_bytes_are_survived() -> None:
    draw = random.Random(1)  # noqa: S311 - to be repeatable
    parser = InputParser()
    for _ in range(3000):
        head = draw.choice([b"", b"\x1b", b"\x1b[", b"\x1bO", b"\x1b[<", b"\x1b[200~", b"\x1b[?"])
        body = bytes(draw.choices(b"0123456789;:?<>$mMuA~R tcy\x1b\x9b\xc2\xff\r\x1d", k=draw.randint(0, 12)))
        for message in parser.messages(head + body):
            said(message)
            assert not isinstance(message, messages.ExitApp)
        parser._splitter._at -= draw.choice([0, 0.2, 5])
