"""What a hostile guest may send: the worst inputs found so far, a count of the work they make, and a search for worse.

    python -m benchmarks.terminal.hostile [--seconds 60] [--seed 1]

An input is what prepares the screen and a few pieces that are sent over and over. The search changes the pieces of the
inputs with the highest count of cells worked on per byte, keeps what is higher still, and prints the best with their
times. It is exact about the count alone: times are those of a busy machine.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from itertools import cycle
from time import process_time
from typing import Any, Final

from benchmarks.result import Result
from benchmarks.terminal import targets
from podplane_tui.terminal import Row, Terminal
from podplane_tui.terminal.buffer.band import Band
from podplane_tui.terminal.buffer.recipe import Recipe
from podplane_tui.terminal.screen.reports import Sums
from podplane_tui.terminal.screen.screen import Screen

COLUMNS, LINES = 200, 50
SIZE: Final = 16_384
CALL: Final = 8
"""What a call that works on a row costs besides its cells, in cells."""


def _painted(lines: Sequence[str]) -> bytes:
    return "".join(f"\x1b[{y};1H{line}" for y, line in enumerate(lines, 1)).encode() + b"\x1b[m\x1b[H"


_COLOURFUL = _painted(
    [
        "".join(f"\x1b[38;5;{(7 * x + y) % 256}m{'ab' if x % 3 else '漢'}" for x in range(COLUMNS // 2))
        for y in range(LINES)
    ]
)
_PROTECTED = _painted(['\x1b[1"qa\x1b[0"qb' * (COLUMNS // 2)] * LINES)
_MARGINS = f"\x1b[?69h\x1b[2;{COLUMNS - 1}s\x1b[{LINES};2H".encode()
_NARROW = f"\x1b[?69h\x1b[2;3s\x1b[{LINES};2H".encode()
SETUPS: Final = {
    "blank": b"",
    "colourful": _COLOURFUL,
    "coloured ground": _COLOURFUL + b"\x1b[44m",
    "protected": _PROTECTED,
    "margins": _COLOURFUL + _MARGINS + b"x",
    "margins on coloured ground": _COLOURFUL + _MARGINS + b"\x1b[44mx",
    "narrow margins": _COLOURFUL + _NARROW + b"x",
    "narrow margins, wide": _COLOURFUL + b"\x1b[?69h\x1b[2;4s\x1b[50;2H" + "漢".encode(),
    "inserting": _COLOURFUL + b"\x1b[4hx",
    "every column a stop": b"".join(b"\x1b[%dG\x1bH" % x for x in range(1, COLUMNS + 1)) + b"\r",
    "reverse wrap": b"\x1b[?45h\x1b[?69h\x1b[1;2s",
}
PIECES: Final = (
    *(
        b"x",
        "漢".encode(),
        "\u0301".encode(),
        b"\r",
        b"\n",
        b"\b",
        b"\t",
        b"\x1bM",
        b"\x1bD",
        b"\x1b6",
        b"\x1b9",
        b"\x1bc",
    ),
    *(
        b"\x1b[9999b",
        b"\x1b[99S",
        b"\x1b[99T",
        b"\x1b[S",
        b"\x1b[T",
        b"\x1b[L",
        b"\x1b[M",
        b"\x1b[@",
        b"\x1b[P",
        b"\x1b[X",
    ),
    *(b"\x1b['}", b"\x1b['~", b"\x1b[ @", b"\x1b[ A", b"\x1b[$v", b"\x1b[;;;;;;2$v", b"\x1b[2$v", b"\x1b[65$x"),
    *(b"\x1b[66;;2$x", b"\x1b[$z", b"\x1b[;2$z", b"\x1b[${", b"\x1b[$r", b"\x1b[;;;;1$r", b"\x1b[$t", b"\x1b[;2$t"),
    *(
        b"\x1b[*y",
        b"\x1b[#y",
        b"\x1b[J",
        b"\x1b[1J",
        b"\x1b[2J",
        b"\x1b[?2J",
        b"\x1b[K",
        b"\x1b[?K",
        b"\x1b#8",
        b"\x1b[H",
    ),
    *(
        b"\x1b[99C",
        b"\x1b[9999D",
        b"\x1b[99I",
        b"\x1b[99Z",
        b"\x1b[?1049h",
        b"\x1b[?1049l",
        b"\x1b[!p",
        b"\x1b7",
        b"\x1b8",
    ),
    *(
        b"\x1b[?69h",
        b"\x1b[2;99s",
        b"\x1b[s",
        b"\x1b[2;9r",
        b"\x1b[r",
        b"\x1b[44m",
        b"\x1b[m",
        b"\x1b[7m",
        b"\x1bV",
        b"\x1bW",
    ),
    *(b'\x1b[1"q', b'\x1b[0"q', b"\x1b[2*x", b"\x1b[4h", b"\x1b[?7l", b"\x1b[?7h", b"\x1b[99;99H", b"\x1b[9;9H"),
)
"""The grammar of the search."""


@dataclass(frozen=True, slots=True)
class Input:
    """What prepares the screen, by name, and what is sent over and over."""

    setup: str
    pieces: tuple[bytes, ...]

    def data(self, size: int = SIZE) -> bytes:
        """About `size` bytes of it, whole pieces."""
        parts: list[bytes] = []
        for piece in cycle(self.pieces):
            size -= len(piece)
            if size < 0:
                break
            parts.append(piece)
        return b"".join(parts)

    def terminal(self) -> Terminal:
        terminal = Terminal(COLUMNS, LINES)
        terminal.feed(SETUPS[self.setup])
        return terminal

    def __str__(self) -> str:
        return f"{self.setup}: {b''.join(self.pieces)!r}"


WORST: Final = (
    Input("margins", (b"x", b"\n")),
    Input("margins", (b"\n",)),
    Input("margins", (b"\x1bM",)),
    Input("margins", (b"\x1b[9999b",)),
    Input("narrow margins", (b"\x1b[9999b",)),
    Input("narrow margins, wide", (b"\x1b[9999b",)),
    Input("margins", (b"\x1b[L",)),
    Input("margins on coloured ground", (b"\x1b[S",)),
    Input("inserting", (b"\x1b[9999b",)),
    Input("colourful", ("漢".encode(), b"\x1b[9999b")),
    Input("colourful", (b"\x1b[;;;;;;2$v",)),
    Input("colourful", (b"\x1b[2$v",)),
    Input("colourful", (b"\x1b[*y", b"\x1b[;2$v")),
    Input("coloured ground", (b"\x1b[$v", b"\x1b['}")),
    Input("colourful", (b"\x1b[65$x", b"\x1b[66;;2$x")),
    Input("colourful", (b"\x1b[$t",)),
    Input("colourful", (b"\x1b[;2$t",)),
    Input("colourful", (b"\x1b[;;;;1$r", b"\x1b[$r")),
    Input("protected", (b"\x1b[${",)),
    Input("protected", (b"\x1bV", b"\x1b[2J")),
    Input("coloured ground", (b"\x1b6",)),
    Input("colourful", (b"\x1b['}", b"\x1b['~")),
    Input("colourful", (b"\x1b[ @", b"\x1b[ A")),
    Input("colourful", (b"\x1b[*y", b"\x1b[;;;;;;2$v")),
    Input("colourful", (b"\x1b[;2$t", b"x")),
    Input("colourful", (b"\x1b[65;;2$x", b"x")),
    Input("colourful", (b"\x1b['}", b"x")),
    Input("colourful", (b"\x1b[;;;1*y", b"\x1b[;;;;;2*y", b"\x1b[;;;;;3*y")),
    Input("margins", (b"\x1b[S", b"\x1b[J")),
    Input("margins on coloured ground", (b"\n", b"\x1b[1J")),
    Input("margins", (b"\x1b[S", b"\x1b[65;;2$x")),
    Input("margins", (b"\x1b[3;9s", b"\x1b[S", b"\x1b[4;12s", b"\x1b[S")),
    Input("margins", (b"\x1b[?1049h", b"\x1b[S", b"\x1b[?1049l")),
    Input("colourful", (b"\x1b[ @", b"\x1b[99S")),
    Input("coloured ground", (b"\x1b[K", b"\x1b[2$v", b"\r", b"\x1b[99S", b"x", b"\x1b[J")),
    Input("colourful", (b"\x1b[65;;2$x", b"\x1b[99S")),
    Input("narrow margins", (b"\x1b[J", b"\t", b"\x1b[9999b", "漢".encode(), b"\x1b[99;99H")),
    Input("narrow margins, wide", (b"\x1b[9999b", b"\x1b[H")),
    Input("every column a stop", (b"\x1b[99I", b"\r")),
    Input("reverse wrap", (b"\x1b[9999D",)),
    Input("colourful", (b"x", b"\x1b[9999b")),
    Input("colourful", (b"\x1b[H", b"\x1b[9999b")),
    Input("coloured ground", (b"\x1b[99S",)),
    Input("blank", (b"\r",)),
)
"""Inputs that took seconds once, and what the search has found."""


class Count:
    """Cells worked on."""

    def __init__(self) -> None:
        self.cells = 0


def _span(row: Row, start: int, end: int, *_: object) -> int:
    return end - start


_COSTS: Final[tuple[tuple[type, str, Callable[..., int]], ...]] = (
    (Row, "put", lambda row, start, text, style: len(text) + max(0, start - row.length)),
    (Row, "put_wide", lambda row, start, text, style: 2 * len(text) + max(0, start - row.length)),
    (Row, "copy", _span),
    (Row, "paste", lambda row, start, cells: len(cells.chars)),
    (Row, "erase_unprotected", _span),
    (Row, "truncate", lambda row, length: max(0, row.length - length)),
    (Row, "insert", lambda row, start, count, end, style: end - start),
    (Row, "delete", lambda row, start, count, end, style: end - start),
    (Row, "to_cells", lambda row: row.length if row.chars is None else -CALL),
    (Row, "compact", lambda row: row.length),
    (Row, "combine", lambda row, column, mark, limit: len(mark)),
    (Recipe, "__init__", lambda recipe, columns: columns),
    (Recipe, "copy", lambda recipe: recipe.columns),
    (Recipe, "fill", lambda recipe, start, end, char, style: end - start),
    (Recipe, "insert", lambda recipe, start, count, end, style: end - start),
    (Recipe, "delete", lambda recipe, start, count, end, style: end - start),
    (Recipe, "restyle", lambda recipe, start, end, change: end - start),
    (Recipe, "erase_unprotected", lambda recipe, start, end, style: 2 * (end - start)),
    (Recipe, "repeat", lambda recipe, start, target, width: width),
    (Recipe, "carry_out", lambda recipe, row: recipe.columns),
    (Band, "scroll", lambda band, first, end, count, filling, row_at, up: count),
    (Band, "put", lambda band, first, end, cells: end - first),
    (Sums, "__init__", lambda sums, row, *_: row.length),
    (Sums, "between", lambda sums, left, right: 1 - CALL),
    (Screen, "blank_rows", lambda screen, count: count),
    (Screen, "tab", lambda screen: 1),
)
"""What a call costs besides `CALL`, in cells. Whole rows that are moved are one each."""


@contextmanager
def counted() -> Iterator[Count]:
    """Count the cells terminals work on."""
    count = Count()
    kept = []

    def counting(method: Callable[..., Any], cost: Callable[..., int]) -> Callable[..., Any]:
        @wraps(method)
        def call(*arguments: Any, **named: Any) -> Any:
            count.cells += CALL + cost(*arguments, **named)
            return method(*arguments, **named)

        return call

    try:
        for owner, name, cost in _COSTS:
            kept.append((owner, name, owner.__dict__.get(name)))
            setattr(owner, name, counting(getattr(owner, name), cost))
        yield count
    finally:
        for owner, name, method in kept:
            if method is None:
                delattr(owner, name)
            else:
                setattr(owner, name, method)


def cells_per_byte(item: Input, size: int = 1024) -> float:
    """How many cells a byte of an input has the terminal work on."""
    terminal, data = item.terminal(), item.data(size)
    with counted() as count:
        terminal.feed(data)
    return count.cells / len(data)


def seconds(item: Input, size: int = SIZE) -> float:
    """CPU time of an input. What takes long is measured in part."""
    terminal, data = item.terminal(), item.data(size)
    begun, done = process_time(), 0
    while done < len(data) and (done == 0 or process_time() - begun < 2.0):
        terminal.feed(data[done : done + 1024])
        done += 1024
    return (process_time() - begun) * len(data) / min(done, len(data))


def worst(*, rounds: int) -> Result:
    """A line of the table: the slowest of the worst inputs, each at its fastest."""
    times = {str(item): 1000 * min(seconds(item) for _ in range(rounds)) for item in WORST}
    slowest = max(times, key=lambda name: times[name])
    detail = {name: round(time, 1) for name, time in sorted(times.items(), key=lambda pair: -pair[1])}
    return Result(f"worst 16 KiB ({slowest})", "", times[slowest], targets.WORST, unit="ms", detail=detail)


def changed(item: Input, chance: random.Random) -> Input:
    """An input that differs a little."""
    pieces = list(item.pieces)
    kind = chance.randrange(5)
    if kind == 0 and len(pieces) > 1:
        del pieces[chance.randrange(len(pieces))]
    elif kind == 1 and len(pieces) < 6:
        pieces.insert(chance.randint(0, len(pieces)), chance.choice(PIECES))
    elif kind == 2:
        return replace(item, setup=chance.choice(list(SETUPS)))
    else:
        pieces[chance.randrange(len(pieces))] = chance.choice(PIECES)
    return replace(item, pieces=tuple(pieces))


def search(*, until: float, seed: int, keep: int = 40) -> tuple[int, list[tuple[float, Input]]]:
    """Climb from the worst inputs known for so many CPU seconds; returns how many were tried and the worst, first."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    found = {item: cells_per_byte(item) for item in WORST} | {
        item: cells_per_byte(item) for item in (Input("colourful", (piece,)) for piece in PIECES)
    }
    tried = len(found)
    end = process_time() + until
    while process_time() < end:
        item = changed(chance.choice(list(found)), chance)
        if item in found:
            continue
        tried += 1
        found[item] = cells_per_byte(item)
        if len(found) > 2 * keep:
            found = dict(sorted(found.items(), key=lambda pair: -pair[1])[:keep])
    ranked = sorted(((cells, item) for item, cells in found.items()), key=lambda pair: -pair[0])
    return tried, ranked[:keep]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.terminal.hostile", description="Look for worse inputs.")
    parser.add_argument("--seconds", type=float, default=60, help="CPU time [default: 60]")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tried, found = search(until=options.seconds, seed=options.seed)
    print(f"{tried:,} inputs, seed {options.seed}")
    for cells, item in found[:15]:
        print(f"{cells:10.0f} cells a byte  {seconds(item) * 1000:8.1f} ms for 16 KiB  {item}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
