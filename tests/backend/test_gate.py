"""The process that waits to become another program."""

from __future__ import annotations

import contextlib
import marshal
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from podplane_tui.backend.gate import Gate

LISTING = "import os, sys; print(sys.argv[1:], sorted(int(n) for n in os.listdir('/proc/self/fd'))[:4])"


def log_of(tmp_path: Path) -> Path:
    log = tmp_path / "log"
    log.touch(mode=0o600)
    return log


def test_arguments_arrive_and_no_descriptor(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    with Gate() as gate:
        child = gate.open([sys.executable, "-c", LISTING, "a b", "", "$(x)", "x" * 100_000], log=log)
    assert child.wait(20) == 0
    assert child.pid == gate.pid
    assert (
        log.read_text().replace("x" * 100_000, "…") == "['a b', '', '$(x)', '…'] [0, 1, 2, 3]\n"
    )  # 3 is the listing's


def test_a_program_that_is_missing_says_so_in_the_log(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    with Gate() as gate:
        child = gate.open([str(tmp_path / "none")], log=log)
    assert child.wait(20) == 1
    assert log.read_text() == f"{tmp_path}/none can't be executed: No such file or directory\n"


def test_what_is_not_opened_ends(tmp_path: Path) -> None:
    with Gate() as gate:
        os.kill(gate.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(gate.pid, 0)


def test_one_that_is_gone_is_told_by_its_exit_code() -> None:
    with Gate() as gate:
        os.kill(gate.pid, signal.SIGKILL)
        os.waitid(os.P_PID, gate.pid, os.WEXITED | os.WNOWAIT)
        assert gate.open(["/bin/true"]).wait(20) == -signal.SIGKILL


@pytest.mark.parametrize("part", [0, -1])
def test_a_maker_that_is_killed_lets_nothing_begin(tmp_path: Path, part: int) -> None:
    """Whether it had said nothing yet, or died in the middle of what it said."""
    proof = tmp_path / "proof"
    told = marshal.dumps((None, [b"/usr/bin/touch", os.fsencode(proof)]))[:part]
    maker = f"""
import os, signal
from podplane_tui.backend.gate import Gate
gate = Gate()
print(gate.pid, flush=True)
os.write(gate._opener, {told!r})
os.kill(os.getpid(), signal.SIGKILL)
"""
    with subprocess.Popen([sys.executable, "-c", maker], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
    assert child.returncode == -signal.SIGKILL
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(20)
    assert not proof.exists()
