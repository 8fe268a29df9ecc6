"""Signals that end a program: what is put right before they do."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from podplane_tui.cli.signals import ENDING_SIGNALS, handled, heeded

UNWINDING = """
import signal, sys
from podplane_tui.cli.signals import unwound

with unwound():
    try:
        print("begun", flush=True)
        sys.stdin.read()
    finally:
        print("cleaning up", flush=True)
        if sys.argv[1] == "slow":
            signal.pause()
print("went on", flush=True)
"""


@contextlib.contextmanager
def unwinding(kind: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", UNWINDING, kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process


@pytest.mark.slow
@pytest.mark.parametrize("number", ENDING_SIGNALS)
@pytest.mark.parametrize("kind", ["quick", "slow"])
def test_a_signal_ends_the_program_once_it_has_cleaned_up(number: signal.Signals, kind: str) -> None:
    with unwinding(kind) as process:
        assert process.stdout is not None
        process.send_signal(number)
        assert process.stdout.readline() == "cleaning up\n"
        if kind == "slow":  # a second one does not wait
            process.send_signal(number)
        assert process.stdout.read() == ""
    assert process.returncode == -number


def test_signals_are_handled_within_the_block_only() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with handled(lambda number, _: seen.append(number), signal.SIGUSR1, signal.SIGUSR2):
            for number in (signal.SIGUSR1, signal.SIGUSR2):  # the first is ignored, as under nohup
                os.kill(os.getpid(), number)
            assert seen == [signal.SIGUSR2]
        assert heeded(signal.SIGUSR1, signal.SIGUSR2) == (signal.SIGUSR2,)
        assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGUSR1, before)
