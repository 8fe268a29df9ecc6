"""`demo`: what it refuses before it makes anything."""

from __future__ import annotations

import pytest

from tests.cli.support import Call, assert_refused, files_below
from tests.conftest import Workspace


def test_no_demo_without_a_terminal(call: Call) -> None:
    assert_refused(call("demo"), 2, "terminal")


@pytest.mark.parametrize("option", ["--data-dir", "--runtime-dir", "--state-dir"])
def test_the_demo_takes_no_directory(workspace: Workspace, call: Call, option: str) -> None:
    assert_refused(call("demo", option, str(workspace.root)), 2, "directories of its own")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--id", "Upper"], "cluster id 'Upper'"),
        (["--kernel", "/bin/true"], "--kernel and --initrd go together"),
        (["--cmdline", "quiet"], "--cmdline is for a kernel"),
    ],
)
def test_wrong_options_are_told_before_anything_is_made(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.setattr("podplane_tui.cli.dashboard.require_terminal", lambda: None)
    assert_refused(call("demo", *options), 2, words)
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]
