"""Opening the dashboard: where it is refused."""

from __future__ import annotations

import gc
import io
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest

from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.cli.context import Choices
from podplane_tui.cli.dashboard import make_app, require_terminal
from tests.cli.support import Call, assert_refused, files_below, make_disk
from tests.conftest import Workspace


@pytest.mark.parametrize("arguments", [[], ["--id", "dev"]])
def test_no_dashboard_without_a_terminal(call: Call, arguments: list[str]) -> None:
    assert_refused(call(*arguments), 2, "terminal")
    assert gc.isenabled()  # for the tests after this one


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_every_stream_has_to_be_the_terminals(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    ours, theirs = os.openpty()
    with open(theirs, "r+b", buffering=0) as raw, (Path(os.devnull)).open() as nothing:  # noqa: PTH123
        terminal = io.TextIOWrapper(raw)
        for stream in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, stream, terminal)
        require_terminal()
        monkeypatch.setattr(sys, name, nothing)
        with pytest.raises(click.UsageError, match="needs a terminal: use list, status"):
            require_terminal()
        monkeypatch.undo()
        terminal.detach()
    os.close(ours)


@pytest.fixture
def choices(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Choices:
    """The workspace's place, with which everything is found."""
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    return Choices(data_dir=workspace.data, runtime_dir=workspace.runtime, arch="arm64")


def test_the_dashboard_is_about_the_place_chosen(workspace: Workspace, choices: Choices) -> None:
    make_disk(workspace, "dev")
    app = make_app(choices, in_terminal=False)
    assert (app.data_dir, app.runtime_dir, app.arch) == (workspace.data, workspace.runtime, "arm64")
    assert files_below(workspace.data) == ["vms", "vms/podplane-local-dev.amd64.image.qcow2"]


def test_an_id_that_is_none_is_refused_before_the_dashboard_is_made(choices: Choices) -> None:
    with pytest.raises(InvalidInput, match="cluster id 'Upper'"):
        make_app(replace(choices, cluster_id="Upper"), in_terminal=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[dashboard]\ntheme = 'nrod'\n", "no theme 'nrod'"),
        ("[keys]\nvm.strat = 's'\n", "use an id such as vm.start"),
        ("[dashboard\n", "not valid TOML"),
    ],
)
def test_a_wrong_configuration_opens_no_dashboard(
    workspace: Workspace, choices: Choices, text: str, words: str
) -> None:
    path = workspace.root / "config" / "podplane-tui" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(InvalidInput, match=words):
        make_app(choices, in_terminal=False)


@pytest.mark.slow
@pytest.mark.parametrize(("leave", "code"), [("pass", 0), ("app.exit(return_code=3)", 3)])
def test_the_dashboards_exit_code_is_passed_on(leave: str, code: int) -> None:
    assert ended_dashboard(leave).returncode == code


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP])
def test_a_signal_ends_the_dashboard_as_a_key_does(number: signal.Signals) -> None:
    result = ended_dashboard(f"os.kill(os.getpid(), {int(number)}); await left.wait()")
    assert result.returncode == 128 + number
    assert result.stdout == ("" if number is signal.SIGHUP else "left in order\n")


CONTINUED = "signal.signal(signal.SIGCONT, lambda *_: print('on the terminal again', flush=True))"
"""As Textual does, which then starts its threads again."""


def test_a_dashboard_that_has_ended_does_not_come_back_to_the_terminal() -> None:
    result = ended_dashboard(CONTINUED, after="os.kill(os.getpid(), signal.SIGCONT)")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_terminal_that_hangs_up_does_not_bring_back_a_dashboard_that_is_ending() -> None:
    """It sends SIGHUP and SIGCONT at once; the threads of the one that came back read from nothing, for ever."""
    both = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP, signal.SIGCONT])"
    both += "; os.kill(os.getpid(), signal.SIGCONT); os.kill(os.getpid(), signal.SIGHUP)"
    both += "; signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP, signal.SIGCONT])"
    told = "os.set_blocking(told[0], False)"
    wrote = CONTINUED.replace("print('on the terminal again', flush=True)", "os.write(told[1], b'again')")
    heard = "assert os.read(told[0], 9) == b'heard'"
    result = ended_dashboard(
        f"told = os.pipe(); {told}; {wrote}; {both}; await left.wait(); os.write(told[1], b'heard'); {heard}"
    )
    assert result.returncode == 128 + signal.SIGHUP


def test_what_is_still_being_finished_is_said() -> None:
    result = ended_dashboard("app.finishing = ['making the disk']")
    assert result.stderr == "podplane-tui ends when this is done: making the disk\n"


def ended_dashboard(doing: str, *, after: str = "") -> subprocess.CompletedProcess[str]:
    """`show` in a process of its own, whose app does `doing`: in this one it would change what signals do."""
    program = f"""
import asyncio, os, signal, sys
from podplane_tui.cli.dashboard import show
left = asyncio.Event()
class App:
    finishing, parting_words, return_code = [], [], None
    def exit(self, return_code=None):
        self.return_code = return_code
        left.set()
    async def run_async(self):
        {doing}
        if left.is_set():
            print("left in order", flush=True)
app = App()
code = show(app)
{after}
sys.exit(code)
"""
    return subprocess.run(
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
