"""Processes that run modules of ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

from podplane_tui.backend.host.python import python_command

PACKAGE = Path(__file__).parents[3] / "podplane_tui"


def test_a_module_in_the_current_directory_is_not_executed(tmp_path: Path) -> None:
    (tmp_path / "this.py").write_text("raise SystemExit('executed')")
    done = subprocess.run(python_command("this"), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Zen" in done.stdout


def test_arguments_follow_the_module() -> None:
    assert python_command("module", "--one", "two")[1:] == ["-P", "-m", "module", "--one", "two"]


def test_nobody_else_starts_a_python() -> None:
    named = [str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if "sys.executable" in path.read_text()]
    assert named == ["backend/host/python.py"]
