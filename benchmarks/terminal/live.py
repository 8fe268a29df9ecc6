"""Widgets in a real app on a real terminal: a flood until its last line is painted, and the way from key to paint."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

from benchmarks.peers import Environment, worker_variables
from benchmarks.result import TIMES, Result
from benchmarks.screen import ScreenError
from benchmarks.terminal import streams, targets
from benchmarks.terminal.screen import AppScreen
from benchmarks.terminal.workers import WORKERS

SIZE = (200, 51)
"""Columns and lines; the widget has all lines but the last."""
PEER = "textual-tty"
MOMENTS = "120"
"""Moments a second to paint at, for both: as many as our dashboard asks Textual for."""
PAINT_TIMEOUT = 120.0
SETTLE = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """Bytes of a flood of text and of one of colours, rounds of floods, keys idle and under flood, keys in a turn.

    Turns are short, so that what else the machine does meets both widgets alike.
    """

    text: int
    colors: int
    rounds: int
    keys: int
    keys_in_flood: int
    turn: int


Screens = Mapping[str, AppScreen]


def measure(environments: Mapping[str, Environment], plan: Plan, say: Callable[[str], None]) -> list[Result]:
    """Lines of the table for flood and keys; our own figures also where the peer could not be installed."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        screens: dict[str, AppScreen] = {}
        problem = ""
        for name in ("ours", PEER):
            environment = environments[name]
            if environment.python is None:
                problem = environment.reason
                continue
            path = Path(folder) / f"{name}.socket"
            try:
                screens[name] = stack.enter_context(
                    AppScreen(
                        [str(environment.python), str(WORKERS / "app.py"), name, str(path)],
                        size=SIZE,
                        variables={**worker_variables(environment), "TEXTUAL_FPS": MOMENTS},
                        socket_path=path,
                    )
                )
            except ScreenError as error:
                problem = str(error)
        if "ours" not in screens:
            return [Result("widget", PEER, None, note=problem)]
        sleep(SETTLE)
        # Keys come first: behind floods textual-tty stops for 60 to 110 ms every two seconds to look for cycles, which
        # happens to be in a 95th percentile or not.
        say("keys, idle")
        results = _keys_idle(screens, plan, problem)
        say("keys under flood")
        results += _keys_under_flood(screens, plan, problem)
        for letter in targets.FLOOD:
            say(f"flood {letter}")
            results.append(_flood(screens, letter, plan, Path(folder), problem))
        return results


def _flood(screens: Screens, letter: str, plan: Plan, folder: Path, problem: str) -> Result:
    size = plan.text if letter in ("a", "b2") else plan.colors
    data = streams.make(letter, columns=SIZE[0], lines=SIZE[1] - 1, size=min(size, 1_000_000))
    file = folder / letter
    file.write_bytes(data)
    times = ceil(size / len(data))
    seconds: dict[str, list[float]] = {name: [] for name in screens}
    cpu: dict[str, list[float]] = {name: [] for name in screens}
    for round_number in range(plan.rounds):
        for name, screen in screens.items():
            marker = f"LAST-{letter}-{round_number}-LINE"
            screen.expect(marker)
            spent = screen.cpu_seconds()
            start = perf_counter()
            screen.command(flood=str(file), times=times, marker=marker)
            seconds[name].append(screen.painted(timeout=PAINT_TIMEOUT) - start)
            sleep(SETTLE)  # the painting may not be over
            cpu[name].append(screen.cpu_seconds() - spent)
    detail = {
        "bytes": len(data) * times,
        "MB/s": {name: round(len(data) * times / median(values) / 1e6, 2) for name, values in seconds.items()},
        "CPU seconds": {name: round(median(values), 3) for name, values in cpu.items()},
    }
    measure = f"flood {letter}: {streams.STREAMS[letter][0]}"
    if PEER not in screens:
        return Result(measure, PEER, None, targets.FLOOD[letter], note=problem, detail=detail)
    value = _paired(seconds[PEER], seconds["ours"])
    note = f"CPU time {_paired(cpu[PEER], cpu['ours']):.3g}{TIMES}"
    return Result(measure, PEER, value, targets.FLOOD[letter], note=note, detail=detail)


def _keys_idle(screens: Screens, plan: Plan, problem: str) -> list[Result]:
    times = _type_keys(screens, "echo", keys=plan.keys, turn=plan.turn)
    detail = {name: _summary(values) for name, values in times.items()}
    value = None
    if PEER in screens:  # the worse of the two counts
        value = max(
            median(times["ours"]) / median(times[PEER]),
            _p95(times["ours"]) / _p95(times[PEER]),
        )
    return [
        Result("key → echo → paint, idle", PEER, value, targets.KEY_IDLE, note="" if value else problem, detail=detail),
        Result("key → echo → paint, idle, p95", "", _p95(times["ours"]), unit="ms"),
    ]


def _keys_under_flood(screens: Screens, plan: Plan, problem: str) -> list[Result]:
    rates: dict[str, list[float]] = {name: [] for name in screens}
    times = _type_keys(screens, "storm", keys=plan.keys_in_flood, turn=plan.turn, rates=rates)
    detail = {
        name: {**_summary(values), "paints a second": round(median(rates[name]), 1)} for name, values in times.items()
    }
    value = _p95(times["ours"]) / _p95(times[PEER]) if PEER in screens else None
    return [
        Result(
            "key → paint under flood, p95", PEER, value, targets.KEY_FLOOD, note="" if value else problem, detail=detail
        ),
        Result("key → paint under flood, p95", "", _p95(times["ours"]), unit="ms"),
        Result("paints under flood", "", median(rates["ours"]), targets.PAINTS, unit="/s"),
    ]


def _type_keys(
    screens: Screens, mode: str, *, keys: int, turn: int, rates: Mapping[str, list[float]] | None = None
) -> dict[str, list[float]]:
    """Type keys, in turns of ``turn`` for each screen; milliseconds until the child's answer to each was painted."""
    random = Random(mode)  # noqa: S311 - not for secrets
    times: dict[str, list[float]] = {name: [] for name in screens}
    for number in range(-(-keys // turn)):
        for name, screen in screens.items():
            prefix = f"{mode[0].upper()}{number}-"
            screen.expect(f"{prefix}{0:05}." if mode == "storm" else "")
            screen.command(**{mode: prefix})
            if mode == "storm":
                screen.painted(timeout=PAINT_TIMEOUT)
            sleep(SETTLE)
            start, paints = perf_counter(), screen.paints
            for key in range(1, turn + 1):
                sleep(random.uniform(0.05, 0.15))
                screen.expect(f"{prefix}{key:05}.")
                pressed = perf_counter()
                screen.type("x")
                times[name].append((screen.painted(timeout=PAINT_TIMEOUT) - pressed) * 1000)
            if rates is not None:
                rates[name].append((screen.paints - paints) / (perf_counter() - start))
            marker = f"END-{mode}-{number}"
            screen.expect(marker)
            screen.command(stop=marker)
            screen.painted(timeout=PAINT_TIMEOUT)
    return times


def _paired(theirs: Sequence[float], mine: Sequence[float]) -> float:
    return median(their / my for their, my in zip(theirs, mine, strict=True))


def _p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1]


def _summary(values: Sequence[float]) -> dict[str, float]:
    return {"p50 ms": round(median(values), 2), "p95 ms": round(_p95(values), 2), "keys": len(values)}
