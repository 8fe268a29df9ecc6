"""How terminal input is split: no key comes out of a paste or of a sequence that was cut, however it arrives."""

import random
import re

import pytest

from podplane_tui.tui.input.splitter import (
    ALT_GAP,
    BURST_GAP,
    ESCAPE_PATIENCE,
    JOIN_LIMIT,
    PASTE_END,
    PASTE_PATIENCE,
    PASTE_START,
    SEQUENCE_PATIENCE,
    Pasted,
    Sequence,
    Splitter,
    Text,
    Token,
)

SHORT = 0.2
"""Seconds that are no silence yet."""


class Line:
    """A splitter and a clock; `tokens` is all that came of what was fed."""

    def __init__(self, *complete: str) -> None:
        self.splitter = Splitter(complete)
        self.now = 100.0
        self.tokens: list[Token] = []

    def feed(self, *reads: str, gap: float = SHORT) -> "Line":
        for read in reads:
            self.tokens += self.splitter.feed(read, self.now)
            self.now += gap
        return self

    def rest(self, seconds: float = 60.0) -> "Line":
        self.now += seconds
        self.tokens += self.splitter.tick(self.now)
        return self

    @property
    def said(self) -> list[Token]:
        """The tokens, texts that follow each other joined."""
        joined: list[Token] = []
        for token in self.tokens:
            if isinstance(token, Text) and joined and isinstance(joined[-1], Text):
                joined[-1] = Text(joined[-1].text + token.text)
            else:
                joined.append(token)
        return joined


KNOWN = [
    "\x1bOP",
    "\x1b[A",
    "\x1b[1;5C",
    "\x1b[15~",
    "\x1b[[A",
    "\x1b[<0;10;20M",
    "\x1b[I",
    "\x1b[97;5u",
    "\x1ba",
    "\x1b\r",
]
KNOWN += ["\x1b[?2026;2$y", "\x1b[48;24;80;0;0t", "\x1b[?1;2c", "\x1bO5P"]


@pytest.mark.parametrize("sequence", KNOWN)
def test_a_sequence_is_one_thing(sequence: str) -> None:
    assert Line().feed(f"x{sequence}y").said == [Text("x"), Sequence(sequence), Text("y")]


@pytest.mark.parametrize("sequence", [each for each in KNOWN if each[1] in "[O"])
def test_a_sequence_that_comes_in_parts_is_joined(sequence: str) -> None:
    assert Line().feed(*sequence).said == [Sequence(sequence)]


def test_keys_are_not_held_back() -> None:
    line = Line()
    assert line.splitter.feed("q", 1.0) == [Text("q")]
    assert line.splitter.due is None


def test_f1_that_comes_too_late_is_no_p() -> None:
    assert Line().feed("\x1b").rest(ESCAPE_PATIENCE).feed("OP").said == [Sequence("\x1b"), Sequence("\x1bOP")]


@pytest.mark.parametrize(
    ("begun", "rest", "joined"),
    [("\x1b[1", ";5C", "\x1b[1;5C"), ("\x1b[15", "~x", "\x1b[15~"), ("\x1b", "[A", "\x1b[A")],
)
def test_the_rest_of_what_was_given_up_is_recognised(begun: str, rest: str, joined: str) -> None:
    patience = SEQUENCE_PATIENCE if len(begun) > 2 else ESCAPE_PATIENCE
    assert Sequence(joined) in Line().feed(begun, gap=0).rest(patience + JOIN_LIMIT - 0.1).feed(rest).said
    assert Sequence(joined) not in Line().feed(begun, gap=0).rest(patience + JOIN_LIMIT + 0.1).feed(rest).said


def test_the_rest_of_a_late_paste_start_begins_the_paste() -> None:
    assert Line().feed("\x1b").rest(1.0).feed("[200~rm\r\x1b[201~").said == [Sequence("\x1b"), Pasted("rm\r")]


@pytest.mark.parametrize("broken", ["\x1b[1", "\x1b[1;", "\x1bO5", "\x1b[?", "\x1b[[", "\x1b]11;rgb:ff", "\x1bP1$r"])
def test_a_sequence_without_end_is_dropped_and_the_next_key_counts(broken: str) -> None:
    assert Line().feed(broken).rest(SEQUENCE_PATIENCE).feed("q", "\x1d").said == [Text("q\x1d")]


@pytest.mark.parametrize("wrong", ["\r", "\x03", "é", "\ufffd"])
def test_what_breaks_a_sequence_goes_with_it_unless_it_was_typed(wrong: str) -> None:
    assert Line().feed(f"\x1b[1{wrong}q", "k").said == [Text("k")]
    assert Line().feed("\x1b[1", f"{wrong}q", gap=0.01).feed("k").said == [Text("k")]
    assert Line().feed("\x1b[1", f"{wrong}q").said == [Text(f"{wrong}q".replace("\ufffd", ""))]


@pytest.mark.parametrize(
    "report", ["\x1b[<35;-1;10M", "\x1b[<32;-12;-3M", "\x1b[<35;10;-1M", "\x1b[1 2~", "\x1b[1-2;3R"]
)
def test_the_rest_of_an_odd_sequence_is_no_keys(report: str) -> None:
    assert Line().feed(f"{report}q").said == [Sequence(report), Text("q")]
    assert Line().feed(*report, "q", gap=0.01).said == [Sequence(report), Text("q")]


@pytest.mark.parametrize("noise", ["\x1b[?1;2!rm", "\x1b[1;5\rrm\r", "\x1b[1/2~\r", "\x1bO5\rx", "\x1b[<0\x7f;1M"])
def test_all_that_comes_with_a_broken_sequence_is_no_keys(noise: str) -> None:
    assert Line().feed(noise, "q").said == [Text("q")]
    assert Line().feed(f"{noise}\x1b[A\x9bBq").said == [Sequence("\x1b[A"), Sequence("\x1b[B"), Text("q")]


@pytest.mark.parametrize("string", ["\x1b]0;a\rrm\r", "\x1bP1$r\x7f\rx", "\x1b_G\nq"])
def test_control_characters_in_a_string_are_no_keys(string: str) -> None:
    assert Line().feed(f"{string}\x07q").said == [Text("q")]
    assert Line().feed(string[:6], f"{string[6:]}\x1b\\q", gap=0.01).said == [Text("q")]
    assert Line().feed(string, "\rq").said == [Text("\rq")]


def test_a_sequence_ends_where_another_begins() -> None:
    assert Line().feed("\x1b[1\x1b[A\x1bO\x1b[B\x1b]0;x\x1b[C").said == [
        Sequence("\x1b[A"),
        Sequence("\x1b[B"),
        Sequence("\x1b[C"),
    ]


def test_escape_alone_takes_a_moment() -> None:
    line = Line().feed("\x1b", gap=0)
    assert line.splitter.due == line.now + ESCAPE_PATIENCE
    assert line.rest(ESCAPE_PATIENCE / 2).said == []
    assert line.rest(ESCAPE_PATIENCE).said == [Sequence("\x1b")]


def test_escape_and_then_a_key_is_not_alt() -> None:
    assert Line().feed("\x1b", "q").said == [Sequence("\x1b"), Text("q")]
    assert Line().feed("\x1b", "q", gap=0.01).said == [Sequence("\x1bq")]
    assert Line().feed("\x1b\x1b[A").said == [Sequence("\x1b"), Sequence("\x1b[A")]


@pytest.mark.parametrize("typed", ["O", "[", "P", "]", "_"])
def test_escape_and_then_what_begins_sequences_are_two_keys(typed: str) -> None:
    line = Line().feed("\x1b", typed, gap=0).rest(0)
    assert line.feed(gap=0).rest(ESCAPE_PATIENCE).said == [Sequence(f"\x1b{typed}")]
    for seconds in (ALT_GAP + 0.01, 0.2, 0.29, 0.3, 2.0):
        line = Line().feed("\x1b", gap=seconds).feed(typed, gap=0).rest(ESCAPE_PATIENCE)
        assert line.said == [Sequence("\x1b"), Text(typed)]


@pytest.mark.parametrize(
    ("keys", "seconds"),
    [
        ("OD", 0.25),
        ("O\r", 0.2),
        ("Othe", 0.2),
        ("P$jjdd", 0.2),
        ("P$jjdd", 0.3),
        ("_Goa", 0.2),
        ("_Goa", 0.3),
        ("]0xy", 0.15),
        ("]0xy", 0.3),
        ("[[", 0.2),
        ("[[k", 0.2),
        ("[mx", 0.2),
        ("[(", 0.2),
    ],
)
def test_keys_after_escape_arrive(keys: str, seconds: float) -> None:
    assert Line().feed("\x1b", gap=0.2).feed(*keys, gap=seconds).rest().said == [Sequence("\x1b"), Text(keys)]


@pytest.mark.parametrize("word", ["OK", "[[", "Over", "[x]", "]]", "P.", "_x", "OPEN"])
def test_a_word_in_one_read_after_escape_is_typed(word: str) -> None:
    for seconds in (0.5, 2.0):
        assert Line().feed("\x1b", gap=seconds).feed(word).rest().said == [Sequence("\x1b"), Text(word)]
    if word != "OPEN":  # F1, then, and two keys
        assert Line().feed("\x1b", gap=0.2).feed(word).rest().said == [Sequence("\x1b"), Text(word)]


@pytest.mark.parametrize("rest", ["OP", "[A", "[15~", "[<0;1;1M", "[[A", "[97;5u"])
def test_the_rest_of_a_sequence_in_one_read_belongs_to_it(rest: str) -> None:
    assert Line().feed("\x1b", f"{rest}q").said == [Sequence(f"\x1b{rest}"), Text("q")]
    assert Line().feed("\x1b", rest[0], f"{rest[1:]}q").said == [Sequence(f"\x1b{rest}"), Text("q")]
    if rest != "[[A":  # which is two keys without its end
        assert Line().feed("\x1b", rest[:-1], rest[-1]).said == [Sequence(f"\x1b{rest}")]


@pytest.mark.parametrize(("key", "then"), [("O", "A"), ("[", "A"), ("P", "1"), ("]", "1"), ("_", "G")])
def test_alt_with_what_begins_sequences_is_a_key(key: str, then: str) -> None:
    assert Line().feed(f"\x1b{key}", gap=0.5).feed(then).said == [Sequence(f"\x1b{key}"), Text(then)]


@pytest.mark.parametrize("patience", [0.05, 0.5])
def test_the_patience_with_escape_can_be_set(patience: float) -> None:
    splitter = Splitter(escape_patience=patience)
    assert splitter.feed("\x1b", 1.0) == []
    assert splitter.due == 1.0 + patience


@pytest.mark.parametrize("end", ["\x07", "\x1b\\", "\x9c"])
@pytest.mark.parametrize(
    "reply", ["\x1b]11;rgb:ff/ff/ff", "\x1bP1$r0m", "\x1bP>|xterm", "\x1b_Gi=1;OK", "\x9d4;1;x", "\x1b]lq"]
)
def test_a_terminals_string_is_no_keys(reply: str, end: str) -> None:
    assert Line().feed(f"a{reply}{end}b").said == [Text("ab")]
    assert Line().feed("a", *reply, *end, "b", gap=0.05).said == [Text("ab")]
    for cut in range(1, len(reply)):
        assert Line().feed(f"a{reply[:cut]}", f"{reply[cut:]}{end}", "b").said == [Text("ab")]


def test_the_late_end_of_a_string_goes_with_it() -> None:
    assert Line().feed("\x1b]11;rgb:ff").rest(1.7).feed("ff/ff\x07q").said == [Text("q")]
    assert Line().feed("\x1b]").rest(1.0).feed("11;ff\x07q").said == [Sequence("\x1b]"), Text("q")]


def test_alt_with_what_begins_a_string_is_a_key() -> None:
    assert Line().feed("\x1bP", "ls").said == [Sequence("\x1bP"), Text("ls")]
    assert Line().feed("\x1b]").rest().feed("q").said == [Sequence("\x1b]"), Text("q")]


def test_a_long_string_is_not_kept() -> None:
    line = Line().feed("\x1b]52;c;", *["QUJD" * 1000] * 50, gap=0)
    assert len(line.splitter._held) < 100
    assert line.feed("\x1b", "\\q").said == [Text("q")]


def test_a_long_sequence_is_one_all_the_same() -> None:
    line = Line().feed("\x1b[", *["1;" * 1000] * 50, gap=0)
    assert len(line.splitter._held) < 1000
    tokens = line.feed("mq").said
    assert [type(token) for token in tokens] == [Sequence, Text]


def test_sequences_that_end_where_no_other_does_are_told() -> None:
    assert Line("\x1b[23$").feed("\x1b[23$").said == [Sequence("\x1b[23$")]


def test_8_bit_controls_are_no_text() -> None:
    assert Line().feed("a\x9b1;5Cb\x85c\x8fPd").said == [
        Text("a"),
        Sequence("\x1b[1;5C"),
        Text("bc"),
        Sequence("\x1bOP"),
        Text("d"),
    ]
    assert Line().feed("\x1b\x85q").said == [Text("q")]


@pytest.mark.parametrize("report", ["\x1b[M !!", "\x1b[M #é"])
def test_the_old_mouse_reports_are_dropped_whole(report: str) -> None:
    assert Line().feed(f"{report}q").said == [Text("q")]
    assert Line().feed(*report, "q", gap=0.05).said == [Text("q")]
    assert Line().feed("\x1b", report[1:], "q").said == [Text("q")]
    assert Line().feed("\x1b[M!\x1b[A").said == [Sequence("\x1b[A")]


# Pastes

CONTENTS = [
    "ls\r",
    "\x1b[31mred\x1b[0m",
    "\x1bOP",
    "\x1b",
    "\x1b[",
    "\x1b[201",
    "\x1d\x03q",
    "ü漢😀",
    PASTE_START,
    "\x1b[20\x1b[2",
]


@pytest.mark.parametrize("content", CONTENTS)
def test_nothing_in_a_paste_is_a_key(content: str) -> None:
    whole = f"a{PASTE_START}{content}{PASTE_END}b"
    expected = [Text("a"), Pasted(content), Text("b")]
    assert Line().feed(whole).said == expected
    assert Line().feed(*whole).said == expected
    for cut in range(len(whole)):
        assert Line().feed(whole[:cut], whole[cut:]).said == expected


def test_an_empty_paste_is_nothing() -> None:
    assert Line().feed(f"{PASTE_START}{PASTE_END}q").said == [Text("q")]


@pytest.mark.parametrize("content", ["", *CONTENTS])
def test_a_paste_without_end_is_over_after_a_silence(content: str) -> None:
    line = Line().feed(PASTE_START + content, gap=0)
    assert line.rest(PASTE_PATIENCE / 2).said == []
    line.rest(PASTE_PATIENCE)
    given = content.removesuffix("\x1b[201").removesuffix("\x1b[2").removesuffix("\x1b[").removesuffix("\x1b")
    assert line.said == ([Pasted(given)] if given else [])
    line.tokens.clear()
    line.feed("\x1d", gap=0).rest(BURST_GAP).feed("q")
    assert line.said == [Text("\x1dq")]


@pytest.mark.parametrize("key", ["q", "\x1b[A", "\x1bOP", "\x1ba", "\x1b", "\x1b[<0;1;1M\x1b[<0;1;1m", "\x1b[I"])
def test_a_single_key_ends_the_doubt(key: str) -> None:
    line = Line().feed(f"{PASTE_START}x").rest().feed(key, gap=0).rest().feed("ab")
    assert line.said[0] == Pasted("x")
    assert line.said[-1] == Text("qab" if key == "q" else "ab")
    assert len(line.said) > 2 or key == "q"


@pytest.mark.parametrize("line_end", ["\r", "\n", "\x1b\r", "\x1bOM"])
def test_enter_is_no_key_while_the_end_of_a_paste_is_in_doubt(line_end: str) -> None:
    line = Line().feed(f"{PASTE_START}rm -rf").rest(1.5).feed(line_end, gap=0.16).feed(f"{PASTE_END}\r")
    assert line.said == [Pasted("rm -rf"), Pasted(line_end), Text("\r")]
    line = Line().feed(f"{PASTE_START}x\x1b[20").rest().feed(line_end, line_end, gap=1.0).rest()
    assert line.said == [Pasted("x"), Pasted(line_end), Pasted(line_end)]
    line.feed("\x1d", gap=1.0).feed("\r")
    assert line.said[3:] == [Text("\x1d\r")]


@pytest.mark.parametrize("rest", ["ls\rq", "ls\x1b[31m", "\x1b[31mred", "qq"])
def test_the_late_rest_of_a_paste_is_no_keys(rest: str) -> None:
    for late in ([rest], [rest, rest], [rest[0], rest[1:]]):
        line = Line().feed(f"{PASTE_START}x").rest().feed(*late, gap=0.05)
        assert {type(token) for token in line.said} == {Pasted}
        line.feed(f"{PASTE_END}q")
        assert line.said[-1] == Text("q")
        assert {type(token) for token in line.said[:-1]} == {Pasted}


def test_the_end_of_a_paste_may_come_late() -> None:
    assert Line().feed(f"{PASTE_START}x").rest().feed(f"{PASTE_END}q").said == [Pasted("x"), Text("q")]
    assert Line().feed(f"{PASTE_START}x\x1b[20").rest().feed("1~", "q").said == [Pasted("x"), Text("q")]
    assert Line().feed(f"{PASTE_START}x\x1b[201").rest().feed("~q").said == [Pasted("x"), Text("q")]


def test_half_a_character_at_the_end_of_a_paste_keeps_no_key_back() -> None:
    assert Line().feed(f"{PASTE_START}x").rest().feed("\ufffdq").rest().said == [Pasted("x"), Text("q")]


def test_what_is_left_of_the_end_of_a_paste_keeps_no_key_back() -> None:
    assert Line().feed(f"{PASTE_START}x\x1b[20").rest().feed("q").rest().said == [Pasted("x"), Text("q")]


def test_the_mouse_does_not_keep_a_paste_open() -> None:
    line = Line().feed(f"{PASTE_START}x", *["\x1b[<35;1;1M"] * 3, gap=0.3)
    assert line.said == []
    assert line.rest(PASTE_PATIENCE - 0.9).said == [Pasted("x")]


def test_the_end_of_a_paste_makes_one_of_what_came_with_it() -> None:
    assert Line().feed(f"rm -r\r{PASTE_END}q").said == [Pasted("rm -r\r"), Text("q")]
    assert Line().feed(f"{PASTE_START}a{PASTE_END}b\r{PASTE_END}q").said == [Pasted("a"), Pasted("b\r"), Text("q")]
    assert Line().feed(f"{PASTE_END}q").said == [Text("q")]
    assert Line().feed(f"q{PASTE_START}a{PASTE_END}b").said == [Text("q"), Pasted("a"), Text("b")]


def test_a_large_paste_in_small_reads_is_one() -> None:
    text = "0123456789\r" * 100_000
    line = Line().feed(PASTE_START, *(text[at : at + 4095] for at in range(0, len(text), 4095)), PASTE_END, gap=0.0001)
    assert line.said == [Pasted(text)]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_comes_no_key_comes_out_of_pastes_and_broken_sequences(seed: int) -> None:
    """Keys are small letters here, all that must become none is digits and capitals."""
    draw = random.Random(seed)  # noqa: S311 - to be repeatable
    line = Line()
    for _ in range(30):
        content = "".join(
            draw.choice(["A", "7", "\r", "\x1b", "\x1b[31m", "\x1bOP", "\x1b[", "P"])
            for _ in range(draw.randint(1, 30))
        )
        unit, silence = draw.choice(
            [
                ("k", 0.0),
                (f"{PASTE_START}{content}{PASTE_END}", 0.0),
                (f"{PASTE_START}{content}", 5.0),
                (draw.choice(["\x1b[1", "\x1bO5", "\x1b[1;", "\x1b]11;RGB", "\x1bP1$R", "\x1b[<0"]), 5.0),
                (draw.choice(["\x1b[99Z", "\x1b[9;9;9X", "\x1b]0;AB\x07", "\x1b]4;7\x1b\\", "\x1b[?62;7C"]), 0.0),
            ]
        )
        gap = draw.choice([0.0, 0.01, 0.15, 0.2])
        # A string of which each character comes alone, and late, can't be told from what a human types.
        least = 2 if gap > ALT_GAP and unit[1:2] in {"]", "P"} else 1
        parts = re.findall(rf"(?s).{{1,{draw.randint(least, 20)}}}", unit)
        line.feed(*parts, gap=gap)
        line.rest(silence)
        if silence:  # a human, who looks first
            line.feed("k", gap=1.0).rest(1.0)
    line.rest().feed("z", gap=1.0).rest().feed("z")
    typed = "".join(token.text for token in line.tokens if isinstance(token, Text))
    assert set(typed) == {"k", "z"}
    assert typed.endswith("zz")
