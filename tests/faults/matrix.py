"""The table of cases: each a function of a bench, with what it needs and whether it is part of every test run."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from podplane_tui.backend import VMError
from tests.conftest import Workspace
from tests.faults.bench import Bench

Run = Callable[[Bench], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that goes wrong.

    `needs` are of `qemu` (the real one), `tiny` and `tiny-ssh` (the Linux guests), `root`, `namespace`
    and time (`long`).
    """

    group: str
    name: str
    run: Run
    needs: frozenset[str]
    quick: bool


CASES: list[Case] = []


def case(name: str, *, needs: str = "", quick: bool = False) -> Callable[[Run], Run]:
    """Put a function into the table; `needs` are words. Its module says which group it is in."""

    def add(run: Run) -> Run:
        group = run.__module__.rpartition(".cases_")[2]
        assert all(known.name != name for known in CASES), name
        CASES.append(Case(group, name, run, frozenset(needs.split()), quick))
        return run

    return add


def load_cases() -> None:
    """Import the modules whose names begin with `cases_`: that fills the table."""
    for module in sorted(Path(__file__).parent.glob("cases_*.py")):
        importlib.import_module(f"tests.faults.{module.stem}")


def run_case(case: Case, workspace: Workspace) -> None:
    """Run one case in an empty workspace, with all the checks."""
    bench = Bench(workspace)
    try:
        case.run(bench)
        bench.finish()
    finally:
        bench.close()


@contextlib.contextmanager
def refused(kind: type[VMError], word: str, *words: str) -> Iterator[None]:
    """Assert that the verb inside refuses with exactly this kind of error, in one printable line with these words."""
    with pytest.raises(kind) as caught:
        yield
    text = str(caught.value)
    assert type(caught.value) is kind
    assert text.isprintable(), f"not one showable line: {text!r}"
    for each in (word, *words):
        assert each in text, f"no {each!r} in: {text}"
