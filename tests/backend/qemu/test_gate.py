"""The process that waits to become another program."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import psutil
import pytest

from podplane_tui.backend.qemu.gate import Gate
from tests.waiting import wait_until

LISTING = "import os, sys; print(sys.argv[1:], sorted(int(n) for n in os.listdir('/proc/self/fd'))[:4])"


def gate_of(tmp_path: Path, *command: str) -> tuple[Gate, Path]:
    path = tmp_path / "log"
    log = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        return Gate(command, log=log), path
    finally:
        os.close(log)


def test_arguments_arrive_as_they_are_and_no_descriptor(tmp_path: Path) -> None:
    words = ["a b", "", "$(x)", "`x`", "*", "'", '"', "a\nb", "\\", "-c", "x" * 100_000]
    gate, log = gate_of(tmp_path, sys.executable, "-c", LISTING, *words)
    gate.open()
    assert gate.child.wait() == 0
    assert log.read_text() == f"{words} [0, 1, 2, 3]\n"  # 3 is the listing's


def test_output_and_errors_go_to_the_log(tmp_path: Path) -> None:
    gate, log = gate_of(tmp_path, sys.executable, "-c", "import sys; sys.exit('an error')")
    gate.open()
    assert gate.child.wait() == 1
    assert log.read_text() == "an error\n"


def test_a_program_that_is_missing_says_so_in_the_log(tmp_path: Path) -> None:
    gate, log = gate_of(tmp_path, str(tmp_path / "none"))
    gate.open()
    assert gate.child.wait() == 127
    assert str(tmp_path / "none") in log.read_text()


def unread(pipe: int) -> int:
    """The bytes in a pipe."""
    (count,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))
    return int(count)


def test_nothing_begins_before_it_is_opened(tmp_path: Path) -> None:
    gate, _ = gate_of(tmp_path, "/usr/bin/touch", str(tmp_path / "proof"))
    os.write(gate._opener, b"not yet")
    wait_until(lambda: unread(gate._opener) == 0 or gate.child.poll() is not None, "a look at who opens it")
    assert gate.child.poll() is None
    assert not (tmp_path / "proof").exists()
    gate.end()
    assert gate.child.returncode != 0
    assert not (tmp_path / "proof").exists()


def test_one_that_is_gone_is_told_by_its_exit_code(tmp_path: Path) -> None:
    gate, _ = gate_of(tmp_path, "/bin/true")
    os.kill(gate.child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, gate.child.pid, os.WEXITED | os.WNOWAIT)
    gate.open()
    assert gate.child.wait() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("foreground", [False, True])
def test_a_maker_that_is_killed_lets_nothing_begin(tmp_path: Path, foreground: bool) -> None:
    proof = tmp_path / "proof"
    maker = f"""
import os, signal
from podplane_tui.backend.qemu.gate import Gate
gate = Gate(["/usr/bin/touch", {str(proof)!r}], log={None if foreground else 1})
print(gate.child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with subprocess.Popen(
        [sys.executable, "-c", maker], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
    assert child.returncode == -signal.SIGKILL
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait()
    assert not proof.exists()
