"""Which Pythons and which releases the tests run with besides those of `.venv`."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests import environments
from tests.paths import ROOT

OTHER = next(version for version in environments.VERSIONS if version != environments.OWN)


def a_python(path: Path, version: str, *, code: int = 0) -> Path:
    """Make a program that claims to be a Python of that version and ends with `code`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all of PATH that may hold a Python, with pyenv's versions in `pyenv`."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'first'}:{tmp_path / 'second'}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def test_the_python_that_runs_this_is_found(nowhere: Path) -> None:
    assert environments.find(environments.OWN) is not None


@pytest.mark.usefixtures("nowhere")
def test_a_version_that_is_nowhere_is_not_found() -> None:
    assert environments.find(OTHER) is None


def test_a_shim_that_runs_nothing_does_not_hide_the_python_behind_it(nowhere: Path) -> None:
    shim = a_python(nowhere / "first" / f"python{OTHER}", OTHER, code=127)
    assert environments.find(OTHER) is None
    real = a_python(nowhere / "second" / shim.name, OTHER)
    assert environments.find(OTHER) == real


def test_another_version_by_that_name_is_not_taken(nowhere: Path) -> None:
    a_python(nowhere / "first" / f"python{OTHER}", "3.9")
    assert environments.find(OTHER) is None


def test_of_pyenvs_patch_releases_the_newest_is_taken(nowhere: Path) -> None:
    for patch in ("2", "10", "9"):
        a_python(nowhere / "pyenv" / "versions" / f"{OTHER}.{patch}" / "bin" / f"python{OTHER}", OTHER)
    found = environments.find(OTHER)
    assert found is not None
    assert found.parts[-3] == f"{OTHER}.10"


def test_an_environment_is_out_of_date_when_what_it_is_made_of_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def recipe(*arguments: str, **changes: object) -> str:
        content = {"build-system": {}, "dependency-groups": {}, "project": {}, "tool": {}, **changes}
        monkeypatch.setattr(environments, "project", lambda: content)
        return environments.recipe(Path(sys.executable), arguments)

    before = recipe("--group", "dev")
    assert recipe("--group", "dev", tool={"ruff": {"line-length": 100}}) == before
    assert recipe("--group", "dev", project={"dependencies": ["click"]}) != before
    assert recipe("--group", "installs") != before


def test_every_dependency_has_its_lower_bound_among_the_constraints() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    constraints = environments.lower_bounds()
    assert "textual==8.2.5" in constraints
    names = {Requirement(constraint).name for constraint in constraints}
    declared = [*content["project"]["dependencies"], *content["project"]["optional-dependencies"]["serve"]]
    assert {Requirement(line).name for line in declared} <= names


@pytest.mark.parametrize("requirement", ["click", "click<9", "click~=8.1"])
def test_a_dependency_without_a_lower_bound_is_an_error(requirement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {
        "project": {"dependencies": [requirement], "optional-dependencies": {}},
        "dependency-groups": {"dev": []},
    }
    monkeypatch.setattr(environments, "project", lambda: content)
    with pytest.raises(ValueError, match="has no lower bound"):
        environments.lower_bounds()
