"""`python -m benchmarks.terminal`: measure, print the table, exit 1 below a floor."""

import argparse
import sys
from pathlib import Path

from benchmarks.terminal import costs, ingest, live, peers, report
from benchmarks.terminal.streams import STREAMS
from benchmarks.terminal.targets import Result

RESULTS = peers.BENCHMARKS / "results" / "terminal.json"
PARTS = ("ingest", "strips", "memory", "live")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.terminal", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke version of under two minutes")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part, may be given again")
    parser.add_argument(
        "--stream", choices=list(STREAMS), action="append", help="ingest this stream, may be given again"
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="the JSON file (default: %(default)s)")
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
    if "live" in parts:
        turns = (
            live.Plan(1_000_000, 250_000, 3, 40, 20, 5)
            if options.quick
            else live.Plan(3_000_000, 750_000, 7, 200, 80, 5)
        )
        results += live.measure(environments, turns, _say)

    print(report.table(results))
    report.write(options.output, results, environments, quick=options.quick)
    print(f"\nwritten to {options.output}")
    return 1 if report.below_floor(results) else 0


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
