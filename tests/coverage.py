"""`make coverage`: which lines and branches of the package the tests run, subprocesses included.

    python -m tests.coverage [--without-vms]

It fails when a test does, below `WANTED` in total, and for a module below that which has no reason in `REASONS`, or a
reason without need. Without the tests that need VMs only the tests and the total count.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping

from tests.paths import ROOT

WANTED = 90.0
"""Percent of lines and branches."""

REASONS: Mapping[str, str] = {}
"""Module below `WANTED` → why more can't be measured, or is not worth a test."""

TESTS = ("-n", "3", "--dist", "loadgroup", "-o", "timeout=900")
"""As `make test` runs them, but more patient: measuring makes them slower."""

WITHOUT_VMS = ("-m", "not vm and not tmux")


def faults(percents: Mapping[str, float], reasons: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the modules that have these percentages, a line for each."""
    for module, percent in percents.items():
        if percent < WANTED and module not in reasons:
            yield f"{module}: {percent:.1f} %, and no reason in tests/coverage.py says why"
        if percent >= WANTED and module in reasons:
            yield f"{module}: {percent:.1f} %, so its reason in tests/coverage.py is stale"
    yield from (f"{module}: there is no such module, but a reason" for module in reasons.keys() - percents.keys())


def _coverage(*arguments: str) -> int:
    """Run coverage.py in the repository, and give its exit code."""
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False).returncode


def _report() -> tuple[float, dict[str, float], list[str]]:
    """The total, the percentage of each module, and a line for each that has gaps, the largest last."""
    file = ROOT / ".cache" / "coverage" / "report.json"
    if _coverage("combine", "-q") or _coverage("json", "-q", "-o", str(file)):
        sys.exit("coverage.py has measured nothing")
    report = json.loads(file.read_text())
    gaps = []
    for module, found in report["files"].items():
        numbers = found["summary"]
        lines, branches, percent = (numbers[key] for key in ("missing_lines", "missing_branches", "percent_covered"))
        if lines or branches:
            row = f"{lines:6} {branches:9} {percent:6.1f} %  {module}"
            gaps.append((lines + branches, f"{row}  ({REASONS[module]})" if module in REASONS else row))
    percents = {module: found["summary"]["percent_covered"] for module, found in report["files"].items()}
    return report["totals"]["percent_covered"], percents, [line for _, line in sorted(gaps)]


def main() -> int:
    without_vms = "--without-vms" in sys.argv[1:]
    _coverage("erase")
    failed = _coverage("run", "-m", "pytest", *TESTS, *(WITHOUT_VMS if without_vms else ()))
    total, percents, gaps = _report()
    wrong = [] if without_vms else list(faults(percents, REASONS))
    if total < WANTED:
        wrong.append(f"{total:.1f} % in total: it should be {WANTED:.0f} % or more")
    if failed:
        wrong.append("tests failed")
    sys.stdout.write("\n".join(["missed: lines, branches", *gaps, f"{total:23.1f} %  in total", *wrong, ""]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
