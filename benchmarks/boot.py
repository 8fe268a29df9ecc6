"""How fast a console's bytes become boots, beside a script that only looks for failures in them.

    python -m benchmarks.boot [--rounds 9]

The script cuts the same bytes into lines and searches each for one pattern of ten failures; both are fed in turns, in
pieces of 64 and of 4 KiB. Recordings are those of the tests, over and over; ordinary text is lines of words that mean
nothing to the parser. The ratio is a median of CPU times; beside it stands what it is in MB (10⁶ bytes) a second. What
a parser keeps is measured too, behind 200 MB. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from statistics import median
from time import process_time

from benchmarks import report
from benchmarks.result import AtMost, Result
from podplane_tui.backend.boot.parser import BootParser
from tests.paths import RECORDINGS

MEGABYTE = 1_000_000
KIB = 1024
LIMITS = {"text": AtMost(1.0, 0.75), "recordings": AtMost(2.0, 1.4)}
"""Times of the script's, of either kind of bytes."""
MEMORY = AtMost(2.0, 1.0)
"""MB a parser may have needed at any moment."""
_FAILURES = re.compile(
    rb"FAILED|Kernel panic|Oops:|BUG:|[Oo]ut of memory"
    rb"|No space left|Dropping to a shell|emergency mode|I/O error|Traceback"
)


def text(size: int) -> bytes:
    """Lines that mean nothing, the same at each run."""
    chance = random.Random(1)  # noqa: S311 - reproducible on purpose
    words = [bytes(chance.choices(b"abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(500)]
    lines = (b" ".join(chance.choices(words, k=chance.randint(3, 14))) + b"\r\n" for _ in iter(int, 1))
    return _taken(lines, size)


def recordings(size: int) -> bytes:
    """Two first boots of Debian, one in which much fails, over and over."""
    both = b"".join((RECORDINGS / f"debian12-{name}.raw").read_bytes() for name in ("first-boot", "failures"))
    return _taken(iter(lambda: both, b""), size)


def _taken(parts: Iterator[bytes], size: int) -> bytes:
    taken = bytearray()
    while len(taken) < size:
        taken += next(parts)
    return bytes(taken[:size])


def ours(pieces: list[bytes]) -> None:
    parser = BootParser()
    for piece in pieces:
        parser.feed(piece)


def script(pieces: list[bytes]) -> None:
    """A line cut in two by a piece's end is two: the script is no better than it must be."""
    for piece in pieces:
        for line in piece.splitlines():
            _FAILURES.search(line)


def _seconds(run: Callable[[list[bytes]], None], pieces: list[bytes]) -> float:
    begun = process_time()
    run(pieces)
    return process_time() - begun


def speed(name: str, data: bytes, piece: int, *, rounds: int) -> Result:
    """One line of the table."""
    pieces = [data[start : start + piece] for start in range(0, len(data), piece)]
    times = [(_seconds(ours, pieces), _seconds(script, pieces)) for _ in range(rounds)]
    rates = [len(data) / MEGABYTE / median(seconds) for seconds in zip(*times, strict=True)]
    return Result(
        f"boots out of {name}, {piece // KIB} KiB at once",
        "search for failures",
        median(mine / theirs for mine, theirs in times),
        LIMITS[name],
        note=f"{rates[0]:.1f} MB/s, the script {rates[1]:.1f} MB/s",
        detail={"megabytes_a_second": [round(rate, 2) for rate in rates]},
    )


def memory(data: bytes, megabytes: int) -> Result:
    """What a parser has allocated at most while it was fed that much."""
    tracemalloc.start()
    try:
        parser = BootParser()
        for _ in range(megabytes * MEGABYTE // len(data)):
            for start in range(0, len(data), 64 * KIB):
                parser.feed(data[start : start + 64 * KIB])
        peak = tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()
    return Result(f"memory for {megabytes} MB of boots", "", peak, MEMORY, unit="MB")


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boot", description="Boots out of a console's bytes.")
    parser.add_argument("--quick", action="store_true", help="a smoke version")
    parser.add_argument("--rounds", type=int, help="how often [default: 9]")
    options = parser.parse_args(arguments)
    rounds, size = options.rounds or (3 if options.quick else 9), (1 if options.quick else 4) * MEGABYTE
    made = {"text": text(size), "recordings": recordings(size)}
    results = [speed(name, data, piece * KIB, rounds=rounds) for name, data in made.items() for piece in (64, 4)]
    results.append(memory(made["recordings"], 10 if options.quick else 200))
    return report.conclude("boot", results, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
