"""QMP against a real QEMU, and against listeners that are none. The rest is in the fault matrix."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import QMPError, QMPUnavailable
from podplane_tui.backend.qemu import qmp
from tests.backend.qemu.support import control_socket
from tests.conftest import Workspace
from tests.faults.stand_in import answer
from tests.waiting import wait_until

vm = pytest.mark.vm

UNUSABLE = r"^QEMU's control socket /tmp/.* can't be used \({}\): restart the VM to get a new one$"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers may be slow."""
    monkeypatch.setattr(qmp, "GREETING_TIMEOUT", 120.0)
    monkeypatch.setattr(qmp, "ANSWER_TIMEOUT", 120.0)


@pytest.fixture
def qemu(require_qemu: None, workspace: Workspace) -> Iterator[qmp.ControlSocket]:
    """The control socket of a QEMU without a disk that waits before its first instruction."""
    path, console = workspace.root / "qmp.sock", workspace.root / "console.sock"
    command = [
        *("qemu-system-x86_64", "-S", "-display", "none", "-nodefaults", "-accel", "tcg", "-m", "32M"),
        *("-qmp", f"unix:{path},server=on,wait=off", "-serial", f"unix:{console},server=on,wait=off"),
    ]
    with subprocess.Popen(command) as child:
        try:
            wait_until(lambda: path.exists() or child.poll() is not None, "the control socket")
            assert child.poll() is None
            yield qmp.ControlSocket(path, child.pid)
        finally:
            child.kill()


@vm
def test_a_session_asks_and_leaves(qemu: qmp.ControlSocket) -> None:
    assert qmp.run_state(qemu) == "prelaunch"
    qmp.execute(qemu, "cont")
    assert qmp.run_state(qemu) == "running"
    qmp.execute(qemu, "stop")
    assert qmp.run_state(qemu) == "paused"
    with pytest.raises(QMPError, match="refused no-such-thing"):
        qmp.execute(qemu, "no-such-thing")


@vm
def test_console_clients_are_seen(qemu: qmp.ControlSocket) -> None:
    console = qemu.path.with_name("console.sock")
    assert not qmp.console_client_connected(qemu, console)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(console))
        assert qmp.console_client_connected(qemu, console)
    assert not qmp.console_client_connected(qemu, console)


def ours(path: Path) -> qmp.ControlSocket:
    """One that this process serves."""
    return qmp.ControlSocket(path, os.getpid())


def test_nothing_is_said_to_a_process_that_is_not_the_one(tmp_path: Path) -> None:
    with control_socket(tmp_path / "qmp", {"stop": {}}) as asked:
        other = qmp.ControlSocket(tmp_path / "qmp", os.getppid())
        words = (
            rf"qmp is not the control socket of process {os.getppid()}: process {os.getpid()} answers there; end that"
        )
        with pytest.raises(QMPUnavailable, match=words):
            qmp.execute(other, "stop")
        assert qmp.run_states([other], timeout=120) == {}
    assert asked == []


def listener(path: Path) -> socket.socket:
    """One that says nothing by itself."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    return server


@vm
def test_many_are_asked_at_once(qemu: qmp.ControlSocket, tmp_path: Path) -> None:
    paths = [tmp_path / str(index) for index in range(10)]
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(listener(path)) for path in paths]
        last = stack.enter_context(listener(tmp_path / "last"))

        def answer_when_all_are_asked() -> None:
            client, _ = last.accept()
            with client, contextlib.ExitStack() as asked:
                for server in silent:
                    asked.enter_context(server.accept()[0])
                asked.close()
                answer(client)

        threading.Thread(target=answer_when_all_are_asked, daemon=True).start()
        answers = qmp.run_states([*map(ours, [*paths, tmp_path / "last", tmp_path / "none"]), qemu], timeout=120)
    assert answers == {qemu: "prelaunch", ours(tmp_path / "last"): "running"}


def test_those_that_say_nothing_are_left_out(tmp_path: Path) -> None:
    with listener(tmp_path / "silent"):  # waited for as long as for one that is asked alone, the test would not end
        assert qmp.run_states([ours(tmp_path / "silent")], timeout=0.1) == {}


def test_nobody_to_ask_costs_nothing() -> None:
    assert qmp.run_states([], timeout=1.0) == {}


def test_no_socket_and_no_listener(tmp_path: Path) -> None:
    with pytest.raises(QMPUnavailable, match=UNUSABLE.format("No such file or directory")):
        qmp.run_state(ours(tmp_path / "none"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "left"))
    with pytest.raises(QMPUnavailable, match="refused"):
        qmp.run_state(ours(tmp_path / "left"))
    (tmp_path / "file").touch()
    with pytest.raises(QMPUnavailable, match=r"file can't be used .*refused"):
        qmp.run_state(ours(tmp_path / "file"))
    with pytest.raises(QMPUnavailable, match=r"xxx can't be used .*too long"):
        qmp.run_state(ours(tmp_path / ("x" * 200)))


def scripted(path: Path, *words: bytes, then: threading.Event | None = None) -> socket.socket:
    """A listener that says the first of `words`, then one for each that it is asked, and leaves when `then` is set."""
    server = listener(path)

    def serve() -> None:
        client, _ = server.accept()
        with client:
            for said in words:
                client.sendall(said)
                client.recv(4096)
            if then is not None:
                then.wait()

    threading.Thread(target=serve, daemon=True).start()
    return server


def test_a_control_socket_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qmp, "GREETING_TIMEOUT", 0.0)
    path = tmp_path / "qmp"
    with listener(path), pytest.raises(QMPUnavailable, match="does not answer") as caught:
        qmp.run_state(ours(path))
    assert str(caught.value) == (
        f"QEMU's control socket {path} does not answer: QEMU hangs, or another client is using it;"
        " disconnect that client, or restart the VM"
    )


def test_an_answer_that_does_not_come_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qmp, "ANSWER_TIMEOUT", 0.1)
    asked = threading.Event()
    with (
        scripted(tmp_path / "qmp", GREETING, READY, then=asked),
        pytest.raises(QMPError, match="did not answer") as caught,
    ):
        qmp.execute(ours(tmp_path / "qmp"), "stop")
    asked.set()
    assert str(caught.value) == "QEMU did not answer stop within 0 s: try again, or stop the VM"
    assert not isinstance(caught.value, QMPUnavailable)


@pytest.mark.parametrize(
    ("answered", "state"),
    [
        ({"status": "running", "running": True}, "running"),
        ({"running": True}, ""),
        (["running"], ""),
        ({"status": "x" * 50}, "x" * 40),
    ],
)
def test_a_run_state_is_one_short_word_whatever_is_answered(tmp_path: Path, answered: object, state: str) -> None:
    with control_socket(tmp_path / "qmp", {"query-status": answered}) as asked:
        assert qmp.run_state(ours(tmp_path / "qmp")) == state
        assert qmp.run_states([ours(tmp_path / "qmp")], timeout=120) == {ours(tmp_path / "qmp"): state}
    assert asked == 2 * [{"execute": "query-status"}]


def test_a_command_may_have_arguments(tmp_path: Path) -> None:
    with control_socket(tmp_path / "qmp", {"send-key": {"done": 1}}) as asked:
        assert qmp.execute(ours(tmp_path / "qmp"), "send-key", {"keys": ["a"]}) == {"done": 1}
    assert asked == [{"execute": "send-key", "arguments": {"keys": ["a"]}}]


@pytest.mark.parametrize(
    ("devices", "connected"),
    [
        ([{"filename": "unix:/r/c.sock,server=on"}], True),
        ([{"filename": "disconnected:unix:/r/c.sock,server=on"}], False),
        ([{}, {"filename": "unix:/r/other.sock"}, {"filename": "unix:/r/c.sock,server=on"}], True),
        ([{"filename": "unix:/r/other.sock"}], False),
        ({"filename": "unix:/r/c.sock"}, False),
        (None, False),
    ],
)
def test_a_console_client_is_seen_in_whatever_is_answered(tmp_path: Path, devices: object, connected: bool) -> None:
    with control_socket(tmp_path / "qmp", {"query-chardev": devices}) as asked:
        assert qmp.console_client_connected(ours(tmp_path / "qmp"), Path("/r/c.sock")) is connected
    assert asked == [{"execute": "query-chardev"}]


GREETING, READY = b'{"QMP": {"version": {}, "capabilities": []}}\r\n', b'{"return": {}}\r\n'
REFUSED = r"^QEMU refused query-status: check the state of the VM$"
EVENT = b'{"event": "RESUME", "timestamp": {"seconds": 1}}\r\n'


@pytest.mark.parametrize(
    ("words", "error", "match"),
    [
        ((b'{"hello": 1}\n',), QMPUnavailable, UNUSABLE.format("it does not greet as QMP does")),
        ((b"[1]\n",), QMPUnavailable, UNUSABLE.format("it sends what is not QMP")),
        ((b"\xff\n",), QMPUnavailable, UNUSABLE.format("it sends what is not QMP")),
        ((GREETING, b'{"error": {"desc": "no"}}\n'), QMPUnavailable, UNUSABLE.format("it does not speak QMP as we do")),
        ((GREETING,), QMPUnavailable, UNUSABLE.format("it was closed")),
        (
            (GREETING, READY),
            QMPError,
            r"^QEMU closed the connection during query-status \(it was closed\): check whether the VM is running$",
        ),
        (
            (GREETING, READY, b'{"error": {"desc": "not \\u001b[1mnow"}}\n'),
            QMPError,
            r"^QEMU refused query-status: not now; check the state of the VM$",
        ),
        ((GREETING, READY, b'{"error": 5}\n'), QMPError, REFUSED),
        ((GREETING, READY, b'{"error": {}}\n'), QMPError, REFUSED),
    ],
)
def test_what_a_listener_may_say(tmp_path: Path, words: tuple[bytes, ...], error: type[QMPError], match: str) -> None:
    with scripted(tmp_path / "qmp", *words), pytest.raises(error, match=match) as caught:
        qmp.run_state(ours(tmp_path / "qmp"))
    assert isinstance(caught.value, QMPUnavailable) == (error is QMPUnavailable)


def test_a_line_without_an_end_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qmp, "_MAX_LINE", 20)
    with (
        scripted(tmp_path / "qmp", b" " * 21),
        pytest.raises(QMPUnavailable, match=UNUSABLE.format("it sends what is not QMP")),
    ):
        qmp.run_state(ours(tmp_path / "qmp"))


def test_events_and_halves_of_lines_do_not_confuse(tmp_path: Path) -> None:
    said = (GREETING + EVENT + READY[:5], READY[5:], EVENT + b"\r\n" + b'{"return": {"status": "paused"}}\n')
    with scripted(tmp_path / "qmp", *said):
        assert qmp.run_state(ours(tmp_path / "qmp")) == "paused"


def test_a_full_queue_is_waited_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """QEMU lets few wait: who finds the queue full tries again, or a stop would end without asking the guest."""
    path, queued = tmp_path / "qmp", []
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(0)

    def fill() -> None:
        for _ in range(1000):
            queued.append(socket.socket(socket.AF_UNIX))
            queued[-1].setblocking(False)
            queued[-1].connect(str(path))

    with pytest.raises(BlockingIOError, match=os.strerror(errno.EAGAIN)):
        fill()

    refused, connect = threading.Event(), qmp._Session.connect

    def try_to_connect(session: qmp._Session) -> bool:
        connected = connect(session)
        if not connected:
            refused.set()
        return connected

    monkeypatch.setattr(qmp._Session, "connect", try_to_connect)

    def serve() -> None:
        refused.wait()
        for client in queued:
            client.close()
        for _ in queued:  # all but the last, which was refused, and ours
            with server.accept()[0] as client:
                answer(client)

    with server:
        thread = threading.Thread(target=serve)
        thread.start()
        assert qmp.run_state(ours(path)) == "running"
        thread.join()
