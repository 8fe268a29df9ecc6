"""The rules of the house: what is loaded when, what belongs where, and what does not belong."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Workspace
from tests.paths import ROOT, project_files

pytestmark = pytest.mark.slow

PACKAGE = ROOT / "podplane_tui"

TOP_LEVEL = {
    *(".ci", ".github", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "SECURITY.md"),
    *("benchmarks", "podplane_tui", "pyproject.toml", "screenshots", "styles", "tests"),
}


def modules_of(package: str) -> list[str]:
    """Return the names of all modules of a package of ours."""
    directory = ROOT / package.replace(".", "/")
    files = directory.rglob("*.py") if directory.is_dir() else [directory.with_suffix(".py")]
    return sorted(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files)


def loaded_by(statements: str, *, environment: dict[str, str] | None = None) -> set[str]:
    """Return the names in `sys.modules` after `statements` ran in a Python of their own; they may exit with 0."""
    program = (
        f"import json, sys\ntry:\n    {statements}\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    names: list[str] = json.loads(result.stdout.splitlines()[-1])
    return set(names)


@pytest.mark.parametrize(
    ("package", "other"),
    [("podplane_tui.backend", "podplane_tui.terminal"), ("podplane_tui.terminal", "podplane_tui.backend")],
)
def test_backend_and_terminal_know_neither_each_other_nor_the_interface(package: str, other: str) -> None:
    loaded = loaded_by(f"import {', '.join(modules_of(package))}")
    assert package in loaded
    assert not loaded & {"textual", "rich", other, "podplane_tui.tui", "podplane_tui.cli", "click"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["list"], ["list", "--json"], ["doctor", "--help"], ["serve", "--help"]]
)
def test_a_quick_verb_does_not_load_the_dashboard(workspace: Workspace, arguments: list[str]) -> None:
    loaded = loaded_by(
        f"sys.argv[1:] = {arguments}; from podplane_tui.cli import main; main()", environment=workspace.environment
    )
    assert "podplane_tui.cli" in loaded
    assert not loaded & {"textual", "rich"}


def test_the_dashboard_opens_without_what_its_first_frame_does_not_need() -> None:
    loaded = loaded_by("import podplane_tui.cli, podplane_tui.cli.dashboard, podplane_tui.tui.app")
    later = {"click", "paramiko", "pyte", "podplane_tui.terminal", "podplane_tui.tui.actions.dispatcher"}
    assert "podplane_tui.tui.screens.dashboard" in loaded
    assert not loaded & (later | {"psutil"} if sys.platform == "linux" else later)


@pytest.mark.parametrize("opens", ["podplane_tui.cli.dashboard, podplane_tui.tui.app", "podplane_tui.cli.tab_app"])
@pytest.mark.parametrize(("wish", "moments"), [(None, 120), ("30", 30)])
def test_a_dashboard_has_its_moments_to_paint_at_before_textual_is_imported(
    opens: str, wish: str | None, moments: int
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TEXTUAL_FPS"}
    if wish is not None:
        environment["TEXTUAL_FPS"] = wish
    program = f"import {opens}; from textual.constants import MAX_FPS; print(MAX_FPS)"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout == f"{moments}\n"


def test_top_level_holds_nothing_else() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in project_files()} <= TOP_LEVEL


def lines_with(pattern: str, files: Iterator[Path] | list[Path]) -> list[str]:
    """Return the places where a regular expression matches, as `file:line: text`."""
    expression = re.compile(pattern)
    return [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if expression.search(line)
    ]


def test_styles_use_the_themes_colours_and_no_force() -> None:
    assert not lines_with(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|\brgba?\(|\bhsla?\(|!important", (ROOT / "styles").iterdir())


def test_no_styles_in_code() -> None:
    files = {*(PACKAGE / "tui").rglob("*.py"), *(PACKAGE / "cli").rglob("*.py")} - {PACKAGE / "tui" / "theme.py"}
    assert not lines_with(r"""["']#[0-9a-fA-F]{3,8}["']|^\s*(DEFAULT_)?CSS\s*[:=]""", sorted(files))


def test_the_project_speaks_of_itself_only() -> None:
    # Paths of one machine, numbers of a tracker, and who or what typed it.
    pattern = r"/work/(main|shared)|\bissue [0-9]|\bA[I]\b|\bLL[M]\b|(?<!guest )(?<!-)\ba[g]ents?\b"
    texts = {".py", ".md", ".toml", ".tcss", ".sh", ""}
    data = {ROOT / "tests" / "recordings", ROOT / "tests" / "vectors", ROOT / "LICENSE"}
    files = [file for file in project_files() if file.suffix in texts and not data & {file, *file.parents}]
    assert len(files) > 20
    assert not lines_with(pattern, files)


def test_every_make_target_is_declared_and_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert targets == phony
    explained = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    assert targets - explained == {"help"}
