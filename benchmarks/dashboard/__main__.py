"""`python -m benchmarks.dashboard`: measure, print the table, exit 1 when a target is missed."""

import argparse
import sys

from benchmarks.dashboard import measures
from benchmarks.terminal import report
from benchmarks.terminal.peers import BENCHMARKS, own_environment


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke version")
    parser.add_argument("--only", choices=measures.MEASURES, action="append", help="this one, may be given again")
    options = parser.parse_args()
    plan = measures.QUICK if options.quick else measures.Plan()
    results = []
    for name in options.only or measures.MEASURES:
        print(f"… {name}", file=sys.stderr, flush=True)
        results += measures.MEASURES[name](plan)
    print(report.table(results))
    path = BENCHMARKS / "results" / "dashboard.json"
    report.write(path, results, {"ours": own_environment()}, quick=options.quick)
    print(f"\nwritten to {path}")
    return 1 if report.below_floor(results) else 0


if __name__ == "__main__":
    sys.exit(main())
