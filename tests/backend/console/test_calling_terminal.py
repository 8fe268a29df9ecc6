"""The modes of a terminal and the signals of a process, put back on every way out."""

from __future__ import annotations

import os
import pty
import select
import signal
import stat
import termios
import threading
from collections.abc import Iterator

import pytest

from podplane_tui.backend.console.calling_terminal import raw, wake_on_signal, writable


class Leave(Exception):
    """What a block is left with."""


@pytest.fixture
def slave() -> Iterator[int]:
    """A terminal's descriptor."""
    master, slave = pty.openpty()
    yield slave
    os.close(slave)
    os.close(master)


def test_a_terminal_is_raw_only_within(slave: int) -> None:
    before = termios.tcgetattr(slave)

    def work() -> None:
        with raw(slave):
            within = termios.tcgetattr(slave)
            assert not within[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
            assert not within[1] & termios.OPOST
            raise Leave("left")

    with pytest.raises(Leave, match="left"):
        work()
    assert termios.tcgetattr(slave) == before


def test_what_is_no_terminal_is_left_alone() -> None:
    reader, writer = os.pipe()
    try:
        with raw(reader), writable(writer) as own:
            assert own != writer
            assert os.get_blocking(own)
            os.write(own, b"x")
        assert os.read(reader, 10) == b"x"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(own)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_terminal_is_written_to_without_waiting_through_a_descriptor_of_our_own(slave: int) -> None:
    with writable(slave) as own:
        assert stat.S_ISCHR(os.fstat(own).st_mode)
        assert os.fstat(own).st_rdev == os.fstat(slave).st_rdev
        assert not os.get_blocking(own)
        assert os.get_blocking(slave)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(own)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP"])
def test_a_signal_wakes_and_is_noted_and_does_nothing_else(name: str) -> None:
    number = signal.Signals[name]
    before = signal.getsignal(number)
    caught: list[int] = []

    def work() -> None:
        with wake_on_signal(caught) as wake:
            assert not select.select([wake], [], [], 0)[0]
            os.kill(os.getpid(), number)
            assert select.select([wake], [], [], 60)[0] == [wake]
            assert caught == [number]
            raise Leave("left")

    with pytest.raises(Leave, match="left"):
        work()
    assert signal.getsignal(number) is before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        caught: list[int] = []
        with wake_on_signal(caught) as wake:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            assert select.select([wake], [], [], 60)[0] == [wake]
        assert caught == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_elsewhere_than_in_the_main_thread_there_is_nothing_to_wait_for() -> None:
    found: list[int] = []

    def work() -> None:
        with wake_on_signal([]) as wake:
            found.append(wake)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [-1]
