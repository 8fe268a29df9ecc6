"""`python -m tests.faults [pytest's arguments]`: all cases, and in the end the table with counts."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest


class Table:
    """Collects what became of every case."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, float, str]] = {}
        self._begun = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest for set-up, call and tear-down of every test."""
        name = report.nodeid.partition("test_fault[")[2].removesuffix("]")
        if not name or (report.passed and report.when != "call"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        seconds = report.duration + self.rows.get(name, ("", 0.0, ""))[1]
        self.rows[name] = (report.outcome, seconds, str(reason).removeprefix("Skipped: "))

    def text(self) -> str:
        """The table, by group, with the counts below."""
        from tests.faults.cases_crash import SEED
        from tests.faults.matrix import CASES

        lines = []
        for group in sorted({case.group for case in CASES}):
            cases = [case for case in CASES if case.group == group and case.name in self.rows]
            if cases:
                lines += ["", group]
            for case in cases:
                outcome, seconds, reason = self.rows[case.name]
                sign = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[outcome]
                kind = "real QEMU" if "qemu" in case.needs else "stand-in"
                lines.append(f"  {sign} {seconds:6.1f} s  {kind:9}  {case.name}{f' ({reason})' if reason else ''}")
        counts = {
            outcome: sum(row[0] == outcome for row in self.rows.values()) for outcome in ("passed", "failed", "skipped")
        }
        lines += ["", ", ".join(f"{count} {outcome}" for outcome, count in counts.items())]
        lines[-1] += f" of {len(CASES)} cases in {time.monotonic() - self._begun:.0f} s; seed of the kills: {SEED}"
        return "\n".join(lines)


def main() -> int:
    table = Table()
    arguments = ["-q", "--no-header", "-m", "faults or not faults", str(Path(__file__).parent), *sys.argv[1:]]
    code = pytest.main(arguments, plugins=[table])
    sys.stdout.write(table.text() + "\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
