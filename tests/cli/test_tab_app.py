"""The dashboard of one browser tab, as a program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Workspace

pytestmark = pytest.mark.slow


def test_the_dashboard_of_a_tab_is_for_the_server_to_start(workspace: Workspace, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as output:
        result = subprocess.run(
            [sys.executable, "-m", "podplane_tui.cli.tab_app"],
            env=workspace.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 2
    assert "podplane-tui serve" in result.stderr
    assert (tmp_path / "out").read_text() == ""
