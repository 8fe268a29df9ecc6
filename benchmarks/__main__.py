"""`python -m benchmarks`: all benchmarks in one run, one table, one JSON file; exit 1 when a target is missed."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from benchmarks import report
from benchmarks.result import Verdict

PARTS = ("terminal", "dashboard", "sync", "shell", "boot")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke version")
    options = parser.parse_args()
    found: dict[str, object] = {}
    rows: list[tuple[str, ...]] = []
    failed = False
    for part in PARTS:
        path = report.RESULTS / f"{part}.json"
        path.unlink(missing_ok=True)
        command = [sys.executable, "-m", f"benchmarks.{part}", *(["--quick"] if options.quick else [])]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if not path.exists():
            rows.append((part, "", "-", "", "", f"ended with {done.returncode} and measured nothing"))
            failed = True
            continue
        content = json.loads(path.read_text())
        found[part] = content
        for result in content["results"]:
            figures = (report.figure(result[name], result["unit"]) for name in ("value", "floor", "goal"))
            words = result["verdict"] + (f": {result['note']}" if result["note"] else "")
            rows.append((result["measure"], result["against"], *figures, words))
            failed = failed or result["verdict"] == Verdict.BELOW
    print(report.text_table(rows))
    (report.RESULTS / "all.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    print(f"\nwritten to {report.RESULTS / 'all.json'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
