"""The rules of the house: what is loaded when, what the wheel holds, what belongs where, and what does not belong."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Workspace
from tests.paths import ROOT

pytestmark = pytest.mark.slow

PACKAGE = ROOT / "podplane_tui"

TOP_LEVEL = {
    *(".ci", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "pyproject.toml"),
    *("benchmarks", "podplane_tui", "screenshots", "styles", "tests"),
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


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network."""
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (file,) = directory.glob("*.whl")
    return file


def test_wheel_holds_the_package_its_styles_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    styles = {f"podplane_tui/styles/{sheet.name}" for sheet in (ROOT / "styles").glob("*.tcss")}
    assert styles
    page = {f"podplane_tui/web/page/{file.name}" for file in (PACKAGE / "web" / "page").iterdir()}
    assert page
    json_output = {f"podplane_tui/cli/json_output.{suffix}" for suffix in ("md", "schema.json")}
    assert {*styles, *page, *json_output, "podplane_tui/py.typed", "podplane_tui/__main__.py"} <= set(names)
    assert len(names) == len(set(names))
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"podplane_tui"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_installed_wheel_finds_its_styles(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    install = ["install", "--quiet", "--no-index", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True, timeout=60)
    program = "from podplane_tui.tui.styles import stylesheets; print(*stylesheets(), sep='\\n')"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target)},
        check=True,
        capture_output=True,
        text=True,
    )
    found = {Path(line) for line in result.stdout.splitlines()}
    assert found == {target / "podplane_tui" / "styles" / sheet.name for sheet in (ROOT / "styles").glob("*.tcss")}


def project_files() -> list[Path]:
    """Return the files that are in the repository or would be with the next `git add`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in result.stdout.split("\0") if name and (path := ROOT / name).is_file()]


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
