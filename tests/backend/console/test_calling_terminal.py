"""The modes of a terminal and the signals of a process, put back on every way out."""

from __future__ import annotations

import contextlib
import errno
import os
import pty
import select
import signal
import stat
import termios
import threading
import time
import tty
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from podplane_tui.backend.console.calling_terminal import (
    raw,
    restored,
    restoring,
    saving,
    wake_on_signal,
    writable,
)
from podplane_tui.backend.console.stack_guard import StackGuard
from podplane_tui.terminal import Terminal
from podplane_tui.terminal.screen.modes import PRIVATE_MODES
from tests.terminal.support import HOSTILE, fed, shown


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


# What the terminal shows


def states(terminal: Terminal) -> tuple[object, ...]:
    """All of a terminal but its text."""
    asked = ("m", "r", "s", '"p', '"q', " q")
    modes = (*(2, 4, 12, 20), *PRIVATE_MODES)
    queries = "".join(f"\x1bP$q{each}\x1b\\" for each in asked)
    queries += "".join(f"\x1b[{'?' if mode in PRIVATE_MODES else ''}{mode}$p" for mode in modes)
    seen = (terminal.modes, terminal.cursor, terminal.title, terminal.icon_name)
    colours = (dict(terminal.palette), dict(terminal.default_colors))
    replies = terminal.feed(queries.encode())
    terminal.feed(b"\x1b[999;1H\n\rq\x0eq\x0fq\ty" + b"z" * terminal.columns)
    return *seen, *colours, replies, shown(terminal)[-2:]


def begun() -> Terminal:
    """A user's terminal: it has a title, and text."""
    return fed("\x1b]0;the user's\x07one\r\ntwo\r\nthree", 30, 8)


@pytest.mark.parametrize("environ", [{}, {"TERM": "linux"}, {"STY": "1.pts"}], ids=["any", "linux", "screen"])
@pytest.mark.parametrize(
    "last",
    [
        "",
        "\x1b[?1049h\x1b[5;5Hfull screen",
        "\x1b[22t\x1b[23t\x1b[23t\x1b[22t\x1b]2;x\x07",
        "\x1b]0;half a title",
        "\x1bP$q",
        "\x1b[3",
        "\x1b(",
    ],
)
def test_a_terminal_is_what_it_was(environ: dict[str, str], last: str) -> None:
    terminal, untouched = begun(), begun()
    terminal.feed(saving(environ))
    guard = StackGuard()
    terminal.feed(guard.feed(f"{HOSTILE}\x1b[3;6H{last}".encode()))
    terminal.feed(restoring(environ, columns=30, colours=guard.colours_changed))
    assert shown(terminal) == ["one", "two", "three"]
    assert (terminal.cursor.x, terminal.cursor.y) == (6, 2)  # inside the margins
    untouched.feed(b"\x1b[3;7H")
    assert states(terminal) == states(untouched)


def test_the_user_s_own_modes_and_colours_come_back_where_the_guest_left_them_alone() -> None:
    terminal, untouched = begun(), begun()
    for each in (terminal, untouched):
        each.feed(b"\x1b[?12l\x1b[?67h\x1b[?1007l\x1b]4;1;#123456\x07\x1b]11;#fff\x07")
    terminal.feed(saving({}))
    terminal.feed(b"\x1b[?67l\x1b[?1007hguest")
    terminal.feed(restoring({}, columns=30, colours=False))
    assert (terminal.palette, terminal.default_colors) == (untouched.palette, untouched.default_colors)
    assert terminal.modes == untouched.modes


PIECES = st.sampled_from([
    *(b"\x1b", b"[", b"]", b"22", b"23", b"2", b"3", b"0", b";", b"t", b"#", b"P", b"Q", b"p", b'"', b"c", b"\x18"),
    *(b"\x7f", b"\0", b"\xc2", b"\x9b", b"\x9d", b"\x80", b"\x1b%@", b"\x1b%G", b"\x07", b"\x1b\\", b"\x1b[", b"EVIL"),
    *(b"\x1b[22;0t", b"\x1b[23;0t", b"\x1b]2;EVIL\x07", b"\x1b]0;EVIL\x07", b"\x1b]4;1;#123456\x07"),
    *(b"\x1b]011;red\x07", b"\n", b"4;1;#123456", b"11;red", b"2;EVIL", b"\x1b[?1049h", b"\x1bkEVIL\x1b\\"),
    *(b"\x1b[>0t", b"\x1bP", b"\x1b]"),
])  # fmt: skip


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(PIECES | st.binary(max_size=3), max_size=12), max_size=4))
@example([[b"\x1b[2\x003;0t\x1b]2;EVIL\x07"]])
@example([[b"\x1b[23\x7ft\x1b]2;EVIL\x07"]])
@example([[b"\x1b[\x0022;0t"] * 12, [b"\x1b]2;EVIL\x07"]])
@example([[b"\x1b[2\x1b[23t3;0t\x1b]2;EVIL\x07"]])
@example([[b"\x1b]04;1;#123456\x07"], [b"\x1b]011;#123456\x07"]])
def test_title_and_colours_come_back_whatever_a_guest_prints(printed: list[list[bytes]]) -> None:
    terminal = begun()
    guard = StackGuard()
    terminal.feed(saving({}))
    for piece in printed:
        terminal.feed(guard.feed(b"".join(piece)))
    terminal.feed(restoring({}, columns=30, colours=guard.colours_changed))
    assert (terminal.title, terminal.icon_name) == ("the user's", "the user's")
    assert (terminal.palette, terminal.default_colors) == ({}, {})


def test_what_only_some_terminals_have_is_restored_there() -> None:
    for name in ("linux", "xterm"):  # where the palette can't have changed, and where it begins a string
        assert b"\x1b]R" not in restoring({"TERM": name}, columns=80, colours=True)
    guard = StackGuard()
    assert not guard.progress_shown
    guard.feed(b"\x1b]9;4;1;50\x07")
    assert b"\x1b]9;4;0\x1b" in restoring({}, columns=80, colours=False, progress=guard.progress_shown)


def test_what_is_no_terminal_gets_no_sequences() -> None:
    reader, writer = os.pipe()
    with restored(writer) as guard:
        assert guard is None
    os.close(writer)
    assert os.read(reader, 10) == b""
    os.close(reader)


def test_a_terminal_is_restored_whatever_a_block_is_left_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    master, slave = pty.openpty()
    tty.setraw(slave)
    termios.tcsetwinsize(slave, (8, 30))

    def work() -> None:
        with restored(slave):
            raise Leave("left")

    with pytest.raises(Leave, match="left"):
        work()
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while data := os.read(master, 4096):
            shown += data
    os.close(master)
    assert shown == saving({}) + restoring({}, columns=30, colours=False)


@pytest.mark.slow
def test_a_stuck_terminal_is_not_waited_for_long(slave: int) -> None:
    os.set_blocking(slave, False)

    def fill() -> None:
        while True:
            os.write(slave, b"x" * 4096)

    begun = time.monotonic()
    with restored(slave), pytest.raises(BlockingIOError, match=os.strerror(errno.EAGAIN)):
        fill()
    assert time.monotonic() - begun < 30
