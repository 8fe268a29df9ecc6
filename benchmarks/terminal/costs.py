"""What showing and keeping text costs: strips of a full screen, memory of the scrollback."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.peers import Environment, Worker
from benchmarks.result import AtMost, Result
from benchmarks.terminal import streams, targets
from benchmarks.terminal.workers import WORKERS

COLUMNS, LINES = 200, 50
STRIPS = ("a", "b2", "c1", "c", "d", "e")
LOG_LINES = 10_000


def strips(environment: Environment, *, rounds: int, times: int, letters: Sequence[str] = STRIPS) -> list[Result]:
    """CPU time for the strips of a screen, as a part of that from pyte's buffer for the same; the worst counts."""
    answers: dict[str, list[dict[str, float]]] = {}
    with TemporaryDirectory() as folder, Worker(environment, WORKERS / "strips.py") as worker:
        for letter in letters:
            file = Path(folder) / letter
            file.write_bytes(_screenful(letter))
            request = {"file": str(file), "columns": COLUMNS, "lines": LINES, "times": times}
            answers[streams.STREAMS[letter][0]] = [worker.ask(**request) for _ in range(rounds)]
    return [
        _worst("strips of a full screen", answers, "", targets.STRIPS),
        _worst("the same, made and rendered", answers, " shown", None),
    ]


def _worst(
    measure: str, answers: Mapping[str, Sequence[Mapping[str, float]]], kind: str, target: AtMost | None
) -> Result:
    mine, theirs = f"ours{kind}", f"pyte{kind}"
    ratios = {name: median(one[mine] / one[theirs] for one in found) for name, found in answers.items()}
    detail = {
        name: {
            "ratio": round(ratios[name], 3),
            "ms": {key: round(median(one[key] for one in found) * 1000, 3) for key in (mine, theirs)},
        }
        for name, found in answers.items()
    }
    worst = max(ratios, key=lambda name: ratios[name])
    return Result(f"{measure} (worst: {worst})", "pyte's buffer", ratios[worst], target, detail=detail)


def _screenful(letter: str) -> bytes:
    """What fills the screen. A program's session would end on the main screen: it is cut where it is still shown."""
    data = streams.make(letter, columns=COLUMNS, lines=LINES, size=40_000)
    if letter == "d":
        data = data[: data.index(b"\x1b[30m\x1b[46mTree")]  # htop's first frame is complete
    return data


def memory(environment: Environment) -> list[Result]:
    """Megabytes for ten thousand lines of a boot log, and of lines with colours; a line's share beside pyte's.

    pyte gets a tenth of the lines: it takes a minute for all.
    """
    ours = {letter: _allocated(environment, "ours", letter, LOG_LINES) for letter in ("a", "c1")}
    pyte = _allocated(environment, "pyte", "a", LOG_LINES // 10)
    return [
        Result(f"scrollback, {LOG_LINES:,} lines of boot log", "", ours["a"] / 1e6, targets.SCROLLBACK, unit="MB"),
        Result(f"scrollback, {LOG_LINES:,} lines of ls and ninja", "", ours["c1"] / 1e6, unit="MB"),
        Result("scrollback, a line of boot log", "pyte's HistoryScreen", ours["a"] / 10 / pyte),
    ]


def _allocated(environment: Environment, engine: str, letter: str, lines: int) -> int:
    """Bytes for a terminal that keeps so many lines. It is fed some more, so that the oldest go."""
    data = streams.make(letter, columns=COLUMNS, lines=LINES, size=20_000)
    with TemporaryDirectory() as folder, Worker(environment, WORKERS / "memory.py", engine) as worker:
        file = Path(folder) / letter
        file.write_bytes(data * (lines * 9 // 8 // data.count(b"\n") + 1))
        answer = worker.ask(file=str(file), columns=COLUMNS, lines=LINES, scrollback=lines)
    assert answer["kept"] == lines
    return int(answer["bytes"])
