"""The table and the JSON file."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.peers import BENCHMARKS, Environment, own_environment
from benchmarks.result import TIMES, Result, Verdict

RESULTS = BENCHMARKS / "results"
COLUMNS = ("measure", "against", "ours", "floor", "goal", "verdict")


def conclude(
    part: str, results: Sequence[Result], *, quick: bool, environments: Mapping[str, Environment] | None = None
) -> int:
    """Print the table of a part, write its JSON file, and give the exit status: 1 when a target is missed."""
    print(table(results))
    path = RESULTS / f"{part}.json"
    _write(path, results, environments or {"ours": own_environment()}, quick=quick)
    print(f"\nwritten to {path}")
    return 1 if any(result.verdict is Verdict.BELOW for result in results) else 0


def table(results: Sequence[Result]) -> str:
    """All results as a text table; what could not be measured says why."""
    return text_table([_row(result) for result in results])


def text_table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of `COLUMNS` as a text table."""
    rows = [COLUMNS, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _row(result: Result) -> tuple[str, ...]:
    target = result.target
    limits = (figure(target.floor, result.unit), figure(target.goal, result.unit)) if target is not None else ("", "")
    verdict = f"{result.verdict}: {result.note}" if result.note else str(result.verdict)
    return result.measure, result.against, figure(result.value, result.unit), *limits, verdict


def figure(value: float | None, unit: str) -> str:
    """A value with its unit, `-` for none."""
    if value is None:
        return "-"
    return f"{value:.3g}{unit}" if unit == TIMES else f"{value:.3g} {unit}"


def _write(path: Path, results: Sequence[Result], environments: Mapping[str, Environment], *, quick: bool) -> None:
    """Everything measured, with the versions and the kind of machine, as JSON."""
    content = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": {
            "system": platform.system(),
            "release": platform.release(),
            "machine": platform.machine(),
            "processors": os.cpu_count(),
            "load": os.getloadavg(),
        },
        "python": platform.python_version(),
        "environments": {name: dict(item.versions) for name, item in environments.items()},
        "not installed": {name: item.reason for name, item in environments.items() if item.python is None},
        "results": [
            {
                "measure": result.measure,
                "against": result.against,
                "value": result.value,
                "unit": result.unit,
                "floor": result.target.floor if result.target else None,
                "goal": result.target.goal if result.target else None,
                "verdict": result.verdict,
                "note": result.note,
                "detail": dict(result.detail),
            }
            for result in results
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
