"""`python -m benchmarks.terminal`: measure, print the table, exit 1 below a floor."""

import argparse
import os
import sys
from time import monotonic, sleep

from benchmarks import peers, report
from benchmarks.result import Result
from benchmarks.terminal import costs, hostile, ingest, live
from benchmarks.terminal.streams import STREAMS

PARTS = ("ingest", "strips", "memory", "worst", "live")
CALM_TIMEOUT = 120.0
"""Seconds the live part waits for a machine that others keep busy."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.terminal", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke version of under two minutes")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part, may be given again")
    parser.add_argument(
        "--stream", choices=list(STREAMS), action="append", help="ingest this stream, may be given again"
    )
    options = parser.parse_args()
    parts = options.only or PARTS

    environments = {"ours": peers.own_environment()}
    for name in peers.REQUIREMENTS:
        _say(f"environment of {name}")
        environments[name] = peers.environment(name)

    results: list[Result] = []
    if "ingest" in parts:
        fewer = frozenset({"bittty (newest)", "textual-terminal"})
        plan = (
            ingest.Plan(50_000, 500_000, 3, 0.05, fewer) if options.quick else ingest.Plan(100_000, 1_500_000, 5, 0.1)
        )
        for letter in options.stream or STREAMS:
            _say(f"ingest {letter}")
            results += ingest.measure(environments, plan, [letter])

    if "strips" in parts:
        _say("strips")
        results += costs.strips(environments["ours"], rounds=3 if options.quick else 7, times=10)
    if "memory" in parts:
        _say("memory")
        results += costs.memory(environments["ours"])
    if "worst" in parts:
        _say("worst")
        results.append(hostile.worst(rounds=1 if options.quick else 3))
    if "live" in parts:
        turns = (
            live.Plan(1_000_000, 250_000, 3, 40, 20, 5)
            if options.quick
            else live.Plan(3_000_000, 750_000, 7, 200, 200, 5)
        )
        load = _await_calm(0.0 if options.quick else CALM_TIMEOUT)
        results += live.measure(environments, turns, _say)

    status = report.conclude("terminal", results, quick=options.quick, environments=environments)
    if "live" in parts:
        print(f"flood and keys began at a load of {load:.1f} on {os.cpu_count()} processors")
    return status


def _await_calm(timeout: float) -> float:
    """Wait for the processors to have room for the widget and whoever types into it; the load when that ended.

    Floods and keys are measured by the clock. On a machine with more work than processors, frames go by the clock and
    the text between them does not, so painting weighs the more the less time one gets.
    """
    deadline = monotonic() + timeout
    while (load := os.getloadavg()[0]) > (os.cpu_count() or 1) and monotonic() < deadline:
        _say(f"load {load:.1f}: waiting for a calmer machine")
        sleep(5)
    return load


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
