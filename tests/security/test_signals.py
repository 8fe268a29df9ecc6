"""Signals from outside, on real terminals and with a real QEMU: the terminal is itself again, the console released."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.qemu.qmp import ControlSocket, console_client_connected
from podplane_tui.backend.runtime.pidfile import PIDFile
from tests.backend.console.terminal_child import TerminalChild, run_on_terminal
from tests.conftest import Workspace
from tests.waiting import wait_until

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("require_qemu")]

LIMIT = 120.0
RESTORED = (b"\x1b[?1049l", b"\x1b[?2004l", b"\x1b[?1000l", b"\x1b[?1004l", b"\x1b[?25h", b"\x1b[<u")
"""Main screen, no bracketed paste, no mouse, no focus reports, cursor visible, kitty keyboard protocol off."""


@contextmanager
def on_terminal(workspace: Workspace, *arguments: str) -> Iterator[TerminalChild]:
    """The program under a shell that has job control, as everybody has it."""
    environment = [f"{name}={value}" for name, value in workspace.environment.items()]
    shell = ["env", *environment, "TERM=xterm-256color", "bash", "--norc", "--noprofile", "--noediting", "-i"]
    with run_on_terminal(shell) as child:
        child.expect(b"bash-")
        child.type(b"PS1='rea''dy> '\r")
        child.expect(b"ready> ")
        child.found = child.attributes()
        child.type(shlex.join([sys.executable, "-m", "podplane_tui", *arguments]).encode() + b"; echo co''de $?\r")
        yield child


def program(child: TerminalChild) -> psutil.Process:
    """The program that the shell runs."""
    shell = psutil.Process(child.process.pid)
    (process,) = wait_until(shell.children, "the program", seconds=LIMIT)
    return process


def reading(child: TerminalChild) -> None:
    """Take what it writes, so that it never waits for that."""
    os.set_blocking(child.master, False)
    try:
        child.screen += os.read(child.master, 1 << 16)
    except BlockingIOError:
        pass
    finally:
        os.set_blocking(child.master, True)


def wait(child: TerminalChild, condition: Callable[[], object], what: str) -> None:
    wait_until(condition, what, seconds=LIMIT, seen=lambda: child.screen[-1500:], pause=lambda: reading(child))


@pytest.fixture
def held(workspace: Workspace) -> Callable[[], bool]:
    """Whether somebody is connected to the console of `dev`, whose QEMU runs."""
    files = VMFiles("amd64", "dev", workspace.data, workspace.runtime)
    files.image_dir.mkdir(parents=True, exist_ok=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(files.image), "1G"], check=True)
    environment = {**workspace.environment, "PODPLANE_TUI_ACCEL": "tcg"}
    command = [sys.executable, "-m", "podplane_tui", "start", "--id", "dev", "--vm-only"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    named = PIDFile.read(files.pid_file)
    assert named is not None
    control = ControlSocket(files.qmp, named.pid)
    return lambda: console_client_connected(control, files.console)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM])
def test_the_dashboard_restores_the_terminal_and_ends(workspace: Workspace, number: signal.Signals) -> None:
    with on_terminal(workspace) as child:
        child.expect(b"Quit")
        program(child).send_signal(number)
        child.expect(f"code {128 + number}".encode())
        child.expect(b"ready> ")
        assert child.attributes() == child.found
        last = child.screen.rindex(b"\x1b[?1049h")
        assert [each for each in RESTORED if each not in child.screen[last:]] == []


def test_a_dashboard_that_is_stopped_gives_its_console_up_first(workspace: Workspace, held: Callable[[], bool]) -> None:
    with on_terminal(workspace) as child:
        child.expect(b"Quit")
        child.expect(b"live")
        child.type(b"c")
        wait(child, held, "the console to be held")
        for _ in range(2):
            program(child).send_signal(signal.SIGTSTP)
            wait(child, lambda: program(child).status() == psutil.STATUS_STOPPED, "the stop")
            assert not held()
            wait(child, lambda: child.screen.rstrip().endswith(b"ready>"), "the prompt")
            assert child.attributes() == child.found
            child.type(b"fg\r")
            wait(child, held, "the console to be held again")
        child.type(b"\x1d")
        wait(child, lambda: b"Quit" in child.screen[child.screen.rindex(b"\x1b[?1049h") :], "the end of typing")
        child.type(b"q")
        child.expect(b"ready> ", after=len(child.screen))
    assert len(workspace.qemu_processes()) == 1


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_the_console_command_restores_the_terminal_and_ends(
    workspace: Workspace, held: Callable[[], bool], number: signal.Signals
) -> None:
    with on_terminal(workspace, "console", "--id", "dev") as child:
        child.expect(b"detaches")
        wait(child, held, "the console to be held")
        wait(child, lambda: child.attributes() != child.found, "raw mode")
        program(child).send_signal(number)
        child.expect(f"code {128 + number}".encode())
        child.expect(b"ready> ")
        assert child.attributes() == child.found
        assert not held()


def test_the_console_command_that_is_stopped_releases_the_console_and_attaches_again(
    workspace: Workspace, held: Callable[[], bool]
) -> None:
    with on_terminal(workspace, "console", "--id", "dev") as child:
        wait(child, held, "the console to be held")
        for _ in range(2):
            wait(child, lambda: child.attributes() != child.found, "raw mode")
            program(child).send_signal(signal.SIGTSTP)
            child.expect(b"Stopped")
            wait(child, lambda: child.screen.rstrip().endswith(b"ready>"), "the prompt")
            assert not held()
            assert child.attributes() == child.found
            child.type(b"fg\r")
            wait(child, held, "the console to be held again")
        wait(child, lambda: child.attributes() != child.found, "raw mode")
        child.type(b"\x1d")
        child.expect(b"detached from the console")
        wait(child, lambda: not held(), "the console to be free")
