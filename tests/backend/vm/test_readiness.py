"""How far machines have come, told by servers and recordings of ours that stand for a guest's."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import KeyRefused
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Phase, Ports, State, VMStatus
from podplane_tui.backend.qemu.process import Clock
from podplane_tui.backend.vm import access, cloud_init_status, readiness
from podplane_tui.backend.vm.cloud_init_status import CloudInitStatus, Outcome
from podplane_tui.backend.vm.readiness import PATIENCE, ReadinessTracker, ssh_answers, tls_answers
from tests.paths import RECORDINGS
from tests.waiting import wait_until

BOOT = (RECORDINGS / "debian12-first-boot.raw").read_bytes()


class Server:
    """Accepts on a port of its own and does with each connection what it was last told; does nothing at first."""

    def __init__(self) -> None:
        self.behave: Callable[[socket.socket], None] = lambda connection: None
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.connections += 1
                connection.settimeout(10)
                try:
                    self.behave(connection)
                except OSError:
                    continue

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def api() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def greet(connection: socket.socket) -> None:
    connection.sendall(b"SS")
    connection.sendall(b"H-2.0-test\r\n")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers may be slow."""
    monkeypatch.setattr(readiness, "PROBE_TIMEOUT", 60.0)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's side of TLS that wants a client's certificate, as Kubernetes."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = str(folder / "key.pem"), str(folder / "cert.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        [*command, "-subj", "/CN=x", "-keyout", key, "-out", certificate, "-days", "2"], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def shake_hands(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True).close()

    return behave


def test_only_an_ssh_servers_words_count(server: Server) -> None:
    assert not ssh_answers(server.port)  # accepted and closed, as QEMU does for a guest that does not listen
    server.behave = lambda connection: connection.sendall(b"HTTP/1.1 400\r\n")
    assert not ssh_answers(server.port)
    server.behave = greet
    assert ssh_answers(server.port)
    server.close()


def test_a_silent_port_does_not_hold_a_probe(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PROBE_TIMEOUT", 0.1)
    silent = threading.Event()

    def wait(_connection: socket.socket) -> None:
        silent.wait()

    server.behave = wait
    assert not ssh_answers(server.port)  # or it would wait as long
    silent.set()


def test_only_a_tls_server_counts(server: Server, tls: ssl.SSLContext) -> None:
    assert not tls_answers(server.port)
    server.behave = greet
    assert not tls_answers(server.port)
    server.behave = shake_hands(tls)
    assert tls_answers(server.port)


@pytest.fixture
def vm(tmp_path: Path, server: Server, api: Server) -> VMStatus:
    """A running machine whose console is recorded."""
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run", tmp_path / "state")
    (tmp_path / "log").touch()
    serial = f"unix:/x,server=on,wait=off,logfile={tmp_path / 'log'},logappend=on"
    arguments = ("qemu-system-x86_64", "-serial", serial)
    ports = Ports(ssh=server.port, kubernetes_api=api.port)
    return VMStatus(files, State.RUNNING, pid=1, started_at=time.time(), ports=ports, arguments=arguments)


def look(tracker: ReadinessTracker, vm: VMStatus) -> VMStatus:
    (found,) = tracker.update([vm])
    return found


def until(tracker: ReadinessTracker, vm: VMStatus, phase: Phase | None) -> VMStatus:
    """Look until `phase` is what is waited for."""

    def reached() -> VMStatus | None:
        found = look(tracker, vm)
        assert found.readiness is not None
        return found if found.readiness.waiting_for is phase else None

    found = wait_until(reached, f"{phase} to be waited for", seen=lambda: look(tracker, vm).readiness)
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_LONGEST_INTERVAL", 0.05)
    monkeypatch.setattr(readiness, "_FIRST_INTERVAL", 0.05)


@pytest.mark.slow
def test_a_cluster_of_podplane_is_ready_when_its_api_answers(
    vm: VMStatus, tmp_path: Path, server: Server, api: Server, tls: ssl.SSLContext
) -> None:
    vm.files.cluster_dir.mkdir(parents=True)
    vm.files.cluster_config.write_text("{}")
    tracker = ReadinessTracker()
    found = until(tracker, vm, Phase.CONSOLE)
    assert found.state is State.STARTING
    (tmp_path / "log").write_bytes(BOOT[:2000])
    found = until(tracker, vm, Phase.SSH)
    assert found.waiting_for is Phase.SSH
    server.behave = greet
    until(tracker, vm, Phase.CLOUD_INIT)
    (tmp_path / "log").write_bytes(BOOT)
    found = until(tracker, vm, Phase.API)
    assert found.state is State.STARTING
    api.behave = shake_hands(tls)
    found = until(tracker, vm, None)
    assert found.state is State.RUNNING
    assert found.readiness is not None
    assert [phase for phase, _ in found.readiness.reached] == list(Phase)
    times = [after for _, after in found.readiness.reached]
    assert all(after is not None for after in times)
    assert times == sorted(times, key=lambda after: after or 0)


def test_probes_end_when_everything_is_reached(vm: VMStatus, tmp_path: Path, server: Server) -> None:
    (tmp_path / "log").write_bytes(b"a shell\r\n# ")
    server.behave = greet
    ahead = 0.0
    tracker = ReadinessTracker(Clock(monotonic=lambda: time.monotonic() + ahead))
    until(tracker, vm, None)
    connections, track = server.connections, tracker._tracks[vm.key]
    wait_until(lambda: not track.probing, "the end of the last probe")
    next_probe = track.next_probe
    for _ in range(3):
        ahead += 1000.0  # another probe would be due
        assert look(tracker, vm).state is State.RUNNING
        assert (track.probing, track.next_probe, server.connections) == (False, next_probe, connections)


@pytest.mark.slow
def test_a_machine_of_ours_need_have_no_kubernetes_but_waits_for_its_cloud_init(
    vm: VMStatus, tmp_path: Path, server: Server
) -> None:
    (tmp_path / "log").write_bytes(BOOT[: BOOT.index(b"modules:config")])
    server.behave = greet
    tracker = ReadinessTracker()
    until(tracker, vm, Phase.CLOUD_INIT)
    (tmp_path / "log").write_bytes(BOOT)
    until(tracker, vm, None)


@pytest.mark.slow
@pytest.mark.parametrize("prompt", [b"/ # ", b"root@tiny:~# ", b"\x1b[1mdebian login: \x1b[0m", b"Shell> "])
def test_a_machine_of_ours_without_an_ssh_server_is_ready_at_its_prompt(
    vm: VMStatus, tmp_path: Path, prompt: bytes
) -> None:
    (tmp_path / "log").write_bytes(b"[ 1.0] booting\r\n 50% ")
    tracker = ReadinessTracker()
    until(tracker, vm, Phase.SSH)
    (tmp_path / "log").write_bytes(b"[ 1.0] booting\r\n" + prompt)
    assert until(tracker, vm, None).state is State.RUNNING


def test_a_machine_that_never_answers_counts_as_running_after_a_while(vm: VMStatus) -> None:
    now = time.time()
    tracker = ReadinessTracker(Clock(wall=lambda: now))
    assert look(tracker, vm).state is State.STARTING
    now += PATIENCE + 1
    found = look(tracker, vm)
    assert found.state is State.RUNNING
    assert found.readiness is not None
    assert not found.readiness.ready


def test_what_was_reached_before_anybody_looked_has_no_time(vm: VMStatus, tmp_path: Path, server: Server) -> None:
    (tmp_path / "log").write_bytes(BOOT)
    server.behave = greet
    tracker = ReadinessTracker()
    old = replace(vm, started_at=time.time() - 3600)
    tracker.update([old])
    tracker.settle([old], 600)
    found = look(tracker, old)
    assert found.readiness is not None
    assert found.readiness.ready
    assert dict(found.readiness.reached)[Phase.SSH] is None


def test_without_network_or_recording_there_is_nothing_to_wait_for(vm: VMStatus) -> None:
    bare = replace(vm, ports=Ports(), arguments=("qemu-system-x86_64",))
    found = look(ReadinessTracker(), bare)
    assert (found.state, found.readiness is not None and found.readiness.ready) == (State.RUNNING, True)


def test_states_of_their_own_stay_and_stopped_machines_are_not_probed(vm: VMStatus, server: Server) -> None:
    tracker = ReadinessTracker()
    for state in (State.PAUSED, State.STOPPING, State.ORPHANED):
        assert look(tracker, replace(vm, state=state)).state is state
    stopped = replace(vm, state=State.STOPPED, pid=None)
    assert look(tracker, stopped) is stopped
    assert server.connections == 0


def test_a_machine_started_anew_is_waited_for_again(vm: VMStatus, tmp_path: Path, server: Server) -> None:
    (tmp_path / "log").write_bytes(b"x\n")
    server.behave = greet
    tracker = ReadinessTracker()
    until(tracker, vm, None)
    server.behave = lambda connection: None
    assert look(tracker, replace(vm, pid=2)).state is State.STARTING


def test_a_guest_is_asked_once_in_a_while_and_only_by_who_waits_for_it(
    vm: VMStatus, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its console may never show that its cloud-init has ended."""
    (tmp_path / "log").write_bytes(BOOT[: BOOT.index(b"modules:config")])
    server.behave = greet
    asked: list[bool] = []

    def says_ended(*_: object, recorded: bool) -> bool:
        asked.append(recorded)
        return True

    monkeypatch.setattr(readiness, "_guest_says_ended", says_ended)
    silent = ReadinessTracker(asks=False)
    until(silent, vm, Phase.CLOUD_INIT)
    silent.settle([vm], 600)
    assert asked == []
    found = until(ReadinessTracker(), vm, None)
    assert found.readiness is not None
    assert found.readiness.has(Phase.CLOUD_INIT)
    assert asked == [True]


@pytest.mark.parametrize(("recorded", "first"), [(True, readiness._ASK_INTERVAL_RECORDED), (False, 0.0)])
def test_when_a_guest_is_asked(vm: VMStatus, monkeypatch: pytest.MonkeyPatch, recorded: bool, first: float) -> None:
    answers = iter([CloudInitStatus(Outcome.RUNNING), CloudInitStatus(Outcome.ERROR)])
    monkeypatch.setattr(access, "ssh_target", lambda _context: None)
    monkeypatch.setattr(cloud_init_status, "ask", lambda _target: next(answers))
    track = readiness._Track((), {}, ())
    interval = readiness._ASK_INTERVAL_RECORDED if recorded else readiness._ASK_INTERVAL

    def ended(at: float) -> bool:
        return readiness._guest_says_ended(vm.files, track, at, recorded=recorded)

    assert not ended(0.0)
    assert not ended(first)  # it is still at work
    assert not ended(first + interval - 1)  # or there would be no answer left
    assert ended(first + interval)


def test_a_guest_that_can_not_be_asked_is_waited_for_only_where_its_console_can_tell(
    vm: VMStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_target: object) -> None:
        raise KeyRefused("no", hint="do")

    monkeypatch.setattr(access, "ssh_target", lambda _context: None)
    monkeypatch.setattr(cloud_init_status, "ask", refuse)
    for recorded in (True, False):
        track = readiness._Track((), {}, (), ask_at=0.0)
        assert readiness._guest_says_ended(vm.files, track, 0.0, recorded=recorded) is not recorded
