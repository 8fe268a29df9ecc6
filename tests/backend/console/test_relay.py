"""The console client between a real Unix socket and a real pseudo-terminal."""

import contextlib
import errno
import os
import pty
import re
import select
import selectors
import shlex
import signal
import socket
import sys
import threading
import tty
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from podplane_tui.backend.console.relay import Ending, attach, relay
from podplane_tui.backend.console.typed import DETACH
from podplane_tui.backend.core.errors import QMPError
from tests.backend.console.terminal_child import TerminalChild, run_on_terminal
from tests.waiting import wait_until

LIMIT = 60.0


class Wires:
    """A relay in a thread: `guest`, `keyboard` and `screen` are the far ends of its three descriptors."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.guest, connection = socket.socketpair()
        connection.setblocking(False)
        self.keyboard, typed = socket.socketpair()
        shown, self.screen = socket.socketpair()
        self.near = [connection, typed, shown]
        for end in (self.guest, self.screen):
            end.settimeout(LIMIT)
        self.ending: Future[Ending] = pool.submit(relay, connection, input_fd=typed.fileno(), output_fd=shown.fileno())

    def close(self) -> None:
        for end in (self.guest, self.keyboard, self.screen):
            end.close()
        with contextlib.suppress(Exception):
            self.ending.result(LIMIT)
        for end in self.near:
            end.close()


@pytest.fixture
def wires() -> Iterator[Wires]:
    with ThreadPoolExecutor() as pool:
        made = Wires(pool)
        yield made
        made.close()


def _receive(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        assert more, f"the end came after {data!r}"
        data += more
    return data


def _until_closed(connection: socket.socket) -> bytes:
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


# Carrying bytes


def test_bytes_pass_unchanged_both_ways(wires: Wires) -> None:
    every = bytes(range(256))
    wires.guest.sendall(every)
    assert _receive(wires.screen, 256) == every
    typed = every.replace(DETACH, b"")
    wires.keyboard.sendall(typed)
    assert _receive(wires.guest, 255) == typed


def test_detach_sends_what_was_typed_before_and_nothing_after(wires: Wires) -> None:
    wires.keyboard.sendall(b"before\x1dafter")
    assert wires.ending.result(LIMIT) is Ending.DETACHED
    wires.near[0].close()
    assert _until_closed(wires.guest) == b"before"


def test_end_of_the_console_shows_what_came_before(wires: Wires) -> None:
    wires.guest.sendall(b"last words")
    wires.guest.close()
    assert wires.ending.result(LIMIT) is Ending.CLOSED
    assert _receive(wires.screen, 10) == b"last words"


def test_input_that_ends_leaves_the_output_running(wires: Wires) -> None:
    wires.keyboard.sendall(b"typed")
    wires.keyboard.close()
    assert _receive(wires.guest, 5) == b"typed"
    wires.guest.sendall(b"answer")
    assert _receive(wires.screen, 6) == b"answer"
    assert not wires.ending.done()


def test_output_that_is_gone_ends_it(wires: Wires) -> None:
    wires.screen.close()
    wires.guest.sendall(b"into the void")
    assert wires.ending.result(LIMIT) is Ending.DETACHED


def test_slow_terminal_does_not_stop_the_guest(wires: Wires) -> None:
    line = b"x" * 9_999 + b"\n"
    for _ in range(1_000):  # 10 MB, while nobody reads the screen: sendall would time out if it stood still
        wires.guest.sendall(line)
    wires.guest.sendall(b"the end")
    wires.guest.close()
    shown = b""
    while not shown.endswith(b"the end"):
        shown += wires.screen.recv(65536)
    assert wires.ending.result(LIMIT) is Ending.CLOSED
    notes = re.findall(rb"\x18\r\n\[(\d+) bytes not shown[^]]*\]\r\n", shown)
    content = re.sub(rb"\x18\r\n\[[^]]*\]\r\n", b"", shown)
    assert notes
    assert len(content) + sum(map(int, notes)) == 10_000_007
    assert len(content) < 5_000_000


def test_detach_is_heard_while_the_terminal_is_stuck(wires: Wires) -> None:
    for _ in range(1_000):
        wires.guest.sendall(b"x" * 10_000)
    wires.keyboard.sendall(DETACH)
    assert wires.ending.result(LIMIT) is Ending.DETACHED


def test_guest_that_takes_nothing_gets_it_all_later(wires: Wires) -> None:
    typed = os.urandom(5_000_000).replace(DETACH, b"")
    sender = threading.Thread(target=wires.keyboard.sendall, args=(typed,), daemon=True)
    sender.start()
    wires.guest.sendall(b"still shown")
    assert _receive(wires.screen, 11) == b"still shown"  # though the guest has read nothing yet
    assert _receive(wires.guest, len(typed)) == typed
    sender.join(LIMIT)


def test_keyboard_is_heard_though_the_guest_takes_nothing() -> None:
    master, slave = pty.openpty()
    guest, connection = socket.socketpair()
    connection.setblocking(False)
    reader, writer = os.pipe()
    try:
        with ThreadPoolExecutor() as pool:
            tty.setraw(slave)
            ending = pool.submit(relay, connection, input_fd=slave, output_fd=writer)
            pasted = b"x" * 4_000_000 + DETACH
            while pasted and not ending.done():
                if select.select([], [master], [], 0.1)[1]:
                    pasted = pasted[os.write(master, pasted[:4096]) :]
            assert ending.result(LIMIT) is Ending.DETACHED
    finally:
        for descriptor in (master, slave, reader, writer):
            os.close(descriptor)
        guest.close()
        connection.close()


def test_an_idle_relay_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[tuple[float | None, list[selectors.SelectorKey]]] = []

    class Noting(selectors.SelectSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            waits.append((timeout, list(self.get_map().values())))
            return super().select(timeout)

    def asleep() -> bool:
        """Whether what it waits for last has not happened."""
        reading, writing = (
            [key.fd for key in waits[-1][1] if key.events & event]
            for event in (selectors.EVENT_READ, selectors.EVENT_WRITE)
        )
        return select.select(reading, writing, [], 0) == ([], [], [])

    monkeypatch.setattr(selectors, "SelectSelector", Noting)
    with ThreadPoolExecutor() as pool:
        wires = Wires(pool)
        try:
            wires.guest.sendall(b"shown")
            assert _receive(wires.screen, 5) == b"shown"
            wires.keyboard.sendall(b"typed")
            assert _receive(wires.guest, 5) == b"typed"
            wait_until(asleep, "a wait for what has not happened yet")
            assert waits[-1][0] is None
        finally:
            wires.close()


# Attaching


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(LIMIT)
        yield listener


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "console.sock"


def test_check_is_asked_before_connecting(path: Path) -> None:
    def busy() -> None:
        raise QMPError("another client has it")

    with _listening(path) as listener:
        with pytest.raises(QMPError, match="another client has it"), open(os.devnull, "r+b") as null:  # noqa: PTH123 - for its descriptor
            attach(path, os.getpid(), input_fd=null.fileno(), output_fd=null.fileno(), check=busy)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError, match=os.strerror(errno.EAGAIN)):
            listener.accept()


_PROGRAM = """
import sys
from pathlib import Path
from podplane_tui.backend.console.relay import attach
print("attaching", flush=True)
print("over:", attach(Path(sys.argv[1]), int(sys.argv[2]), input_fd=0, output_fd=1), flush=True)
"""


@contextlib.contextmanager
def _attached(path: Path) -> Iterator[tuple[TerminalChild, socket.socket, list[object]]]:
    """The client on a terminal of its own, the guest's end of its connection, and the settings it found."""
    with (
        _listening(path) as listener,
        run_on_terminal([sys.executable, "-c", _PROGRAM, str(path), str(os.getpid())]) as child,
    ):
        settings = child.found
        guest, _ = listener.accept()
        guest.settimeout(LIMIT)
        with guest:
            guest.sendall(b"login: ")
            child.expect(b"login: ")
            assert child.attributes() != settings  # raw
            yield child, guest, settings


def test_terminal_is_raw_and_restored(path: Path) -> None:
    with _attached(path) as (child, guest, settings):
        child.type(b"\x03\x1a\x1c\x11\x13\r\x7f\x04")  # Ctrl-C, Ctrl-Z and the like are the guest's
        assert _receive(guest, 8) == b"\x03\x1a\x1c\x11\x13\r\x7f\x04"
        guest.sendall(b"a\nb\r\n\xff")
        child.expect(b"a\nb\r\n\xff")  # nothing is translated, nothing echoed
        child.type(DETACH)
        child.expect(b"over: detached")
        assert child.attributes() == settings
        assert child.end() == 0
        assert _until_closed(guest) == b""


def test_end_of_the_machine_restores_the_terminal(path: Path) -> None:
    with _attached(path) as (child, guest, settings):
        guest.sendall(b"\x1b[?1049h\x1b[?25lPower down\r\n")
        guest.close()
        child.expect(b"Power down")
        child.expect(b"\x1b[?25h")  # the cursor is back
        child.expect(b"over: the VM closed its console")
        assert child.attributes() == settings
        assert child.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
def test_signal_restores_the_terminal_and_then_acts(path: Path, number: signal.Signals) -> None:
    with _attached(path) as (child, guest, settings):
        child.process.send_signal(number)
        assert _until_closed(guest) == b""
        assert child.end() == -number
        assert child.attributes() == settings


def test_suspending_lets_go_of_the_console(path: Path) -> None:
    with _listening(path) as listener, run_on_terminal(["bash", "--norc", "--noprofile", "-i"]) as child:
        child.expect(b"bash-")
        (path.parent / "program.py").write_text(_PROGRAM)
        child.type(
            shlex.join([sys.executable, str(path.parent / "program.py"), str(path), str(os.getpid())]).encode() + b"\r"
        )
        guest, _ = listener.accept()
        with guest:
            guest.settimeout(LIMIT)
            guest.sendall(b"login: ")
            child.expect(b"login: ")
            (client,) = psutil.Process(child.process.pid).children()
            client.send_signal(signal.SIGTSTP)
            assert _until_closed(guest) == b""  # the guest is not left with a client that does not read
        child.expect(b"Stopped")
        child.type(b"echo by ''then; fg\r")
        child.expect(b"over: released", after=child.expect(b"by then\r\n"))


def test_terminal_that_hangs_up_ends_the_client(path: Path) -> None:
    with _attached(path) as (child, guest, _):
        os.close(child._slave)
        os.close(child.master)
        assert _until_closed(guest) == b""
        child.process.wait(LIMIT)
        child.master, child._slave = os.openpty()  # for the clean-up


def test_resized_terminal_changes_nothing(path: Path) -> None:
    with _attached(path) as (child, guest, _):
        child.process.send_signal(signal.SIGWINCH)
        child.type(b"still here")
        assert _receive(guest, 10) == b"still here"


def test_stopped_terminal_does_not_stop_the_guest(path: Path) -> None:
    with _attached(path) as (child, guest, _):
        for _ in range(500):  # nobody reads the terminal meanwhile
            guest.sendall(b"x" * 10_000)
        child.type(DETACH)
        assert _until_closed(guest) == b""
        child.expect(b"over: detached")
        assert child.end() == 0


def test_blocking_mode_of_the_terminal_is_left_alone(path: Path) -> None:
    with _attached(path) as (child, _guest, _):
        assert os.get_blocking(child._slave)  # the same open file as the client's three
        child.type(DETACH)
        assert child.end() == 0


def test_pipes_instead_of_a_terminal(path: Path) -> None:
    with _listening(path) as listener, ThreadPoolExecutor() as pool:
        source, typed = os.pipe()
        shown, sink = os.pipe()
        try:
            ending = pool.submit(attach, path, os.getpid(), input_fd=source, output_fd=sink)
            guest, _ = listener.accept()
            with guest:
                os.write(typed, b"command\n")
                assert _receive(guest, 8) == b"command\n"
                os.close(typed)
                guest.sendall(b"answer")
            assert ending.result(LIMIT) is Ending.CLOSED
            assert os.read(shown, 100) == b"answer"  # and no sequences for a terminal
        finally:
            for descriptor in (source, shown, sink):
                os.close(descriptor)
