"""Nothing a program sends makes the terminal grow without end or work without end."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from podplane_tui.terminal import Terminal
from podplane_tui.terminal.parser.escape_parser import SEQUENCE_LIMIT, STRING_LIMIT
from tests.terminal.support import shown

pytestmark = pytest.mark.slow

SIZE = 64 * 1024


def held(terminal: Terminal, data: bytes) -> int:
    """How many bytes the terminal holds more after `data`."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for start in range(0, len(data), SIZE):
            terminal.feed(data[start : start + SIZE])
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_scrollback_of_log_lines_is_small() -> None:
    line = b"[%12.6f] systemd[1]: Started a service with some description of its purpose.\r\n"
    assert held(Terminal(200, 50), b"".join(line % number for number in range(10_000))) < 4_000_000


def test_scrollback_of_coloured_log_lines_is_small() -> None:
    line = b"[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mservice-%d\x1b[0m - a description of its purpose.\r\n"
    assert held(Terminal(80, 24), b"".join(line % number for number in range(10_000))) < 4_000_000


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(b"\x1b]0;" + b"x" * 1_000_000, id="unfinished OSC"),
        pytest.param(b"\x1bP" + b"x" * 1_000_000, id="unfinished DCS"),
        pytest.param(b"\x1b[" + b"1" * 1_000_000, id="unfinished control sequence"),
        pytest.param(b"\x1b[" + b"1;" * 500_000 + b"H", id="many parameters"),
        pytest.param((b"\x1b[0m" * 4_095 + b"xy\r\n") * 60, id="lines of nothing but colours"),
        pytest.param(b"\x1b7" * 30_000, id="saved cursors"),
        pytest.param(b"\x1b[22t" * 20_000, id="title stack"),
        pytest.param(b"a" + "\u0301".encode() * 100_000, id="combining characters"),
        pytest.param("漢\u0301".encode() * 50_000, id="combined wide characters"),
        pytest.param(b"".join(b"\x1b]4;%d;#123\x07" % (number % 1000) for number in range(20_000)), id="palette"),
        pytest.param(b"\x1b[?1049h\x1b[?1049l" * 4_000, id="screens"),
    ],
)
def test_floods_do_not_stay_in_memory(flood: bytes) -> None:
    assert held(Terminal(80, 24, scrollback=100), flood) < 700_000


def test_ever_new_colours_do_not_stay_in_memory() -> None:
    def colours(start: int) -> bytes:
        numbers = range(start, start + 15_000)
        return b"".join(b"\x1b[38;2;%d;%d;9m\x1b[48;2;%d;0;0mx" % (n % 256, n // 256, n % 200) for n in numbers)

    terminal = Terminal(80, 24, scrollback=10)
    terminal.feed(colours(0))
    assert held(terminal, b"".join(colours(start) for start in (15_000, 30_000, 45_000))) < 4_000_000


def test_text_comes_back_after_an_endless_string() -> None:
    terminal = Terminal(20, 3)
    terminal.feed(b"\x1b]0;" + b"x" * (STRING_LIMIT + 100_000) + b"\r\nhello")
    assert shown(terminal)[-1] == "hello"


def test_an_endless_control_sequence_is_ignored() -> None:
    terminal = Terminal(20, 3)
    terminal.feed(b"a\x1b[" + b"1" * (SEQUENCE_LIMIT + 5) + b"Cb")
    assert shown(terminal) == ["ab"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        *(b"\x1b#8", b"\x1b[?5h\x1b[?5l", b"\x1b[2J", b"\x1b[44m\x1b[2J", b"\x1bM", b"\x1b[65535b", b"a\x1b[65535b"),
        *(
            b"\x1b[65535S",
            b"\x1b[65535T",
            b"\x1b[65535L",
            b"\x1b[65535@",
            b"\x1b[65535P",
            b"\x1b[65535I",
            b"\x1b[9999Z",
        ),
        *(
            b"\x1b[*y",
            b"\x1b[65$x",
            b"\x1b[1;1;9;9;1;3;3$v",
            b"\x1b['}",
            b"\x1b6",
            b"\x1b[?69h\x1b[2;9s\n",
            b"\x1b[?6n",
        ),
        *(
            b"\x1b[?45h\x1b[65535D",
            b"\x1b]0;x\x07",
            b"\x1b",
            b"\x1b[",
            b"\x1b %",
            b"\xff",
            "e\u0301".encode(),
            b"\x1b[1$t",
        ),
        *(
            b"\x1b[?3h\x1b[?40h\x1b[?3l",
            b"\x1b[8;72;132t\x1b[37$x",
            b"\x1b[?1049h\x1b[?1049l",
            b"\x1bc",
            b"\x1b[!p",
            b"\x1b7\x1b8",
            b"\t",
            b"\x1b[?2J",
        ),
    ],
)
def test_64_kib_of_anything_end(piece: bytes) -> None:
    """Each takes well under a second on an idle machine; the limit is for those that are run among others."""
    terminal = Terminal(80, 24, scrollback=1000)
    terminal.feed(b"0123456789abcdef" * 120)
    terminal.feed(piece * (SIZE // len(piece)))
    terminal.feed(b"\x18\x1bcend")
    assert shown(terminal) == ["end"]
