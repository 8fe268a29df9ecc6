"""What users install: what the wheel and the sdist hold, and that what pip, pipx and uv make of them works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import podplane_tui
from tests.cli.json_schema import check_output
from tests.cli.support import Terminal
from tests.conftest import Workspace
from tests.environments import CACHE, OWN, OWN_VARIABLES, environment, find
from tests.paths import ROOT, project_files

PACKAGE = ROOT / "podplane_tui"


def build(source: Path, directory: Path, *kinds: str) -> None:
    """Build `wheel` or `sdist` from a source directory, without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(directory)]
    targets = [word for kind in kinds for word in ("-t", kind)]
    subprocess.run([*command, *targets], cwd=source, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the sdist, built where nothing but the repository's files is."""
    checkout = tmp_path_factory.mktemp("checkout")
    for file in project_files():
        target = checkout / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    directory = tmp_path_factory.mktemp("built")
    build(checkout, directory, "wheel", "sdist")
    return directory


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (file,) = built.glob("*.whl")
    return file


@pytest.fixture(scope="session")
def sdist(built: Path) -> Path:
    (file,) = built.glob("*.tar.gz")
    return file


@pytest.mark.slow
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


@pytest.mark.slow
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


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.slow
def test_the_sdist_builds_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    build(source, tmp_path / "built", "wheel")
    (file,) = (tmp_path / "built").iterdir()
    assert contents(file) == contents(wheel)


@pytest.mark.slow
def test_the_sdist_holds_what_its_makefile_runs(sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    makefile = (source / "Makefile").read_text()
    scripts = {source / name for name in re.findall(r"\.ci/\w+", makefile)}
    assert scripts
    assert {file for file in scripts if not os.access(file, os.X_OK)} == set()
    packages = tomllib.loads((source / "pyproject.toml").read_text())["tool"]["mypy"]["files"]
    assert {name for name in packages if not (source / name).is_dir()} == set()
    modules = [source.joinpath(*name.split(".")) for name in re.findall(r"python -m ([\w.]+)", makefile)]
    assert modules
    assert [at for at in modules if not at.with_suffix(".py").is_file() and not (at / "__main__.py").is_file()] == []


# The rest needs the package index.


@pytest.fixture(scope="session")
def tools() -> Path:
    """A directory with the programs pipx and uv."""
    python = find(OWN)
    assert python is not None
    return environment(CACHE / "installs", python, "--group", "installs").parent


def with_pip(artifact: Path, root: Path, tools: Path, environ: dict[str, str]) -> Path:
    subprocess.run([find(OWN) or "", "-m", "venv", root / "venv"], env=environ, check=True)
    subprocess.run([root / "venv" / "bin" / "pip", "install", "--quiet", artifact], env=environ, check=True)
    return root / "venv" / "bin"


def with_pipx(artifact: Path, root: Path, tools: Path, environ: dict[str, str]) -> Path:
    places = {"PIPX_HOME": str(root / "pipx"), "PIPX_BIN_DIR": str(root / "bin"), "PIPX_MAN_DIR": str(root / "man")}
    command = [str(tools / "pipx"), "install", "--python", str(find(OWN)), str(artifact)]
    subprocess.run(command, env={**environ, **places}, check=True)
    return root / "bin"


def with_uv(artifact: Path, root: Path, tools: Path, environ: dict[str, str]) -> Path:
    places = {"UV_TOOL_DIR": str(root / "tools"), "UV_TOOL_BIN_DIR": str(root / "bin")}
    options = ["--no-config", "--no-python-downloads", "--python", str(find(OWN))]
    subprocess.run(
        [str(tools / "uv"), "tool", "install", *options, str(artifact)], env={**environ, **places}, check=True
    )
    return root / "bin"


@pytest.mark.installs
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
@pytest.mark.parametrize("install", [with_pip, with_pipx, with_uv])
def test_what_is_installed_works(
    install: Callable[[Path, Path, Path, dict[str, str]], Path],
    kind: str,
    *,
    tools: Path,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    artifact: Path = request.getfixturevalue(kind)
    # The only package that is found is the installed one, and pip's warnings are its own affair.
    for name in OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    downloads = {"PIP_CACHE_DIR": str(CACHE / "downloads" / "pip"), "UV_CACHE_DIR": str(CACHE / "downloads" / "uv")}
    program = install(artifact, tmp_path / "installed", tools, {**workspace.environment, **downloads}) / "podplane-tui"

    def output(*arguments: str) -> str:
        command = [str(program), *arguments]
        return subprocess.run(command, env=workspace.environment, check=True, capture_output=True, text=True).stdout

    assert podplane_tui.__version__ in output("--version")
    listed = output("list", "--json")
    check_output(("list", "--json"), 0, listed)
    assert json.loads(listed)["vms"] == []
    assert "podplane-tui" in output("completion", "bash")
    terminal = Terminal(workspace, program=(str(program),))
    terminal.wait_for("No VMs here yet")
    terminal.type("q")
    assert terminal.end() == 0
