"""The command line as a program: what it prints where, its exit codes, and that bad input gets one clear line."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest

import podplane_tui.cli
from podplane_tui.backend.images.qcow2 import read_image
from tests.cli.support import ESCAPES, Call, assert_refused, files_below, make_disk, run
from tests.conftest import Workspace

# -- the program itself -----------------------------------------------------------------------------------------------


def test_version(workspace: Workspace) -> None:
    result = run(workspace, "--version")
    assert (result.returncode, result.stdout) == (0, f"podplane-tui {podplane_tui.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], ["frobnicate", "see podplane-tui --help"]),
        (["list", "--frobnicate"], ["--frobnicate", "see podplane-tui list --help"]),
        (["list", "surplus"], ["surplus", "see podplane-tui list --help"]),
        (["start", "--accel"], ["--accel", "requires an argument", "see podplane-tui start --help"]),
        (["stop", "--timeout", "soon"], ["--timeout", "soon", "see podplane-tui stop --help"]),
        (["stop", "--timeout", "-1"], ["--timeout", "-1", "range", "see podplane-tui stop --help"]),
        (["stop", "--timeout", "5", "--force"], ["--force", "--timeout", "see podplane-tui stop --help"]),
        (["start", "--monitor", "--console"], ["--monitor", "--console", "see podplane-tui start --help"]),
        (["start", "--kernel", "/bin/true"], ["--kernel and --initrd", "see podplane-tui start --help"]),
        (["start", "--initrd", "/bin/true"], ["--kernel and --initrd", "see podplane-tui start --help"]),
        (["start", "--cmdline", "quiet"], ["--cmdline", "--kernel and --initrd", "see podplane-tui start --help"]),
        (["start", "--kernel", "/nowhere", "--initrd", "/bin/true"], ["--kernel", "no file /nowhere"]),
        (["sync", "only-one"], ["sync FROM TO", "see podplane-tui sync --help"]),
        (["list", "--arch", "riscv64"], ["--arch", "riscv64", "amd64", "arm64"]),
        (["create", "--id", "dev", "--from", "a", "--disk-size", "1G"], ["--from", "--disk-size"]),
        (["demo", "--data-dir", "/tmp"], ["--data-dir", "see podplane-tui demo --help"]),
    ],
)
def test_wrong_usage_ends_with_2_and_names_what_is_wrong(
    workspace: Workspace, call: Call, arguments: list[str], words: list[str]
) -> None:
    assert_refused(call(*arguments), 2, *words)
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_error(workspace: Workspace) -> None:
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(
        [sys.executable, "-m", "podplane_tui", "doctor", "--json"],
        env=workspace.environment,
        stdout=write,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(write)
        assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_is_no_error(workspace: Workspace, encoding: str) -> None:
    make_disk(workspace)
    result = run(workspace, "list", environ={"PYTHONIOENCODING": encoding})
    assert result.returncode == 0
    assert "default" in result.stdout


def test_nothing_from_a_file_reaches_the_terminal_unescaped(workspace: Workspace, call: Call) -> None:
    """A hostile directory name ends up in every message and every path."""
    evil = Workspace(workspace.root / f"evil{ESCAPES}")
    evil.data.mkdir(parents=True)
    make_disk(evil).write_bytes(b"not an image")
    place = ["--data-dir", str(evil.data)]
    for arguments in (["list"], ["status"], ["list", "--json"], ["start"], ["doctor"], ["list", "--id", "none"]):
        result = call(*arguments, *place)
        for stream in (result.stdout, result.stderr):
            bad = [c for c in stream if not c.isprintable() and c != "\n"]
            assert bad == [], arguments


def test_ctrl_c_while_a_verb_is_still_loaded(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str) -> object:
        if name.endswith(".commands"):
            raise KeyboardInterrupt
        return importlib.import_module(name)

    monkeypatch.setattr(podplane_tui.cli, "import_module", load)
    assert podplane_tui.cli.run(["list"]) == 130
    assert capfd.readouterr().err == "podplane-tui: interrupted\n"


# -- closed streams ---------------------------------------------------------------------------------------------------


def run_without(workspace: Workspace, closed: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program with standard streams closed, as a shell says it."""
    script = f'exec "$@" {closed}'
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", sys.executable, "-m", "podplane_tui", *arguments],
        env=workspace.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_a_verb_does_its_work_without_standard_streams(workspace: Workspace) -> None:
    image = make_disk(workspace)
    result = run_without(workspace, "<&- >&- 2>&-", "grow", "2G")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert read_image(image).virtual_bytes == 2 * 2**30


@pytest.mark.slow
def test_what_nobody_can_read_is_no_error(workspace: Workspace) -> None:
    make_disk(workspace)
    result = run_without(workspace, ">&-", "list", "--json")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.slow
def test_nobody_is_asked_without_a_standard_input(workspace: Workspace) -> None:
    image = make_disk(workspace)
    assert_refused(run_without(workspace, "<&-", "delete"), 2, "--yes")
    assert image.exists()
