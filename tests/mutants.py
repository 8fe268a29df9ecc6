"""`make mutants`: whether the tests notice mistakes in the modules that decide without side effects.

    python -m tests.mutants [names of mutants, such as 'podplane_tui.backend.core.sizes.*']

mutmut makes one small mistake after the other in the modules that `[tool.mutmut]` of `pyproject.toml` names, and runs
the tests that get there. It works in a copy of the repository, in `.cache/mutants`: there `mutmut show NAME` tells what
a mutant changed. With names only those mutants are run again, and the results of the others stand.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from mutmut.stats import status_by_exit_code

from tests.paths import ROOT

WANTED = 85.0
"""Percent of the mutants of each module that its tests have to notice."""

COPY = ROOT / ".cache" / "mutants"
COPIED = ("podplane_tui", "styles", "tests", "pyproject.toml")

NOTICED = {"killed", "timeout", "segfault", "caught by type check"}


def _copy() -> None:
    """Bring the copy up to date."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *COPIED]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, COPY / name)


def _module_row(meta: Path) -> tuple[str, bool, list[str]]:
    """A module's line of the table, whether its tests noticed enough, and the mutants that lived."""
    results = {
        name: status_by_exit_code[code] for name, code in json.loads(meta.read_text())["exit_code_by_key"].items()
    }
    counts = Counter(status in NOTICED for status in results.values() if status != "skipped")
    total, killed = counts.total(), counts[True]
    percent = 100 * killed / total if total else 100.0
    module = meta.relative_to(COPY / "mutants").as_posix().removesuffix(".meta")
    lived = [f"{name}: {status}" for name, status in results.items() if status not in {*NOTICED, "skipped"}]
    return f"{total:7} {killed:6} {total - killed:8} {percent:6.1f} %  {module}", percent >= WANTED, lived


def main() -> int:
    if not sys.argv[1:] and COPY.is_dir():
        shutil.rmtree(COPY)  # mutmut would not notice that a test has changed
    _copy()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "2", *sys.argv[1:]]
    if subprocess.run(command, cwd=COPY, env=environment, check=False).returncode:
        return 1
    rows = [_module_row(meta) for meta in sorted((COPY / "mutants").rglob("*.meta"))]
    lines = [line for _, _, lived in rows for line in lived]
    lines += ["mutants killed survived", *(row for row, _, _ in rows)]
    sys.stdout.write("\n".join(lines) + "\n")
    return not all(enough for _, enough, _ in rows)


if __name__ == "__main__":
    sys.exit(main())
