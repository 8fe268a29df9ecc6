"""What `make coverage` makes of the numbers."""

from __future__ import annotations

from tests.coverage import REASONS, faults
from tests.paths import ROOT


def test_a_module_with_gaps_needs_a_reason_and_one_without_needs_none() -> None:
    percents = {"good.py": 90.0, "bad.py": 89.9, "excused.py": 50.0, "better.py": 95.0}
    reasons = {"excused.py": "needs another system", "better.py": "needed another system", "gone.py": "was here"}
    assert list(faults(percents, reasons)) == [
        "bad.py: 89.9 %, and no reason in tests/coverage.py says why",
        "better.py: 95.0 %, so its reason in tests/coverage.py is stale",
        "gone.py: there is no such module, but a reason",
    ]


def test_reasons_are_about_modules() -> None:
    assert [module for module in REASONS if not (ROOT / module).is_file()] == []
