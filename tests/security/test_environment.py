"""The program in a hostile current directory, and without a home directory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import Terminal
from tests.conftest import Workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A directory whose Python modules leave a file `executed` there."""
    code = f"open({str(tmp_path / 'executed')!r}, 'w').close()\nraise SystemExit('executed')\n"
    for name in ("podplane_tui/__init__.py", "click.py", "tempfile.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
    return tmp_path


def without_home(workspace: Workspace) -> dict[str, str]:
    """The workspace's environment, reduced to what has to be there."""
    kept = {name: value for name, value in workspace.environment.items() if name.startswith("XDG_") or name == "PATH"}
    return {**kept, "PYTHONPATH": str(ROOT), "PODPLANE_TUI_ACCEL": "tcg"}


@pytest.mark.slow
def test_a_throw_away_workspace_executes_nothing_from_the_current_directory(trap: Path) -> None:
    code = "from podplane_tui.backend.workspace import throw_away_workspace as make\nwith make() as w: print(w.root)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=trap,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(trap)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "podplane-demo-" in done.stdout
    assert not (trap / "executed").exists()


@pytest.mark.slow
def test_python_m_imports_nothing_else_from_the_current_directory(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "click.py").write_text("raise SystemExit('executed')\n")
    done = subprocess.run(
        [sys.executable, "-m", "podplane_tui", "--version"],
        cwd=tmp_path,
        env=without_home(workspace),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["list", "--json"], ["doctor"], ["server"], ["keys"]])
def test_verbs_need_no_home_directory_where_variables_name_the_places(
    workspace: Workspace, arguments: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "podplane_tui", *arguments],
        env=without_home(workspace),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout


@pytest.mark.slow
def test_without_any_place_it_says_what_to_set() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "podplane_tui", "list"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "podplane-tui: no home directory is set: set HOME, or XDG_DATA_HOME\n"


@pytest.mark.vm
@pytest.mark.usefixtures("require_qemu")
def test_the_demo_runs_without_a_home_directory_in_a_hostile_one(workspace: Workspace, trap: Path) -> None:
    assignments = [f"{name}={value}" for name, value in without_home(workspace).items()]
    command = ["/usr/bin/env", "-C", str(trap), "-i", "TERM=xterm", *assignments]
    terminal = Terminal(workspace, program=[*command, sys.executable, "-P", "-m", "podplane_tui", "demo"])
    terminal.wait_for("demo.*running")
    terminal.wait_for("Shell>")
    terminal.type("q")
    assert terminal.end() == 0, terminal.text[-3000:]
    assert not (trap / "executed").exists()
