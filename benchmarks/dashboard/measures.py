"""What is measured of the dashboard, the command line, the inventory and a start; each gives lines of the table.

All are taken in turns with what they are measured against, and the median of the turns' ratios counts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median, quantiles
from time import monotonic, perf_counter, sleep

from benchmarks.result import AtMost, Result
from benchmarks.screen import Screen
from benchmarks.world import World, world
from podplane_tui.backend.core.paths import VMFiles

WORKERS = Path(__file__).parent / "workers"
PROGRAM = (sys.executable, str(Path(sys.executable).with_name("podplane-tui")))
SIZE = (120, 40)
VMS = 10
KEYS_IN_TURN = 16
"""An even number: the last key of a turn brings the cursor back, so that no first one finds it where it is to go."""
SETTLE = 4.0
"""Seconds a program gets to come to rest before it is weighed."""
LINE = "[{:12.6f}] a line of a boot log that says what a kernel does with device {:08}\r\n"


@dataclass(frozen=True, slots=True)
class Plan:
    """Turns of the quick measurements, turns and seconds of idleness, passes, keys, minutes of boot log, starts."""

    turns: int = 9
    idle_turns: int = 5
    idle_seconds: float = 8.0
    passes: int = 15
    keys: int = 128
    minutes: int = 60
    starts: int = 25


QUICK = Plan(turns=5, idle_turns=1, idle_seconds=5.0, passes=5, keys=32, minutes=10, starts=7)


def start(plan: Plan) -> list[Result]:
    """From nothing to the last of ten machines painted."""
    seconds: dict[str, list[float]] = {"ours": [], "label": []}
    with world(running=0, stopped=VMS) as made:
        for number in range(plan.starts + 1):
            for name, command, text in (
                ("ours", PROGRAM, f"vm-{VMS - 1:03}"),
                ("label", (sys.executable, str(WORKERS / "label.py")), "a-label-is-painted"),
            ):
                with Screen(command, size=SIZE, variables=made.variables) as screen:
                    screen.expect(text, fresh=False)
                    taken = screen.painted() - screen.started
                if number:  # the first turn fills the caches
                    seconds[name].append(taken)
    return [_ratio("start to first painted list, 10 VMs", "one label in Textual", seconds, "label", AtMost(1.4, 1.2))]


def listing(plan: Plan) -> list[Result]:
    """`list --json` beside the imports it can't do without."""
    results = []
    for running, target in ((VMS, AtMost(2.2, 1.8)), (0, AtMost(1.5, 1.3))):
        seconds: dict[str, list[float]] = {"ours": [], "imports": []}
        with world(running=running, stopped=VMS - running) as made:
            for number in range(plan.turns * 2 + 1):
                for name, command in (
                    ("ours", [*PROGRAM, "list", "--json"]),
                    ("imports", [sys.executable, "-c", "import psutil, click"]),
                ):
                    begun = perf_counter()
                    subprocess.run(command, check=True, capture_output=True, env=made.variables)
                    if number:
                        seconds[name].append(perf_counter() - begun)
        measure = f"list --json, 10 VMs, {'all running' if running else 'none running'}"
        results.append(_ratio(measure, "import psutil, click", seconds, "imports", target))
    return results


def idle(plan: Plan) -> list[Result]:
    """CPU time of dashboards that nobody touches, over the same stretches of time."""
    with ExitStack() as stack:
        few = stack.enter_context(world(running=VMS, stopped=0))
        many = stack.enter_context(world(running=VMS, stopped=100))
        screens = {
            "ours": _without_console(stack, few),
            "ours, 100 stopped": _without_console(stack, many),
            "cells": stack.enter_context(
                Screen([sys.executable, WORKERS / "cells.py"], size=SIZE, variables=few.variables)
            ),
        }
        for name in ("htop", "btop"):
            if shutil.which(name):
                screens[name] = stack.enter_context(Screen([name], size=SIZE, variables=few.variables))
        sleep(SETTLE)
        shares: dict[str, list[float]] = {name: [] for name in screens}
        for _ in range(plan.idle_turns):
            before = {name: (screen.cpu_seconds(), monotonic()) for name, screen in screens.items()}
            sleep(plan.idle_seconds)
            for name, screen in screens.items():
                spent, since = before[name]
                # Where CPU time comes in ticks, what has used none has used less than one.
                shares[name].append(max(screen.cpu_seconds() - spent, 0.005) / (monotonic() - since))
    percent = {name: round(100 * median(values), 2) for name, values in shares.items()}
    results = [_ratio("idle, 10 running VMs", "ten cells a second in Textual", shares, "cells", AtMost(2.0, 1.5))]
    stopped = {"ours": shares["ours, 100 stopped"], "with 10": shares["ours"]}
    results.append(_ratio("idle, 10 running and 100 stopped VMs", "ours with 10", stopped, "with 10", AtMost(1.5, 1.2)))
    for name in ("btop", "htop"):
        if name in shares:
            results.append(_ratio("idle, 10 running VMs", name, shares, name, None))
        else:
            results.append(Result("idle, 10 running VMs", name, None, note="not installed"))
    for result in results:
        assert isinstance(result.detail, dict)
        result.detail["per cent of a core"] = percent
    return results


def _without_console(stack: ExitStack, made: World) -> Screen:
    """The dashboard with the details in view instead of the console."""
    screen = stack.enter_context(Screen(PROGRAM, size=SIZE, variables=made.variables))
    screen.expect("vm-000", fresh=False)
    screen.painted()
    screen.expect("architecture")
    screen.type("4")
    screen.painted()
    return screen


def inventory(plan: Plan) -> list[Result]:
    """A warm pass over a thousand machines beside the system calls that it consists of."""
    with world(running=30, stopped=970) as made:
        seconds = _worker("passes.py", made.data, made.runtime, made.state, plan.passes, variables=made.variables)
    return [
        _ratio("inventory pass, 1,000 VMs, 30 running", "scandir, stat, psutil", seconds, "least", AtMost(1.5, 1.2))
    ]


def memory(plan: Plan) -> list[Result]:
    """Resident memory while a machine that is looked at prints a megabyte a minute, for an hour of it."""
    with ExitStack() as stack:
        made = stack.enter_context(world(running=1, stopped=0))
        screen = stack.enter_context(Screen(PROGRAM, size=SIZE, variables=made.variables))
        _console_in_view(screen, made)
        printed = 0
        sizes = []
        for minute in range(plan.minutes):
            marker = f"minute-{minute:03}-is-over"
            screen.expect(marker)
            printed = _print(made, made.machines[0], 1_000_000, printed, marker)
            screen.painted()
            if minute in (0, plan.minutes - 1):
                sleep(SETTLE)
                sizes.append(screen.resident_bytes())
    detail = {"MB": [round(size / 1e6, 1) for size in sizes]}
    measure = f"resident memory after {plan.minutes} MB of boot log"
    return [Result(measure, "after the first MB", sizes[1] / sizes[0], AtMost(1.2, 1.1), detail=detail)]


def keys(plan: Plan) -> list[Result]:
    """From a key to the table's answer: the cursor goes to the next machine and back, quiet and under a flood."""
    random = Random("keys")  # noqa: S311 - not for secrets
    times: dict[str, list[float]] = {"quiet": [], "flood": []}
    with ExitStack() as stack:
        made = stack.enter_context(world(running=VMS, stopped=0))
        screen = stack.enter_context(Screen(PROGRAM, size=SIZE, variables=made.variables))
        _console_in_view(screen, made)
        sleep(SETTLE)
        printed = 0
        for _ in range(plan.keys // KEYS_IN_TURN):
            for name, taken in times.items():
                for number in range(KEYS_IN_TURN):
                    pause = monotonic() + random.uniform(0.1, 0.3)
                    while monotonic() < pause:
                        if name == "flood":  # 5 MB/s: more than a serial port under emulation prints
                            printed = _print(made, made.machines[0], 100_000, printed, "")
                        sleep(0.02)
                    down = number % 2 == 0
                    screen.expect("vm-001" if down else "vm-000")
                    begun = perf_counter()
                    screen.type("j" if down else "k")
                    taken.append((screen.painted() - begun) * 1000)
    p95 = {name: quantiles(values, n=20, method="inclusive")[-1] for name, values in times.items()}
    detail = {f"{name} ms": {"p50": round(median(times[name]), 1), "p95": round(p95[name], 1)} for name in times}
    return [
        Result(
            "key → table under a flood, p95",
            "the same, quiet",
            p95["flood"] / p95["quiet"],
            AtMost(2, 1.5),
            detail=detail,
        ),
        Result("key → table under a flood, p95", "", p95["flood"], AtMost(50, 30), unit="ms"),
    ]


def _console_in_view(screen: Screen, made: World) -> None:
    """Wait until the first machine's console is shown."""
    screen.expect("the-guest-says-hello", fresh=False)
    _print(made, made.machines[0], 0, 0, "the-guest-says-hello")
    screen.painted()


def _print(made: World, machine: VMFiles, size: int, number: int, marker: str) -> int:
    """Let a stand-in's guest print about so many bytes of numbered lines, and a marker; give the next number."""
    lines = []
    while size > 0:
        lines.append(LINE.format(number / 1000, number))
        size -= len(lines[-1])
        number += 1
    if marker:
        lines.append(f"{marker}\r\n")
    with made.recording(machine).open("ab") as file:
        file.write("".join(lines).encode())
    return number


def launch(plan: Plan) -> list[Result]:
    """From the call until QEMU greets on its control socket."""
    if shutil.which("qemu-system-x86_64") is None:
        return [Result("start to QMP greeting", "QEMU bare", None, AtMost(1.15, 1.1), note="QEMU is not installed")]
    with tempfile.TemporaryDirectory(prefix="pb-", dir="/tmp") as folder:
        seconds = _worker("launches.py", folder, plan.starts)
    return [_ratio("start to QMP greeting", "QEMU bare", seconds, "bare", AtMost(1.15, 1.1))]


def _worker(script: str, *arguments: object, variables: Mapping[str, str] | None = None) -> dict[str, list[float]]:
    command = [sys.executable, str(WORKERS / script), *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=variables)
    seconds: dict[str, list[float]] = json.loads(done.stdout)
    return seconds


def _ratio(
    measure: str, against: str, figures: Mapping[str, Sequence[float]], other: str, target: AtMost | None
) -> Result:
    value = median(mine / theirs for mine, theirs in zip(figures["ours"], figures[other], strict=True))
    detail = {name: round(median(values), 4) for name, values in figures.items()}
    return Result(measure, against, value, target, detail=detail)


MEASURES: Mapping[str, Callable[[Plan], list[Result]]] = {
    "start": start,
    "list": listing,
    "idle": idle,
    "inventory": inventory,
    "memory": memory,
    "keys": keys,
    "launch": launch,
}
