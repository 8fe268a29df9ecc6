"""A console line between real Unix sockets, the recording and the claim."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from podplane_tui.backend.console import client
from podplane_tui.backend.console.claim import Claim, holder, take
from podplane_tui.backend.console.client import ConsoleLine, LineEvents, open_line
from podplane_tui.backend.core.errors import ConsoleError, ConsoleHeld, NotRunning
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from tests.backend.qemu.support import control_socket
from tests.waiting import wait_until

LIMIT = 60.0


@dataclass
class Heard:
    """What a line's thread has told."""

    printed: list[bytes] = field(default_factory=list)
    asked: list[Claim] = field(default_factory=list)
    closed: list[bool] = field(default_factory=list)

    @property
    def events(self) -> LineEvents:
        return LineEvents(self.printed.append, self.asked.append, lambda: self.closed.append(True))


@dataclass
class Line:
    """A line that is open, the guest's end of it, and what it told."""

    vm: VMStatus
    line: ConsoleLine
    guest: socket.socket
    heard: Heard


@pytest.fixture
def files(tmp_path: Path) -> VMFiles:
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run", tmp_path / "state")
    files.pid_dir.mkdir(parents=True)
    return files


@pytest.fixture
def vm(files: VMFiles) -> VMStatus:
    """A VM that nobody can record."""
    files.recordings_dir.parent.mkdir(parents=True)
    files.recordings_dir.touch()
    return VMStatus(files, State.RUNNING, pid=os.getpid(), console=files.console)


@contextlib.contextmanager
def opened(vm: VMStatus) -> Iterator[Line]:
    assert vm.console is not None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(vm.console))
        listener.listen(1)
        heard = Heard()
        line = open_line(vm, take(vm.files, "me"), heard.events)
        try:
            guest, _ = listener.accept()
            with guest:
                guest.settimeout(LIMIT)
                yield Line(vm, line, guest, heard)
        finally:
            line.close()


def received(guest: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = guest.recv(count - len(data))
        assert more, f"the end came after {data!r}"
        data += more
    return data


def test_what_is_typed_reaches_the_guest_and_what_it_prints_comes_back(vm: VMStatus) -> None:
    with opened(vm) as wires:
        wires.line.send(b"ls\r")
        assert received(wires.guest, 3) == b"ls\r"
        wires.guest.sendall(b"a\xff\x00b\r\n")
        wait_until(lambda: b"".join(wires.heard.printed) == b"a\xff\x00b\r\n", seen=lambda: wires.heard)
        assert wires.line.recording is None
        assert wires.heard.closed == []


def test_what_is_on_record_is_only_announced(files: VMFiles) -> None:
    vm = VMStatus(files, State.RUNNING, pid=os.getpid(), console=files.console)
    with opened(vm) as wires:
        assert wires.line.recording is not None
        wires.guest.sendall(b"login: ")
        wait_until(lambda: wires.heard.printed)
        assert set(wires.heard.printed) == {b""}
        wait_until(lambda: wires.line.recording and wires.line.recording.read_bytes() == b"login: ")


def test_a_console_that_qemu_records_is_not_recorded_twice(files: VMFiles, tmp_path: Path) -> None:
    serial = f"unix:{files.console},server=on,wait=off,logfile={tmp_path / 'log'},logappend=on"
    arguments = ("qemu-system-x86_64", "-serial", serial)
    vm = VMStatus(files, State.RUNNING, pid=os.getpid(), console=files.console, arguments=arguments)
    with opened(vm) as wires:
        wires.guest.sendall(b"login: ")
        wait_until(lambda: wires.heard.printed)
        assert set(wires.heard.printed) == {b""}
        assert wires.line.recording is None
        assert not (tmp_path / "log").exists()


def test_closing_frees_the_console_and_says_nothing(vm: VMStatus) -> None:
    with opened(vm) as wires:
        claim = holder(vm.files)
        assert claim is not None
        assert claim.who == "me"
        assert not wires.line.over
        wires.line.close()
        wires.line.close()
        assert wires.line.over
        assert holder(vm.files) is None
        assert wires.guest.recv(1) == b""
        assert wires.heard.closed == []
        wires.line.send(b"too late")  # and nothing raises


def test_a_guest_that_hangs_up_frees_the_console_and_is_told_of(vm: VMStatus) -> None:
    with opened(vm) as wires:
        wires.guest.sendall(b"last words")
        wires.guest.close()
        wait_until(lambda: wires.heard.closed)
        assert b"".join(wires.heard.printed) == b"last words"
        assert wires.line.over
        assert holder(vm.files) is None
    assert wires.heard.closed == [True]


@pytest.mark.slow
def test_what_the_guest_does_not_take_is_kept_up_to_a_limit(vm: VMStatus, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 4_000_000
    monkeypatch.setattr(client, "MAX_PENDING", limit)
    typed = os.urandom(limit)
    with opened(vm) as wires:
        assert wires.line.send(typed)
        assert wires.line.send(b"x" * limit) is False  # nothing of it, though some of the other is in the socket
        wait_until(lambda: 0 < wires.line.backlog <= limit)
        assert received(wires.guest, limit) == typed
        wait_until(lambda: wires.line.backlog == 0)
        assert wires.line.send(b"\n")
        assert received(wires.guest, 1) == b"\n"
    assert wires.line.untaken == wires.line.backlog == 0


@pytest.mark.parametrize("size", [1234, 2_000_000])
def test_what_the_guest_did_not_take_is_counted(vm: VMStatus, size: int) -> None:
    with opened(vm) as wires:
        wires.line.send(b"x" * size)
        wait_until(lambda: wires.line.backlog == size)
        wires.line.close()
        assert wires.line.untaken == wires.line.backlog == size
        assert wires.line.send(b"y") is False


def test_what_is_typed_last_is_given_a_moment(vm: VMStatus) -> None:
    with opened(vm) as wires, ThreadPoolExecutor() as pool:
        taken = pool.submit(received, wires.guest, 50_000)
        wires.line.send(b"x" * 50_000)
        wires.line.close()
        assert len(taken.result(LIMIT)) == 50_000
    assert wires.line.untaken == 0


def test_who_asks_for_the_console_is_told_again_and_again(vm: VMStatus, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = Claim("you", 1, 2.0)
    monkeypatch.setattr(client, "LOOK_INTERVAL", 0.01)
    monkeypatch.setattr(client, "asker", lambda _files: claim)
    with opened(vm) as wires:
        wait_until(lambda: len(wires.heard.asked) >= 3)
        assert set(wires.heard.asked) == {claim}


@pytest.mark.parametrize("console", [False, True])
def test_a_line_that_can_not_be_opened_frees_the_console(files: VMFiles, console: bool) -> None:
    vm = VMStatus(files, State.RUNNING, pid=os.getpid(), console=files.console if console else None)
    error, words = (ConsoleError, "there is no console at") if console else (NotRunning, "has no serial console")
    with pytest.raises(error, match=words):
        open_line(vm, take(files, "me"), Heard().events)
    assert holder(files) is None


@pytest.mark.parametrize("taken", [True, False])
def test_qemu_is_asked_first_whether_another_program_is_connected(files: VMFiles, taken: bool) -> None:
    vm = VMStatus(files, State.RUNNING, pid=os.getpid(), console=files.console, qmp=files.qmp)
    name = f"{'' if taken else 'disconnected:'}unix:{files.console},server=on"
    with control_socket(files.qmp, {"query-chardev": [{"label": "serial0", "filename": name}]}) as asked:
        error, words = (ConsoleHeld, "other than podplane-tui is using") if taken else (ConsoleError, "no console at")
        with pytest.raises(error, match=words):
            open_line(vm, take(files, "me"), Heard().events)
    assert [request["execute"] for request in asked] == ["query-chardev"]
    assert holder(files) is None


def test_a_qemu_that_can_not_tell_speaks_against_nothing(files: VMFiles) -> None:
    with control_socket(files.qmp, {}) as asked:
        vm = VMStatus(files, State.RUNNING, pid=os.getpid(), console=files.console, qmp=files.qmp)
        with opened(vm) as wires:
            wires.line.send(b"x")
            assert received(wires.guest, 1) == b"x"
    assert len(asked) == 1
