"""Programs of ours are read until they end, and ended with all that they started."""

from __future__ import annotations

import signal
import subprocess
import sys
from threading import Event

import psutil
import pytest

from podplane_tui.backend.host.child import attend
from tests.waiting import wait_until


def start(script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def test_all_that_both_streams_say_is_read_and_then_their_end() -> None:
    said: list[bytes] = []
    complaints: list[bytes] = []
    with start("import sys; print('x' * 200_000); sys.stderr.write('no'); sys.exit(3)") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        readers = {process.stdout: said.append, process.stderr: complaints.append}
        assert attend(process, readers, lambda: False)
    assert process.returncode == 3
    assert b"".join(said) == b"x" * 200_000 + b"\n"
    assert b"".join(complaints) == b"no"
    assert (said[-1], complaints[-1]) == (b"", b"")


@pytest.mark.parametrize("closes", [False, True])
def test_what_is_over_is_ended_with_what_it_started(closes: bool) -> None:
    """Also when its streams are at their end and it goes on."""
    over = Event()
    close = "os.close(1);" if closes else ""
    script = f"""
import os, subprocess, time
child = subprocess.Popen(["sleep", "86400"], stdout=subprocess.DEVNULL)
os.write(1, str(child.pid).encode()); {close}
time.sleep(86400)
"""
    said: list[bytes] = []

    def note(data: bytes) -> None:
        said.append(data)
        if not closes or not data:
            over.set()

    with start(script) as process:
        assert process.stdout is not None
        assert not attend(process, {process.stdout: note}, over.is_set)
    assert process.returncode == -signal.SIGTERM
    wait_until(lambda: not _runs(int(said[0])), "the end of what it started")


def test_what_a_reader_raises_ends_it() -> None:
    def fail(_data: bytes) -> None:
        raise ValueError("no")

    with start("import time; print(1, flush=True); time.sleep(86400)") as process:
        assert process.stdout is not None
        with pytest.raises(ValueError, match="no"):
            attend(process, {process.stdout: fail}, lambda: False)
        assert process.returncode == -signal.SIGTERM


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
