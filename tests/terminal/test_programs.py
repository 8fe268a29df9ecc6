"""Real programs, seen through the terminal core and through tmux.

Each program runs once in a pty; the bytes it wrote are then shown to the core and to a tmux pane of the same size.
What both show must be the same text.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from podplane_tui.terminal import Terminal
from podplane_tui.terminal.screen.charsets import SPECIAL_GRAPHICS
from tests.conftest import missing
from tests.paths import RECORDINGS
from tests.terminal.support import fed
from tests.waiting import wait_until

pytestmark = pytest.mark.tmux

COLUMNS, LINES = 80, 24
SHORT, LONG = 0.4, 20.0


def record(argv: list[str], keys: list[bytes], *, directory: Path, term: str = "xterm-256color") -> bytes:
    """What a program writes to its terminal: keys are typed whenever it has fallen silent, the last ones end it.

    Recorded up to the keys that end it, as programs restore the screen when they leave.
    """
    pid, terminal = os.forkpty()
    if pid == 0:
        os.chdir(directory)
        environment = {"TERM": term, "PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C.UTF-8"}
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - a pty needs the child to be this one
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    answering = Terminal(COLUMNS, LINES)
    data = b""
    waiting = list(keys)
    deadline = time.monotonic() + LONG
    try:
        while time.monotonic() < deadline:
            ready, _, _ = select.select([terminal], [], [], SHORT if data else LONG)
            if ready:
                try:
                    part = os.read(terminal, 65_536)
                except OSError:
                    break
                if not part:
                    break
                data += part
                if replies := answering.feed(part):
                    os.write(terminal, replies)
            elif waiting:
                os.write(terminal, waiting.pop(0))
            else:
                break
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    return data


_STATUS, _FINE = b"\x1b[5n", b"\x1b[0n"
_PANE = f"""
import os, sys
asked, file, done = sys.argv[1:]
with open(file, "rb") as data:
    sys.stdout.buffer.write(data.read() + {_STATUS!r})
sys.stdout.flush()
answers = b""
while answers.count({_FINE!r}) < int(asked):
    answers += os.read(0, 4096)
open(done, "x").close()
while os.read(0, 4096):
    pass
"""


class Tmux:
    """A tmux server of our own."""

    def __init__(self, directory: Path) -> None:
        self._socket = str(directory / "tmux")
        self._directory = directory

    def _run(self, *arguments: str) -> str:
        command = ["tmux", "-S", self._socket, "-f", os.devnull, *arguments]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    def show(self, data: bytes) -> list[str]:
        """What a pane shows after `data`."""
        file = self._directory / "data"
        file.write_bytes(data)
        done = self._directory / "done"
        done.unlink(missing_ok=True)
        # Who asks how the terminal is gets the answer behind all that came before: then the pane shows it.
        asked = data.count(_STATUS) + 1
        script = f"stty raw -echo; exec {shlex.join([sys.executable, '-I', '-S', '-c', _PANE])} {asked} "
        script += shlex.join([str(file), str(done)])
        self._run("new-session", "-d", "-s", "show", "-x", str(COLUMNS), "-y", str(LINES), "sh", "-c", script)
        self._run("set-option", "-t", "show", "status", "off")
        try:
            self._run("resize-window", "-t", "show", "-x", str(COLUMNS), "-y", str(LINES))
            wait_until(done.exists, "tmux to have shown it all")
            shown = self._run("capture-pane", "-p", "-t", "show").split("\n")[:LINES]
            return [line.rstrip() for line in shown]
        finally:
            self._run("kill-session", "-t", "show")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        missing("tmux is not installed")
    server = Tmux(tmp_path)
    yield server
    subprocess.run(["tmux", "-S", str(tmp_path / "tmux"), "kill-server"], check=False, capture_output=True)


SOURCE = "".join(
    f"def function_{number}(x):  # {'word ' * (number % 20)}\n    return {number}\n" for number in range(80)
)

PROGRAMS: dict[str, tuple[list[str], list[bytes]]] = {
    "vim": (
        ["vim", "-u", "NONE", "-N", "-c", "syntax on", "file.py"],
        [b"\x06", b"ggOtext\x1b", b"5ddp:set nu\r", b"\x04"],
    ),
    "less": (["less", "file.py"], [b" ", b"/return 3\r", b"y", b"G"]),
    "nano": (["nano", "file.py"], [b"hello\x0b", b"\x16\x16", b"\x07"]),
    "htop": (["htop", "-d", "50"], [b"\x1b[B\x1b[B", b"h"]),
    "top": (["top", "-d", "60", "-n", "3"], [b"c", b"M"]),
    "mc": (["mc", "-u", "-d"], [b"\x1b[B", b"\x1b9"]),
    "whiptail": (["whiptail", "--title", "Question", "--yesno", "Is this a box?", "10", "50"], [b"\t"]),
    "tmux": (
        ["tmux", "-S", "inner", "-f", os.devnull, "new-session", "sh", "-c", "ls -l /etc; exec cat"],
        [b"\x02%", b'\x02"'],
    ),
    "apt": (["apt", "list", "--installed"], []),
    "systemctl": (["systemctl", "--no-pager", "list-unit-files"], []),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_looks_the_same_in_tmux(name: str, tmux: Tmux, tmp_path: Path) -> None:
    argv, keys = PROGRAMS[name]
    if shutil.which(argv[0]) is None:
        missing(f"{argv[0]} is not installed", linux_only=name in {"apt", "systemctl"})
    (tmp_path / "file.py").write_text(SOURCE)
    try:
        data = record(argv, keys, directory=tmp_path)
    finally:
        if name == "tmux":
            subprocess.run(["tmux", "-S", str(tmp_path / "inner"), "kill-server"], check=False, capture_output=True)
    terminal = fed(data, COLUMNS, LINES)
    expected = tmux.show(data)
    assert [line.rstrip() for line in terminal.display] == expected
    assert any(expected), "the program showed nothing"


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.raw")), ids=lambda path: path.stem)
def test_recording_looks_the_same_in_tmux(path: Path, tmux: Tmux) -> None:
    data = path.read_bytes()
    terminal = fed(data, COLUMNS, LINES)
    # tmux takes all that follows an escape sequence cut by systemd's ellipsis for a string: it gets them whole.
    mended = re.sub(rb"\x1b(\[[0-9;]*)?(?=\xe2\x80\xa6)", b"", data)
    # capture-pane prints line drawing characters as the ASCII characters they were sent as.
    sent = {ord(drawn): code for code, drawn in SPECIAL_GRAPHICS.items()}
    assert [line.rstrip().translate(sent) for line in terminal.display] == tmux.show(mended)
