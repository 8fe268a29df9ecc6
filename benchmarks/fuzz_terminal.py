"""Feed the terminal core generated and mutated bytes, and check after each input that it is still in order.

    python -m benchmarks.fuzz_terminal [--bytes 10000000] [--seed 1]

Every input must leave a consistent screen, and the same one however it is cut into chunks, and what is answered must
be of the terminal's own making. Exit status 1 and a line
that reproduces it at the first failure.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from podplane_tui.terminal import Row, Terminal
from podplane_tui.terminal.buffer.width import width_of
from podplane_tui.terminal.parser.stream import BIDI
from tests.paths import RECORDINGS

SIZES = ((80, 24), (20, 5), (132, 43), (5, 3), (2, 2), (1, 1))
_NUMBERS = ("", "0", "1", "2", "3", "4", "5", "6", "7", "8", "12", "20", "24", "25", "38", "47", "48", "69", "80", "95")
_MODES = (
    "1",
    "3",
    "5",
    "6",
    "7",
    "12",
    "25",
    "40",
    "45",
    "47",
    "66",
    "69",
    "1000",
    "1006",
    "1047",
    "1048",
    "1049",
    "2026",
)
_TEXTS = (
    "a",
    "hello world",
    "x" * 90,
    "é",
    "─│┌",
    "漢字",
    "😀",
    "e\u0301",
    "\u0301",
    "\u200d",
    "\u202e",
    "\u2066x\u2069",
    "\u00ad",
    "\x85",
    "\x9b3",
)
_STRINGS = (
    *("0;title", "4;1;?", "4;007;?;300;?", "5;0;?", "11;?", "10;#fff;?", "4;1\r;?", "10;?;?;\nid\n;?", "l", "0;\rid\r"),
    *("52;c;aGk=", "52;c;?", "52;\rid\r;?", "52;;?", "52;\rid\r;aGk=", "l\rid\r", "L\rid\r"),
    *("$qm", "$q r", "$q q", '$q"p', "$q\rid\r", "$qm\r", "$q*x"),
    *("+q544e", "+q54 4e", "+q544e\r", "+q\r544e;524742", "+q524742;524742", "+q0d69640d", "+q"),
)
"""Strings, and those that would have a terminal without care type at the guest's prompt."""
LOOKS = (
    *("", "0", "1", "0;32", "38;5;208", "38;2;1;2;3", "44", "48;5;4", "4:3;58:2::1:2:3", "58:5:7"),
    *("7;8", "9;53", "39", "22;24", "49"),
)
"""Parameters of SGR."""
_LINE_ENDS = ("\x1b[0m\r\n", "\x1b[m\r\r\n", "\r\n", "\x1b[39m\r\n", "\x1b[…\r\n", "\x1b[K\r\n", "\x1b[m\x1b[K\r\n")


class Generator:
    """Makes inputs that look like what terminals are sent, and like what they should not be sent."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - reproducible on purpose
        self._makers = (self._control_sequence,) * 8 + (
            self._mode,
            self._mode,
            self._text,
            self._text,
            self._text,
            self._log,
            self._control,
            self._control,
            self._escape,
            self._string,
            self._bytes,
        )

    def input(self, pieces: int) -> bytes:
        """One input of that many pieces."""
        return b"".join(self.random.choice(self._makers)() for _ in range(pieces))

    def mutated(self, data: bytes) -> bytes:
        """`data` with bytes changed, dropped and doubled."""
        mutable = bytearray(data)
        for _ in range(max(1, len(data) // 40)):
            position = self.random.randrange(len(mutable))
            kind = self.random.randrange(3)
            if kind == 0:
                mutable[position] = self.random.choice(b"\x1b[;?0123mHJK\r\n\xff\xc3")
            elif kind == 1:
                del mutable[position]
            else:
                mutable[position:position] = mutable[position : position + 8]
        return bytes(mutable)

    def chunks(self, data: bytes) -> list[bytes]:
        """`data` cut somewhere."""
        parts: list[bytes] = []
        start = 0
        while start < len(data):
            size = self.random.choice((1, 1, 2, 3, 7, 50, 400))
            parts.append(data[start : start + size])
            start += size
        return parts

    def _log(self) -> bytes:
        """Lines of text and colours, as most programs print them."""
        choose = self.random.choice
        lines = []
        for _ in range(self.random.randint(1, 12)):
            words = [f"\x1b[{choose(LOOKS)}m{choose(_TEXTS)}" for _ in range(self.random.randint(0, 3))]
            lines.append("".join(words) + choose(_LINE_ENDS))
        return "".join(lines).encode()

    def _control_sequence(self) -> bytes:
        choose = self.random.choice
        numbers = [choose(_NUMBERS) for _ in range(self.random.choice((0, 0, 1, 1, 2, 2, 3, 4, 5, 8)))]
        if self.random.random() < 0.02:
            numbers.append("9" * self.random.choice((5, 20, 5000)))
        separator = ":" if self.random.random() < 0.05 else ";"
        prefix = choose(("", "", "", "", "", "", "?", ">", "=", "!"))
        intermediate = choose(("", "", "", "", "", "$", "'", "*", " ", '"', "#"))
        return f"\x1b[{prefix}{separator.join(numbers)}{intermediate}{chr(self.random.randint(0x40, 0x7E))}".encode()

    def _mode(self) -> bytes:
        return f"\x1b[?{self.random.choice(_MODES)}{self.random.choice('hlsr')}".encode()

    def _text(self) -> bytes:
        return self.random.choice(_TEXTS).encode()

    def _control(self) -> bytes:
        return self.random.choice((b"\r\n", b"\r\r\n", b"\n", b"\r", b"\b", b"\t", b"\x0e", b"\x0f", b"\x18", b"\x1b"))

    def _escape(self) -> bytes:
        return b"\x1b" + bytes(self.random.randint(0x20, 0x7E) for _ in range(self.random.choice((1, 1, 2, 3))))

    def _string(self) -> bytes:
        body = self.random.choice(_STRINGS)
        return (
            f"\x1b{self.random.choice(']]]PX^_k')}{body}{self.random.choice(('', chr(7), chr(27) + chr(92)))}".encode()
        )

    def _bytes(self) -> bytes:
        return self.random.randbytes(self.random.randint(1, 12))


_REPLY = re.compile(
    rb"\x1b\[[>?]?[0-9]+(?:;[0-9]+)*(?:[A-Za-z]|\$y|\*\{)"
    rb"|\x1bP(?:!\|[0-9]+|>\|podplane-tui|[0-9]+!~[0-9A-F]{4}|0\$r|0\+r)\x1b\\"
    rb"|\x1bP1\$r[0-9:;]+[ -/]?[@-~]\x1b\\"
    rb"|\x1bP1\+r(?:(?:[0-9A-F]{2})+=(?:[0-9A-F]{2})+;?)+\x1b\\"
    rb"|\x1b\][Ll]\x1b\\"
    rb"|\x1b\][0-9;]+;rgb:[0-9a-f]{4}/[0-9a-f]{4}/[0-9a-f]{4}\x1b\\"
)
"""One reply: what a shell that takes it for typed text can get. No text of the guest's is in it, and no Enter."""


def reply_problem(replies: bytes) -> str | None:
    """What in a terminal's replies is none; None if nothing is."""
    rest = _REPLY.sub(b"", replies)
    return f"no reply a terminal gives: {rest!r} in {replies!r}" if rest else None


@dataclass(frozen=True, slots=True)
class State:
    """All that can be seen of a terminal."""

    display: tuple[str, ...]
    rows: tuple[object, ...]
    scrollback: tuple[object, ...]
    rest: tuple[object, ...]

    @classmethod
    def of(cls, terminal: Terminal) -> State:
        return cls(
            display=tuple(terminal.display),
            rows=tuple((tuple(row.runs()), row.wrapped) for row in terminal.rows),
            scrollback=tuple((tuple(row.runs()), row.wrapped) for row in terminal.scrollback),
            rest=(
                *(terminal.cursor, terminal.modes, terminal.title, terminal.icon_name, terminal.scrolled_off),
                *(terminal.bell_count, dict(terminal.palette), dict(terminal.default_colors)),
            ),
        )


def problem(terminal: Terminal) -> str | None:
    """What is wrong with a terminal's state; None if nothing is."""
    columns, lines = terminal.columns, terminal.lines
    cursor = terminal.cursor
    if not (0 <= cursor.x < columns and 0 <= cursor.y < lines):
        return f"cursor outside: {cursor}"
    if len(terminal.display) != lines or len(terminal.rows) != lines:
        return f"{len(terminal.display)} displayed, {len(terminal.rows)} rows of {lines}"
    for row in terminal.rows:
        if fault := _row_problem(row, columns):
            return fault
    for line in terminal.display:
        if width_of(line) != columns:
            return f"line of {width_of(line)} cells on {columns} columns: {line!r}"
        if any(unicodedata.category(char) in {"Cc", "Cs"} or char in BIDI for char in line):
            return f"control character on the screen: {line!r}"
    return None


def _row_problem(row: Row, columns: int) -> str | None:
    cells = list(row.cells())
    if len(cells) != row.length or row.length > columns:
        return f"{len(cells)} cells, length {row.length}, {columns} columns"
    for (char, _), (following, _) in zip(cells, [*cells[1:], (" ", None)], strict=False):
        if char == "":
            continue
        if (width_of(char) == 2) != (following == ""):
            return f"half a wide character: {char!r} before {following!r} in {row.full_text()!r}"
    return None


def fuzz(*, total: int, seed: int) -> tuple[int, str | None]:
    """Feed about `total` bytes; returns how many and what went wrong."""
    generator = Generator(seed)
    samples = [path.read_bytes() for path in sorted(RECORDINGS.glob("*.raw"))]
    fed = 0
    turn = 0
    while fed < total:
        turn += 1
        size = SIZES[turn % len(SIZES)]
        if samples and turn % 10 == 0:
            sample = generator.random.choice(samples)
            start = generator.random.randrange(len(sample))
            data = generator.mutated(sample[start : start + 4000] or b"x")
        else:
            data = generator.input(generator.random.choice((5, 50, 400)))
        fault = _try(data, generator.chunks(data), size=size)
        fed += 2 * len(data)
        if fault:
            return fed, f"{fault}\nTerminal{size}, {data!r}"
    return fed, None


def _try(data: bytes, chunks: Sequence[bytes], *, size: tuple[int, int]) -> str | None:
    """Feed one input whole and in chunks, compare, resize."""
    whole, cut = Terminal(*size, scrollback=60), Terminal(*size, scrollback=60)
    try:
        replies = whole.feed(data)
        cut_replies = b"".join([cut.feed(chunk) for chunk in chunks])
        if fault := reply_problem(replies):
            return fault
        if replies != cut_replies:
            return f"replies differ with the chunks: {replies!r}, {cut_replies!r}"
        if State.of(whole) != State.of(cut):
            return "state differs with the chunks"
        if fault := problem(whole):
            return fault
        cut.resize(size[1] + 3, size[0])
        return problem(cut)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bytes", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    start = time.monotonic()
    fed, fault = fuzz(total=options.bytes, seed=options.seed)
    print(f"{fed:,} bytes in {time.monotonic() - start:.0f} s, seed {options.seed}: {fault or 'no problem'}")
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main())
