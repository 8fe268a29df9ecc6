"""`python -m benchmarks.dashboard`: measure, print the table, exit 1 when a target is missed."""

import argparse
import sys

from benchmarks import report
from benchmarks.dashboard import measures


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
    return report.conclude("dashboard", results, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
