"""The input side through a real terminal: no key out of a paste or a cut sequence, and nothing typed lost unseen."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from benchmarks.fuzz_input import SILENCE, Terminal, fuzz, parts
from podplane_tui.backend.core.paths import VMFiles
from tests.conftest import Workspace
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LIMIT = 120.0


@pytest.mark.parametrize("seed", [1, 2])
def test_no_key_comes_out_of_random_input_that_was_not_typed(seed: int) -> None:
    assert fuzz(seed, 60) == ""


@pytest.fixture
def disk(workspace: Workspace, require_qemu: None) -> VMFiles:
    """A stopped VM, which keys of the dashboard would start, change or delete."""
    files = VMFiles("amd64", "dev", workspace.data, workspace.runtime)
    files.image_dir.mkdir(parents=True, exist_ok=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(files.image), "1G"], check=True)
    return files


@pytest.fixture
def dashboard(workspace: Workspace, disk: VMFiles) -> Iterator[Terminal]:
    """The real program, with that VM selected."""
    environment = {**workspace.environment, "TERM": "xterm-256color"}
    terminal = Terminal([sys.executable, "-m", "podplane_tui"], env=environment)
    try:
        shows(terminal, "dev", "stopped", "Quit")
        yield terminal
    finally:
        terminal.close()


def shows(terminal: Terminal, *words: str) -> None:
    """Wait for the words to have been written."""
    wait_until(
        lambda: all(word.encode() in terminal.shown for word in words),
        f"{words}",
        seconds=LIMIT,
        seen=lambda: terminal.shown[-2000:],
        pause=lambda: terminal.look(0.05),
    )


def leave(terminal: Terminal) -> int:
    """Press q, once, and give the exit code."""
    terminal.write(b"q")
    wait_until(lambda: terminal.process.poll() is not None, "the end", seconds=LIMIT, pause=lambda: terminal.look(0.05))
    return int(terminal.process.returncode)


DANGER = b"s\rx\x1b[C\rd\x1b[C\rq\x03\x1b[31mP\x1b[0m\x1bOPn\x1b"
"""What would start, stop, delete, quit, and open dialogs."""


@pytest.mark.parametrize(
    "pieces",
    [
        [b"\x1b[200~" + DANGER + b"\x1b[201~"],
        [b"\x1b[200~" + DANGER],
        [b"\x1b[200~" + DANGER, None, DANGER, None, DANGER + b"\x1b[201~"],
        [b"\x1b", b"[200~" + DANGER, b"\x1b[20", b"1~"],
        [b"\x1bO", b"P"[:0], b"\x1b[1", None],
        [b"\x1b[113~\x1b[100;5~\x1b]11;rgb:dddd/qqqq/ssss\x1b\\\xff\xfe"],
        [b"\x1b[<35;-1;10M\x1b[1 2~\x1b[?1;2!rd\x1b[1;5\rd"],
        [b"\x1b[200~rm -rf", None, b"\r", b"\x1b[201~"],
    ],
    ids=["whole", "unterminated", "late rest", "cut", "broken", "unknown", "odd", "late Enter"],
)
def test_the_dashboard_takes_nothing_of_that_for_keys_and_is_left_with_q(
    dashboard: Terminal, workspace: Workspace, disk: VMFiles, pieces: list[bytes | None]
) -> None:
    for piece in pieces:
        if piece is None:
            dashboard.look(SILENCE)
        else:
            dashboard.write(piece)
            dashboard.look(0.2)
    dashboard.look(SILENCE)
    assert dashboard.process.poll() is None
    assert workspace.qemu_processes() == []
    assert b"Delete dev?" not in dashboard.shown
    assert leave(dashboard) == 0  # in one press: no dialog is open
    assert disk.image.exists()


def test_random_pastes_in_random_parts_do_nothing_to_the_dashboard(
    dashboard: Terminal, workspace: Workspace, disk: VMFiles
) -> None:
    draw = random.Random(7)  # noqa: S311 - to be repeatable
    for _ in range(20):
        content = bytes(draw.choices(DANGER + bytes(range(256)), k=draw.randint(1, 60)))
        for part, pause in parts(draw, b"\x1b[200~" + content.replace(b"\x1b[201~", b"") + b"\x1b[201~"):
            dashboard.write(part)
            dashboard.look(pause)
    dashboard.look(SILENCE)
    assert workspace.qemu_processes() == []
    assert leave(dashboard) == 0
    assert disk.image.exists()


@pytest.mark.parametrize("cut", [1, 2])
def test_f1_in_two_parts_is_f1(dashboard: Terminal, cut: int) -> None:
    dashboard.write(b"\x1bOP"[:cut])
    dashboard.look(0.2)
    dashboard.write(b"\x1bOP"[cut:])
    shows(dashboard, "The list")
    dashboard.write(b"\x1b")
    dashboard.look(SILENCE)
    assert leave(dashboard) == 0


def test_keys_typed_before_the_question_is_on_the_screen_do_not_answer_it(dashboard: Terminal, disk: VMFiles) -> None:
    dashboard.write(b"d\x1b[C\r")
    shows(dashboard, "Delete dev?", "Cancel")
    dashboard.look(SILENCE)
    assert disk.image.exists()
    dashboard.write(b"\x1b")
    dashboard.look(SILENCE)
    assert leave(dashboard) == 0
    assert disk.image.exists()


# The console


@pytest.fixture
def guest(workspace: Workspace) -> Iterator[socket.socket]:
    """A console that nobody reads, where the CLI finds it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(workspace.root / "console.sock"))
        listener.listen(1)
        listener.settimeout(LIMIT)
        yield listener


CONSOLE = """
import os, sys
from pathlib import Path
from podplane_tui.backend.console.relay import attach
from podplane_tui.cli.connect import _say_untaken
ending = attach(Path(sys.argv[1]), int(sys.argv[2]), input_fd=0, output_fd=1, untaken=_say_untaken)
print("over:", ending.name, flush=True)
"""


@pytest.mark.parametrize("size", [1, 1234, 65_537, 1_500_000])
def test_the_console_command_says_what_the_guest_did_not_take(
    workspace: Workspace, guest: socket.socket, size: int
) -> None:
    path = workspace.root / "console.sock"
    arguments = [sys.executable, "-c", CONSOLE, str(path), str(os.getpid())]
    terminal = Terminal(arguments, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        connection, _ = guest.accept()
        with connection:
            connection.sendall(b"login: ")
            shows(terminal, "login: ")
            begun = time.monotonic()
            terminal.write(b"x" * size)
            terminal.write(b"\x1d")
            words = f"podplane-tui: {size:,} byte{'' if size == 1 else 's'} {'was' if size == 1 else 'were'} not taken"
            shows(terminal, words, "over: DETACHED")
            assert time.monotonic() - begun < LIMIT
    finally:
        terminal.close()


@pytest.mark.vm
@pytest.mark.parametrize("size", [70_000, 1_500_000])
def test_the_dashboard_keeps_what_the_guest_does_not_take_and_says_what_was_dropped(
    dashboard: Terminal, workspace: Workspace, disk: VMFiles, size: int
) -> None:
    environment = {**workspace.environment, "PODPLANE_TUI_ACCEL": "tcg"}
    command = [sys.executable, "-m", "podplane_tui", "start", "--id", "dev", "--vm-only"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    shows(dashboard, "live")
    dashboard.write(b"c")
    shows(dashboard, "TYPING")
    # Firmware without a disk to boot reads nothing but a few bytes.
    dashboard.write(b"\x1b[200~" + b"x" * size + b"\x1b[201~")
    shows(dashboard, "unsent")
    dashboard.shown = b""
    dashboard.write(b"\x1d")
    shows(dashboard, "bytes were not taken by the guest")
    dropped = int(re.findall(rb"([\d,]+) bytes were not taken", dashboard.shown)[0].replace(b",", b""))
    assert size - 8192 < dropped <= size
    assert leave(dashboard) == 0
