"""Short ways to feed a terminal and to look at it, and tables of what it is fed and shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from podplane_tui.terminal import Terminal

FULL: Final = "0123456789\r\nabcdefghij\r\nABCDEFGHIJ\r\nklmnopqrst\x1b[H"
SIDES: Final = "\x1b[?69h\x1b[3;7s"
"""Left margin 3, right margin 7."""
HOSTILE: Final = (
    "\x1b[2;3r\x1b[?69h\x1b[3;7s\x1b[?6h\x1b[4h\x1b[20h\x1b[?7l\x1b[?1h\x1b=\x1b(0\x1b)0\x0e\x1b[1;31;45m\x1b[?25l\x1b[?5h"
    "\x1b[5 q\x1b[?1003h\x1b[?1006h\x1b[?1004h\x1b[?2004h\x1b[?2026h\x1b[?1007l\x1b[?67h\x1b[?45h\x1b[3g"
    '\x1b]4;1;#123456\x07\x1b]10;#123456\x07\x1b]2;evil\x07\x1b]1;evil\x07\x1b[22t\x1b[>0t\x1b[1"q\x1b[2*x'
)
"""Leaves no mode, colour or title as it was."""

Case = tuple[str, str, list[str], tuple[int, int]]
"""Name, input, visible lines, cursor (x, y): on 10 columns and 4 lines."""
Reply = tuple[str, str, str | bytes]
"""Name, input, what the terminal answers."""
Feed = Callable[[str], Terminal]


def fed(data: str | bytes, columns: int = 10, lines: int = 4, scrollback: int = 100) -> Terminal:
    """A terminal that has been fed `data`."""
    terminal = Terminal(columns, lines, scrollback)
    terminal.feed(as_bytes(data))
    return terminal


def fed_byte_by_byte(data: str) -> Terminal:
    """The same by the complete parser, which sees only single bytes: it must agree with the fast path."""
    terminal = fed("")
    for byte in data.encode():
        terminal.feed(bytes([byte]))
    return terminal


def sequences(**families: list[Case]) -> pytest.MarkDecorator:
    """Give a test each case of some tables, fed at once and byte by byte."""
    ways = {"at once": fed, "byte by byte": fed_byte_by_byte}
    return pytest.mark.parametrize(
        ("feed", "data", "lines", "cursor"),
        [
            pytest.param(feed, *case[1:], id=f"{family.replace('_', ' ')}: {case[0]}, {way}")
            for family, cases in families.items()
            for case in cases
            for way, feed in ways.items()
        ],
    )


def replies(table: list[Reply]) -> pytest.MarkDecorator:
    """Give a test what is sent and what is answered of each case."""
    return pytest.mark.parametrize(("data", "reply"), [pytest.param(*case[1:], id=case[0]) for case in table])


def as_bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def answer(data: str) -> bytes:
    """What the terminal sends back for `data`."""
    return Terminal(10, 4).feed(data.encode())


def answer_byte_by_byte(data: str) -> bytes:
    """The same when it comes in single bytes."""
    terminal = Terminal(10, 4)
    return b"".join(terminal.feed(bytes([byte])) for byte in data.encode())


def long_log(columns: int = 20, lines: int = 5) -> Terminal:
    """A terminal with a dozen lines, each of which wraps, and a prompt."""
    text = "".join(f"line {number} with a text that is long enough to wrap\r\n" for number in range(12))
    return fed(text + "$ prompt", columns, lines, scrollback=1000)


def shown(terminal: Terminal) -> list[str]:
    """The visible lines without trailing blanks, and without blank lines at the end."""
    lines = [line.rstrip() for line in terminal.display]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def place(terminal: Terminal) -> tuple[int, int]:
    """The cursor as `(x, y)`."""
    return terminal.cursor.x, terminal.cursor.y
