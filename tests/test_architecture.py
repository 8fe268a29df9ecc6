"""The packages: what the import contracts of `pyproject.toml` can't see, and that the tests mirror them."""

from __future__ import annotations

import ast
import os
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from podplane_tui import backend
from podplane_tui.cli.commands import VERBS
from podplane_tui.tui.app import WANTED_SOON
from podplane_tui.tui.widgets.tabs import TABS
from tests.paths import ROOT

PACKAGE = ROOT / "podplane_tui"
TESTS = ROOT / "tests"

CLI = "podplane_tui.cli"
TABS_MODULE = "podplane_tui.tui.widgets.tabs"

BY_NAME = {
    "podplane_tui.backend": {f"podplane_tui.backend.{module}" for module in backend.PUBLIC_NAMES},
    CLI: {f"{CLI}.dashboard", f"{CLI}.commands", f"{CLI}.errors"},
    f"{CLI}.commands": {f"{CLI}.{module}" for module, _ in VERBS.values()},
    f"{CLI}.serve": {f"{CLI}.tab_app"},  # as a program: a process for each tab
    "podplane_tui.backend.workspace": {"podplane_tui.backend.workspace"},  # its keeper, as a program
    "podplane_tui.tui.app": {name for name in WANTED_SOON if name.startswith("podplane_tui.")},
    TABS_MODULE: {f"podplane_tui.tui.widgets.{tab.module}" for tab in TABS.values()},
}
"""Module → the modules of ours that it imports or runs by name."""


def packages() -> list[str]:
    """All packages, by their dotted names."""
    files = sorted(PACKAGE.rglob("__init__.py"))
    return [".".join(file.parent.relative_to(ROOT).parts) for file in files]


def module_file(name: str) -> Path:
    path = ROOT / name.replace(".", os.sep)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def contracts(kind: str) -> list[dict[str, Any]]:
    """The import contracts of that type."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return [contract for contract in linter["contracts"] if contract["type"] == kind]


def layers(container: str) -> list[list[str]]:
    """The layers of a package, the highest first, each with the names of its modules."""
    [contract] = [contract for contract in contracts("layers") if contract["containers"] == [container]]
    assert contract["exhaustive"] is True
    return [[name.strip().strip("()") for name in layer.split("|")] for layer in contract["layers"]]


def is_above(importer: str, imported: str) -> bool:
    """Whether the contracts let `importer` import `imported`. A package may import what it consists of."""
    if f"{imported}.".startswith(f"{importer}."):
        return True
    here, there = importer.split("."), imported.split(".")
    depth = next(place for place, names in enumerate(zip(here, there, strict=False)) if len(set(names)) > 1)
    ranks = {name: rank for rank, layer in enumerate(layers(".".join(here[:depth]))) for name in layer}
    return ranks[here[depth]] < ranks[there[depth]]


def test_every_package_has_a_contract_for_its_layers() -> None:
    assert sorted(container for contract in contracts("layers") for container in contract["containers"]) == packages()


@pytest.mark.parametrize("package", packages())
def test_every_package_says_what_lives_in_it(package: str) -> None:
    words = " ".join((ast.get_docstring(ast.parse(module_file(package).read_text())) or "").split())
    assert package == "podplane_tui" or ("What lives here: " in words and "What may not: " in words)


def by_name_sites() -> Iterator[str]:
    """Yield the modules that import, or run with `python_command`, what no import statement of theirs names."""
    for file in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(file.read_text())):
            used = ast.unparse(node).rpartition(".")[2] if isinstance(node, ast.Name | ast.Attribute) else ""
            if used in {"import_module", "__import__", "run_module", "python_command"}:
                yield name


@pytest.mark.slow
def test_imports_by_name_are_known() -> None:
    assert set(by_name_sites()) == BY_NAME.keys()


@pytest.mark.parametrize("importer", BY_NAME)
def test_imports_by_name_go_down_the_layers(importer: str) -> None:
    assert BY_NAME[importer]
    for imported in BY_NAME[importer]:
        assert module_file(imported).is_file(), imported
        assert is_above(importer, imported), f"{importer} imports {imported}"


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("podplane_tui.backend.vm.cluster", "podplane_tui.backend.core.errors", True),
        ("podplane_tui.backend.core.errors", "podplane_tui.backend.vm.cluster", False),
        ("podplane_tui.backend.ssh.client", "podplane_tui.backend.qemu.qmp", False),  # beside each other
        ("podplane_tui.backend", "podplane_tui.backend.vm.cluster", True),
        ("podplane_tui.terminal.input", "podplane_tui.backend.core.text", False),
        ("podplane_tui.cli.logs", "podplane_tui.cli.inspect", True),
    ],
)
def test_the_contracts_are_read_as_meant(importer: str, imported: str, *, allowed: bool) -> None:
    assert is_above(importer, imported) is allowed


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_where_the_table_says(verb: str) -> None:
    module, name = VERBS[verb]
    assert isinstance(getattr(import_module(f"{CLI}.{module}"), name), click.Command)


@pytest.mark.parametrize("tab", TABS.values(), ids=TABS)
def test_every_tab_is_where_the_table_says(tab: Any) -> None:
    assert hasattr(import_module(f"podplane_tui.tui.widgets.{tab.module}"), tab.panel)


# tests/ mirrors the package: a test module for each module, at its place.

MIRRORED = ("backend", "cli", "terminal", "tui", "web")

WHOLE = {
    "backend/test_public_names.py": "what the package gives, and what it imports for that",
    "cli/test_cli.py": "the program itself: exit codes, help, streams",
    "cli/test_vm.py": "one real VM through many verbs",
    "terminal/test_bounds.py": "time and memory of the whole emulator",
    "terminal/test_hostile.py": "what the worst inputs cost the core, in cells",
    "terminal/test_programs.py": "real programs beside tmux",
    "terminal/test_properties.py": "properties of the whole emulator",
    "tui/snapshots/test_snapshots.py": "pictures of whole screens",
    "tui/test_few_colors.py": "the whole dashboard in 16 colours and in none",
    "tui/test_late_threads.py": "threads that end when nobody waits for them any more",
    "tui/test_live.py": "the whole dashboard with real VMs",
    "tui/test_start.py": "what the dashboard imports before its first frame",
    "tui/widgets/console/test_guest.py": "the Console tab with a real guest",
}
"""Test modules that follow one thing through many modules, and what that is."""

ELSEWHERE = {
    "__main__.py": ("cli/test_cli.py", "starts the program, as every test of it does"),
    "backend/vm/protocol.py": ("backend/vm/test_manager.py", "a protocol, which `Qemu` is held to"),
    "cli/context.py": ("cli/test_options.py", "values that options end up in"),
    "terminal/state.py": ("terminal/screen/test_modes.py", "values that the screen's modes are told by"),
    "tui/actions/host.py": ("tui/actions/test_dispatcher.py", "protocols, which the app is held to"),
    "tui/messages.py": ("tui/screens/test_dashboard.py", "messages without logic, sent and handled there"),
}
"""Modules without a test module of their own: where they are tested, and why there."""


def test_every_module_has_a_test_module_or_a_reason() -> None:
    modules = {file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py") if file.name != "__init__.py"}
    mirrored = {module for module in modules if (TESTS / module).with_name(f"test_{Path(module).name}").is_file()}
    assert modules - mirrored == ELSEWHERE.keys()


def test_every_test_module_is_about_a_module_or_something_whole() -> None:
    found = {file.relative_to(TESTS).as_posix() for folder in MIRRORED for file in (TESTS / folder).rglob("test_*.py")}
    about = {test for test in found if (PACKAGE / test).with_name(Path(test).name.removeprefix("test_")).is_file()}
    assert found - about == WHOLE.keys()


def test_what_is_tested_elsewhere_is_tested_there() -> None:
    assert [test for test, _ in ELSEWHERE.values() if not (TESTS / test).is_file()] == []
