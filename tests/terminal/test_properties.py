"""What must hold for any input: cuts do not matter, nothing raises, the screen stays in order, stock pyte agrees."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz_terminal import LOOKS, Generator, State, fuzz, problem, reply_problem
from podplane_tui.terminal import Screen, Stream, Terminal
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, describe, transition

pytestmark = pytest.mark.slow

_COMMANDS = st.sampled_from(
    [b"m", b"H", b"J", b"K", b"A", b"C", b"L", b"M", b"P", b"@", b"X", b"r", b"h", b"l", b"S", b"b"]
)
_NUMBERS = st.lists(st.sampled_from([b"", b"0", b"1", b"2", b"5", b"12", b"38", b"99"]), max_size=4).map(b";".join)
_SEQUENCES = st.tuples(st.just(b"\x1b["), st.sampled_from([b"", b"", b"?"]), _NUMBERS, _COMMANDS).map(b"".join)
_TEXTS = st.sampled_from(
    [
        b"hello",
        b"x" * 30,
        b"\r\n",
        b"\n",
        b"\r",
        b"\t",
        b"\b",
        "漢字".encode(),
        b"e\xcc\x81",
        "─".encode(),
        "😀\u200d".encode(),
        "世\u0301".encode(),
        "\u202e".encode(),
        "a\u2066".encode(),
        b"\x1b(0",
        b"\x1b(B",
    ]
)
_STRINGS = st.sampled_from([b"\x1b]0;t\x07", b"\x1b]2;t\x1b\\", b"\x1bP$qm\x1b\\", "\x1b[…".encode()])
_INPUT = st.lists(st.one_of(_TEXTS, _SEQUENCES, _STRINGS, st.binary(max_size=6)), max_size=40).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(data=_INPUT, cuts=st.lists(st.integers(min_value=0, max_value=600), max_size=8))
def test_cuts_do_not_matter(data: bytes, cuts: list[int]) -> None:
    whole, cut = Terminal(12, 4, scrollback=20), Terminal(12, 4, scrollback=20)
    replies = whole.feed(data)
    bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    cut_replies = b"".join(cut.feed(data[start:end]) for start, end in pairwise(bounds))
    assert cut_replies == replies
    assert State.of(cut) == State.of(whole)
    assert problem(whole) is None


_EDGES = st.sampled_from(["", "1", "2", "3", "5", "8", "12"])
_AREAS = st.lists(_EDGES, min_size=4, max_size=4).map(";".join)
_REPEATED_ON_ROWS = st.one_of(
    st.tuples(_AREAS, st.sampled_from([";1", ";4", ";0;7", ";24;5", ""]), st.sampled_from(["$r", "$t"])).map("".join),
    st.tuples(st.sampled_from(["65;", "32;"]), _AREAS, st.just("$x")).map("".join),
    st.tuples(_AREAS, st.sampled_from(["$z", "${", ";;2;3$v"])).map("".join),
    st.tuples(st.just("1;1;"), _AREAS, st.just("*y")).map("".join),
    st.tuples(_EDGES, st.sampled_from(["'}", "'~", " @", " A", "S", "T", "L", "M", "b", "J", "K", "d", "G"])).map(
        "".join
    ),
    st.tuples(_EDGES, st.sampled_from([";4r", ";9s"])).map("".join),
    st.sampled_from(["?69h", "?69l", "2*x", "1*x", "44m", "m", "4:3m", '1"q', '0"q', "?J", "?1047h", "?1047l"]),
    st.sampled_from(["0#y", "23#y", "r"]),
).map("\x1b[{}".format)
_ON_ROWS = st.one_of(
    _REPEATED_ON_ROWS,
    _REPEATED_ON_ROWS,
    st.sampled_from(
        ["\x1b6", "\x1b9", "\x1bV", "\x1bW", "\n", "\x1bM", "\r", "x", "漢字", "e\u0301", "word", "\x1b#8"]
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(_ON_ROWS, max_size=40),
    seen=st.integers(1, 40),
    size=st.sampled_from([(12, 4), (7, 3), (2, 2), (1, 1), (30, 8)]),
)
def test_what_is_put_off_comes_to_the_same_whenever_it_is_looked_at(
    pieces: list[str], seen: int, size: tuple[int, int]
) -> None:
    full = "".join(f"\x1b[{y};1H\x1b[3{y}m" + "漢a" * (size[0] // 3) for y in range(1, size[1] + 1))
    late, early, sometimes = (Terminal(*size, scrollback=20) for _ in range(3))
    replies = late.feed((full + "".join(pieces)).encode())
    early_replies = [early.feed(full.encode())]
    sometimes_replies = [sometimes.feed(full.encode())]
    for index, piece in enumerate(pieces):
        for byte in piece.encode():
            early_replies.append(early.feed(bytes([byte])))
            assert len(early.rows) == size[1]  # all is done now
        sometimes_replies.append(sometimes.feed(piece.encode()))
        if index % seen == 0:
            assert len(sometimes.display) == size[1]
    assert b"".join(early_replies) == b"".join(sometimes_replies) == replies
    assert shown_cells(late) == shown_cells(early) == shown_cells(sometimes)
    assert problem(late) is None


def shown_cells(terminal: Terminal) -> list[object]:
    """All cells but blanks at the end of lines, which may be stored or not."""
    lines: list[object] = [terminal.cursor, terminal.modes, terminal.scrolled_off]
    for row in [*terminal.scrollback, *terminal.rows]:
        cells = list(row.cells())
        while cells and cells[-1] == (" ", DEFAULT_STYLE):
            cells.pop()
        lines.append((cells, row.wrapped))
    return lines


_HOSTILE = st.text(alphabet="\r\n\t id;?=:c47aZ\x05\x07\x9b\xff\u0661\ufb00", max_size=12)
_QUERIES = st.one_of(
    st.tuples(
        st.sampled_from(["]52;", "]4;", "]5;", "]10;", "]l", "]L", "]2;", "]1;", "P$q", "P+q", "P", "]"]),
        _HOSTILE,
        st.sampled_from(["", ";?", ";aGk=", ";?;?", "524742", "m", "\r"]),
        st.sampled_from(["\x07", "\x1b\\", "\x9c", "\x18"]),
    ).map(lambda parts: "\x1b" + "".join(parts)),
    st.tuples(
        st.sampled_from(["", "?", ">", "=", "!"]),
        st.lists(st.integers(0, 99_999).map(str), max_size=6).map(";".join),
        st.sampled_from(["c", "n", "t", "x", "q", "$p", "*y", "#y", "*x", '"p', "h", "l", "r", "s", " q", "T"]),
    ).map(lambda parts: "\x1b[" + "".join(parts)),
    st.sampled_from(["\x05", "\x1bZ", "\x1b G", "\x1b F", "\x1b[20t", "\x1b[21t", "\x1b[>1t", "\x1b%@", "\x1b%G", "x"]),
    _HOSTILE,
)


@settings(max_examples=300, deadline=None)
@given(queries=st.lists(_QUERIES, max_size=20), latin=st.booleans(), model=st.sampled_from([4, 5]))
def test_replies_are_of_the_terminals_own_making(queries: list[str], *, latin: bool, model: Literal[4, 5]) -> None:
    """Typed at a root shell, none of them is a command."""
    terminal = Terminal(12, 4, scrollback=5, on_clipboard=lambda _targets, _data: None, model=model)
    replies = terminal.feed("".join(queries).encode("latin-1" if latin else "utf-8", "replace"))
    assert reply_problem(replies) is None
    assert not set(replies) & {*range(0x1B), *range(0x1C, 0x20), *range(0x7F, 0x100)}


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=400))
def test_replies_to_any_bytes_are_of_the_terminals_own_making(data: bytes) -> None:
    assert reply_problem(Terminal(12, 4, scrollback=5).feed(data)) is None


_LOOKS = st.sampled_from(LOOKS).map("\x1b[{}m".format)
_WORDS = st.sampled_from(
    ["word", "ÄÖ", "x" * 9, "漢字", "e\u0301", "\u0301", "👩\u200d💻", " ", "│", "\x1b[…", "\x1b[K"]
)
_LINES = st.tuples(
    st.lists(st.one_of(_LOOKS, _WORDS), max_size=6).map("".join),
    st.sampled_from(["\r\n", "\x1b[0m\r\n", "\x1b[m\r\n", "\r\r\n", '\x1b[1"q\r\n']),
).map("".join)


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(_LINES, max_size=12), columns=st.sampled_from([1, 2, 9, 40]), narrower=st.integers(1, 12))
def test_lines_kept_as_text_look_as_if_they_had_been_printed_one_by_one(
    lines: list[str], columns: int, narrower: int
) -> None:
    data = "".join(lines).encode()
    whole, single = Terminal(columns, 4, scrollback=20), Terminal(columns, 4, scrollback=20)
    whole.feed(data)
    for byte in data:
        single.feed(bytes([byte]))
    texts = Terminal(columns, 4, scrollback=20)
    texts.feed(data)
    assert [match.line for match in texts.search("word")] == [match.line for match in single.search("word")]
    assert texts.display == single.display
    assert State.of(whole) == State.of(single)
    for terminal in (texts, single):  # one has looked at its rows, the other has not
        terminal.resize(narrower, 5)
        terminal.feed(b"\x1b[2b")
    assert State.of(texts) == State.of(single)


@settings(max_examples=200, deadline=None)
@given(looks=st.lists(_LOOKS, max_size=8))
def test_what_describes_a_style_selects_it(looks: list[str]) -> None:
    style = DEFAULT_STYLE
    for look in looks:
        style = transition(style, look) or style
    assert transition(DEFAULT_STYLE, f"\x1b[{describe(style)}m") == style


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=400), columns=st.integers(1, 20), lines=st.integers(1, 6))
def test_any_bytes_leave_the_screen_in_order(data: bytes, columns: int, lines: int) -> None:
    terminal = Terminal(columns, lines, scrollback=10)
    terminal.feed(data)
    assert problem(terminal) is None
    terminal.resize(lines * 3, columns)
    assert problem(terminal) is None


@settings(max_examples=60, deadline=None)
@given(data=_INPUT, sizes=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 8)), min_size=1, max_size=4))
def test_resizing_keeps_the_screen_in_order(data: bytes, sizes: list[tuple[int, int]]) -> None:
    terminal = Terminal(12, 4, scrollback=30)
    for size in sizes:
        terminal.feed(data)
        terminal.resize(*size)
        assert problem(terminal) is None


def test_short_fuzz_run() -> None:
    fed, fault = fuzz(total=60_000, seed=7)
    assert fault is None
    assert fed >= 60_000


def test_fuzzer_is_reproducible() -> None:
    assert Generator(3).input(50) == Generator(3).input(50)


# Stock pyte is right about: text that fits, CR, LF, cursor addressing and movement without margins, EL, ED, ECH, ICH
# and DCH in the default background, and SGR with 16, 256 and true colours. Each piece begins with a CUP so that no
# wrap is pending, where pyte differs.
_PLACES = st.tuples(st.integers(1, 24), st.integers(1, 60)).map(lambda place: f"\x1b[{place[0]};{place[1]}H")
_PLAIN = st.sampled_from(
    [
        *("text", "a longer text", "\r\n", "\b!", "\t!", "\x1b[3A!", "\x1b[2B!", "\x1b[5C!", "\x1b[4D!", "\x1b[9G!"),
        *("\x1b[5d!", "\x1b[K", "\x1b[1K", "\x1b[2K", "\x1b[J", "\x1b[1J", "\x1b[2J", "\x1b[3X", "\x1b[2@", "\x1b[4P"),
        *("\x1bM!", "\x1bD!"),
    ]
)
_COLORS = ["31", "1;32", "38;5;208", "38;2;1;2;3", "3;4", "7", "9", "0", "39", "22;24", "97"]
_STYLED = st.sampled_from(_COLORS).map(lambda color: f"\x1b[{color}mstyled\x1b[0m")


@settings(max_examples=120, deadline=None)
@given(pieces=st.lists(st.tuples(_PLACES, st.one_of(_PLAIN, _STYLED)).map("".join), max_size=30))
def test_agrees_with_stock_pyte_where_that_is_right(pieces: list[str]) -> None:
    data = "".join(pieces).encode()
    stock = pyte.Screen(80, 24)
    pyte.ByteStream(stock).feed(data)
    terminal = Terminal(80, 24)
    terminal.feed(data)
    assert terminal.display == stock.display
    assert (terminal.cursor.x, terminal.cursor.y) == (min(stock.cursor.x, 79), stock.cursor.y)
    for y, row in enumerate(terminal.rows):
        for x, (char, style) in enumerate(row.cells()):
            expected = stock.buffer[y][x]
            assert char == expected.data
            assert (style.bold, style.italic, bool(style.underline), style.strike, style.reverse) == (
                *(expected.bold, expected.italics, expected.underscore, expected.strikethrough, expected.reverse),
            )
            assert _rgb(style.foreground) == _rgb_of_pyte(expected.fg)


def _rgb(color: str | int) -> str | int:
    """True colours and the 256 palette as pyte names both: by their value."""
    return color if isinstance(color, str) or color < 16 else pyte.graphics.FG_BG_256[color]


def _rgb_of_pyte(name: str) -> str | int:
    names = ["black", "red", "green", "brown", "blue", "magenta", "cyan", "white"]
    if name in names:
        return names.index(name)
    bright = name.removeprefix("bright")
    return names.index(bright) + 8 if name != bright else name


def test_screen_and_stream_are_pytes() -> None:
    screen = Screen(20, 3)
    stream = Stream(screen)
    assert isinstance(screen, pyte.Screen)
    assert isinstance(stream, pyte.ByteStream)
    stream.feed(b"hello")
    screen.cursor_position(2, 3)
    screen.draw("there")
    screen.carriage_return()
    assert [line.rstrip() for line in screen.display] == ["hello", "  there", ""]
    assert (screen.cursor.x, screen.cursor.y) == (0, 1)
