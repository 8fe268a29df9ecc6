"""How fast bytes become a screen: the same chunks to every emulator, in turn, CPU time."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.peers import Environment, Worker, WorkerError
from benchmarks.result import Result
from benchmarks.terminal import streams, targets
from benchmarks.terminal.workers import WORKERS

SIZES = ((80, 24), (200, 50))
CHUNK = 4096
SAME_AS_PYTE = ("a", "b", "b2", "c1", "c")
"""Streams at whose end stock pyte shows what it should: there our screen must be the same."""

ENGINES = (
    ("ours", "ours", "ours"),
    ("pyte", "ours", "pyte"),
    ("bittty (textual-tty)", "textual-tty", "bittty"),
    ("bittty (newest)", "bittty", "bittty"),
    ("textual-terminal", "textual-terminal", "textual-terminal"),
)
"""Name, environment, and what the worker calls it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much: bytes fed at least, bytes of a stream before it repeats, rounds, CPU seconds of a measurement at least.

    ``without`` names engines left out. Slow ones get the stream's beginning only. It is long, so that nobody has seen
    its colours before.
    """

    size: int
    stream: int
    rounds: int
    seconds: float
    without: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Case:
    """One stream at one screen size. Rates are in bytes per CPU second, one a round, None when the engine failed."""

    rates: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    same: bool = True

    def ratio(self, peer: str) -> float | None:
        """How many times as fast as the peer we are: the median of the rounds' ratios."""
        if peer not in self.rates or "ours" not in self.rates:
            return None
        return median(mine / theirs for mine, theirs in zip(self.rates["ours"], self.rates[peer], strict=True))


def measure(environments: Mapping[str, Environment], plan: Plan, letters: Sequence[str]) -> list[Result]:
    """Lines of the table for each stream: against pyte, the faster bittty, and textual-terminal."""
    results = []
    with TemporaryDirectory() as folder, ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(environments[place], WORKERS / "ingest.py", engine))
            for name, place, engine in ENGINES
            if environments[place].python is not None and name not in plan.without
        }
        for letter in letters:
            cases = []
            for columns, lines in SIZES:
                file = Path(folder) / f"{letter}-{columns}x{lines}"
                file.write_bytes(streams.make(letter, columns=columns, lines=lines, size=plan.stream))
                cases.append(_run(workers, plan, file, columns=columns, lines=lines))
            results += _judge(letter, cases, environments, without=plan.without)
    return results


def _run(workers: Mapping[str, Worker], plan: Plan, file: Path, *, columns: int, lines: int) -> _Case:
    case = _Case()
    whole = file.stat().st_size
    shares: dict[str, tuple[int, int]] = {}
    displays = {}
    request = {"file": str(file), "columns": columns, "lines": lines, "chunk": CHUNK}
    for name, worker in workers.items():
        try:
            answer = worker.ask(**request, size=plan.size, times=1)
        except WorkerError as error:
            case.errors[name] = str(error)
            continue
        size = int(plan.size * plan.seconds / max(answer["seconds"], 1e-4))
        shares[name] = (min(max(size, plan.size), whole), ceil(size / whole))
        displays[name] = [line.rstrip() for line in answer["display"]]
        case.rates[name] = []
    case.same = displays.get("ours") == displays.get("pyte")
    for _ in range(plan.rounds):
        for name, (size, times) in shares.items():
            case.rates[name].append(size * times / workers[name].ask(**request, size=size, times=times)["seconds"])
    return case


def _judge(
    letter: str, cases: Sequence[_Case], environments: Mapping[str, Environment], *, without: frozenset[str]
) -> list[Result]:
    measure = f"ingest {letter}: {streams.STREAMS[letter][0]}"
    detail: dict[str, object] = {
        f"{columns}x{lines}": {
            "MB/s": {name: round(median(rates) / 1e6, 3) for name, rates in case.rates.items()},
            "ratios": {name: round(case.ratio(name) or 0, 2) for name in case.rates},
            "errors": case.errors,
        }
        for (columns, lines), case in zip(SIZES, cases, strict=True)
    }
    note = ""
    if letter in SAME_AS_PYTE:
        detail["same screen as pyte"] = same = all(case.same for case in cases)
        note = "" if same else "the last screen differs from pyte's"
    versus_bittty = [_lower(cases, name) for name, place, _ in ENGINES if place in ("textual-tty", "bittty")]
    measured = [value for value in versus_bittty if value is not None]
    reason = next((environment.reason for environment in environments.values() if environment.reason), "")
    results = [
        Result(measure, "pyte", _lower(cases, "pyte"), targets.INGEST_PYTE[letter], note=note, detail=detail),
        Result(
            measure,
            "bittty",
            min(measured, default=None),
            targets.INGEST_BITTTY,
            note="" if measured else _why(cases, "bittty (newest)") or reason,
        ),
    ]
    if "textual-terminal" not in without:
        value = _lower(cases, "textual-terminal")
        note = "" if value is not None else _why(cases, "textual-terminal") or reason
        results.append(Result(measure, "textual-terminal", value, note=note))
    return results


def _lower(cases: Sequence[_Case], peer: str) -> float | None:
    """The ratio that counts: the lower one of the screen sizes."""
    ratios = [case.ratio(peer) for case in cases]
    return None if any(ratio is None for ratio in ratios) else min(ratio for ratio in ratios if ratio is not None)


def _why(cases: Sequence[_Case], peer: str) -> str:
    return next((case.errors[peer] for case in cases if peer in case.errors), "")
