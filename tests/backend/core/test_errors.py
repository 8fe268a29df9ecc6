"""The tree of errors: two parts, and types to decide by."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from podplane_tui import backend
from podplane_tui.backend.core import errors
from podplane_tui.backend.core.errors import CommandFailed, VMError
from tests.paths import ROOT


def kinds(kind: type[VMError] = VMError) -> Iterator[type[VMError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from kinds(child)


def made(kind: type[VMError], problem: str, hint: str) -> VMError:
    return kind(problem, exit_code=3, hint=hint) if issubclass(kind, CommandFailed) else kind(problem, hint=hint)


@pytest.mark.parametrize("kind", list(dict.fromkeys(kinds())))
def test_an_error_has_two_parts_and_tells_both(kind: type[VMError]) -> None:
    error = made(kind, "no port 70000", "use 1 to 65535")
    assert (error.problem, error.hint) == ("no port 70000", "use 1 to 65535")
    assert str(error) == "no port 70000: use 1 to 65535"
    assert str(made(kind, "alone", "")) == "alone"
    assert str(made(kind, "start: no disk", "create it")) == "start: no disk; create it"


def test_errors_of_use_to_scripts_are_public() -> None:
    ours = {kind.__name__ for kind in kinds() if kind.__module__ == errors.__name__}
    assert ours - set(backend.__all__) == {"SnapshotNotFound"}


def looks_into_words(node: ast.AST) -> bool:
    """Whether `node` compares the words of an error, or takes them apart."""
    told: ast.AST | None = None
    if isinstance(node, ast.Compare):
        told = node.comparators[0]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        parts = {"replace", "partition", "rpartition", "split", "startswith", "endswith", "removeprefix"}
        told = node.func.value if node.func.attr in parts else None
    return told is not None and ast.unparse(told) in {"str(error)", "str(err)", "str(exc)"}


def test_nobody_decides_by_the_words_of_an_error() -> None:
    found = {
        f"{file.relative_to(ROOT)}: {ast.unparse(node)}"
        for file in (ROOT / "podplane_tui").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if looks_into_words(node)
    }
    assert found == {
        "podplane_tui/backend/vm/watch.py: self._waiting_for != str(error)",  # said already?
        # watchfiles has one type for all that can go wrong, and no other sign of a name that is not UTF-8.
        "podplane_tui/backend/vm/watch.py: 'decode path' not in str(error)",
    }
