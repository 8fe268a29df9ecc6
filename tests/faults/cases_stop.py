"""Machines that don't want to stop, and control sockets that are no help."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from threading import Event
from unittest import mock

from podplane_tui.backend import (
    Busy,
    Cancelled,
    Control,
    CorruptFile,
    DirectBootOptions,
    InUse,
    InvalidImage,
    Inventory,
    NotRunning,
    PIDFile,
    QMPUnavailable,
    StartFailed,
    StartSpec,
    State,
    StopTimeouts,
)
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.qemu import qmp
from podplane_tui.backend.qemu.process import Clock
from podplane_tui.backend.runtime.ports import read_state_file, write_state_file
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.ssh.client import ensure_identity
from podplane_tui.backend.ssh.known_hosts import trust
from podplane_tui.backend.vm import stop
from podplane_tui.backend.vm.create import EMPTY_DISK, CreateSpec
from tests.conftest import suspend
from tests.faults.bench import AT_ONCE, SHORT, SMALL, Bench
from tests.faults.matrix import case, refused
from tests.faults.ssh_server import SSHServer
from tests.guest import tiny
from tests.guest.boot import Serial
from tests.waiting import wait_until

NEVER = 86400.0
"""Seconds: whoever waits for the wrong thing does not come back."""

NOBODY_LISTENS = StopTimeouts(powerdown=NEVER, terminate=60)
"""The power button is not waited for where nobody takes the message; SIGTERM is obeyed, however late."""


@case("guest ignores the power button", needs="qemu", quick=True)
def ignores_the_power_button(bench: Bench) -> None:
    bench.create()
    bench.start()
    steps: list[str] = []
    assert bench.cluster.stop(timeouts=SHORT, control=Control(report=steps.append)).step == "terminate"
    assert "pressing the power button" in steps
    assert any("waiting for the guest to power off (1 s left)" in step for step in steps)


@case("guest obeys the power button", needs="qemu tiny")
def obeys_the_power_button(bench: Bench) -> None:
    bench.create()
    guest = tiny.build(tiny.TINY)
    boot = DirectBootOptions(str(guest.kernel), str(guest.initramfs), guest.cmdline)
    bench.start(StartSpec(network=False, memory="256M", boot=boot))
    serial = Serial(bench.files.console)
    serial.wait_for_prompt()
    serial.close()
    bench.cluster.pause()  # and a paused guest can't, unless it is woken first
    assert bench.cluster.stop(timeouts=StopTimeouts(powerdown=200)).step == "powerdown"


@case("paused and resumed by whoever looks: the next look shows it", needs="qemu", quick=True)
def paused_from_here(bench: Bench) -> None:
    bench.create()
    bench.start()
    inventory = bench.inventory()
    assert [vm.state for vm in inventory.statuses()] == [State.RUNNING]
    for act, state in ((bench.cluster.pause, State.PAUSED), (bench.cluster.resume, State.RUNNING)):
        act()
        inventory.doubt()
        assert [vm.state for vm in inventory.statuses()] == [state]


@case("QEMU ignores SIGTERM too", quick=True)
def ignores_sigterm(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(sockets=True, ignore=["SIGTERM"])
    result = bench.cluster.stop(timeouts=StopTimeouts(powerdown=0.2, terminate=0.2))
    assert (result.step, child.wait(5)) == ("kill", -signal.SIGKILL)


@case("suspended QEMU (SIGSTOP): looking is quick, stop wakes it", needs="qemu", quick=True)
def suspended(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    suspend(pid)
    inventory = bench.inventory()
    with mock.patch.object(qmp, "run_states", wraps=qmp.run_states) as asked:
        vm = inventory.statuses()[0]
    assert not asked.called
    assert vm.state is State.PAUSED
    assert f"a signal has suspended QEMU, process {pid}" in (vm.problem or "")
    assert bench.cluster.stop(timeouts=SHORT).step == "terminate"


@case("suspended QEMU (SIGSTOP): resume wakes it", needs="qemu")
def suspended_then_resumed(bench: Bench) -> None:
    bench.create()
    suspend(bench.start())
    bench.cluster.resume()
    assert bench.state() is State.RUNNING


@case("another client holds the control socket", needs="qemu", quick=True)
def control_socket_busy(bench: Bench) -> None:
    bench.create()
    bench.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(bench.files.qmp))
        assert b"QMP" in client.recv(1000)
        inventory = bench.inventory()
        with mock.patch.object(qmp, "GREETING_TIMEOUT", NEVER):  # a look has its own patience
            assert inventory.statuses()[0].state is State.RUNNING
            inventory.statuses()
        with refused(QMPUnavailable, "another client"):
            bench.cluster.pause()
        steps: list[str] = []
        result = bench.cluster.stop(timeouts=NOBODY_LISTENS, control=Control(report=steps.append))
    assert result.step == "terminate", (result, steps)
    assert any("control socket" in step for step in steps), steps


def useless_control_socket(bench: Bench, behaviour: str) -> None:
    bench.create()
    bench.stand_in(sockets=True, qmp=behaviour)
    inventory = bench.inventory()
    with mock.patch.object(qmp, "GREETING_TIMEOUT", NEVER):  # a look has its own patience
        assert inventory.statuses()[0].state is State.RUNNING
        assert inventory.statuses()[0].state is State.RUNNING
    with refused(QMPUnavailable, "control socket", bench.files.qmp.name):
        bench.cluster.pause()
    steps: list[str] = []
    assert bench.cluster.stop(timeouts=NOBODY_LISTENS, control=Control(report=steps.append)).step == "terminate"
    assert not any("for the guest" in step for step in steps), steps


@case("control socket says nothing", quick=True)
def control_socket_silent(bench: Bench) -> None:
    useless_control_socket(bench, "silent")


@case("control socket speaks garbage")
def control_socket_garbage(bench: Bench) -> None:
    useless_control_socket(bench, "garbage")


@case("control socket speaks endlessly")
def control_socket_endless(bench: Bench) -> None:
    useless_control_socket(bench, "endless")


@case("control socket sends deeply nested JSON")
def control_socket_nested(bench: Bench) -> None:
    useless_control_socket(bench, "nested")


@case("control socket hangs up")
def control_socket_closes(bench: Bench) -> None:
    useless_control_socket(bench, "closes")


@case("twelve machines with silent control sockets: asked at once, and not by every look")
def many_silent_sockets(bench: Bench) -> None:
    bench.create()
    files = bench.files
    for index in range(12):
        (files.image_dir / f"podplane-local-m{index}.amd64.image.qcow2").write_bytes(files.image.read_bytes())
        bench.stand_in(
            *("-qmp", f"unix:{files.pid_dir / f'{index}.sock'},server=on,wait=off"),
            disk=files.image_dir / f"podplane-local-m{index}.amd64.image.qcow2",
            record=False,
            qmp="silent",
        )
    inventory = Inventory(bench.workspace.data, bench.workspace.runtime, clock=Clock(monotonic=lambda: 0.0))
    with mock.patch.object(qmp, "run_states", wraps=qmp.run_states) as asked:
        for _ in range(2):
            assert sum(vm.live for vm in inventory.statuses()) == 12
    assert [len(call.args[0]) for call in asked.call_args_list] == [12]
    bench.allowed += ["*.sock"]


@contextlib.contextmanager
def patient_ssh() -> Iterator[None]:
    """A busy host's SSH server may be late."""
    with mock.patch.multiple(stop, CONTAINERD_TIMEOUT=60.0, POWER_OFF_TIMEOUT=60.0):
        yield


def reached_at(bench: Bench, port: int, host_key: str, *, sockets: bool = False) -> subprocess.Popen[bytes]:
    """A stand-in for a QEMU that forwards `port`, where somebody else listens with that key, and our own key."""
    ensure_identity(bench.files.identity)
    trust(bench.files.known_hosts, bench.files.stem, host_key)
    return bench.stand_in("-nic", f"user,hostfwd=tcp:127.0.0.1:{port}-:22", sockets=sockets)


@case("no control socket: power off over SSH", quick=True)
def power_off_over_ssh(bench: Bench) -> None:
    bench.create()
    with SSHServer(poweroff=lambda: child.send_signal(signal.SIGTERM)) as server:
        child = reached_at(bench, server.port, server.host_key)
        with patient_ssh():
            assert bench.cluster.stop(timeouts=StopTimeouts(powerdown=NEVER)).step == "powerdown"
        assert server.commands == ["sudo systemctl stop containerd", "sudo systemctl poweroff"]


@case("no control socket: the connection breaks off while powering off")
def ssh_breaks_off(bench: Bench) -> None:
    bench.create()
    with SSHServer(poweroff=lambda: child.send_signal(signal.SIGTERM), break_off=True) as server:
        child = reached_at(bench, server.port, server.host_key)
        with patient_ssh():
            assert bench.cluster.stop(timeouts=StopTimeouts(powerdown=NEVER)).step == "powerdown"


@case("SSH accepts and says nothing: not waited for", quick=True)
def ssh_silent(bench: Bench) -> None:
    bench.create()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reached_at(bench, silent.getsockname()[1], "ssh-ed25519 AAAA", sockets=True)
        steps: list[str] = []
        with mock.patch.multiple(ssh, CONNECT_TIMEOUT=NEVER, LOGIN_TIMEOUT=NEVER):  # what it is given for all counts
            bench.cluster.stop(timeouts=SHORT, control=Control(report=steps.append))
    assert steps[:2] == ["stopping containerd", "pressing the power button"]


@case("something else listens on the SSH port")
def ssh_is_something_else(bench: Bench) -> None:
    bench.create()
    with socket.create_server(("127.0.0.1", 0)) as server:
        reached_at(bench, server.getsockname()[1], "ssh-ed25519 AAAA", sockets=True)

        def talk() -> None:
            client, _ = server.accept()
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)
            client.close()

        threading.Thread(target=talk, daemon=True).start()
        assert bench.cluster.stop(timeouts=SHORT).step == "terminate"


@case("second key press skips ahead, twice")
def skip_twice(bench: Bench) -> None:
    bench.create()
    bench.stand_in(sockets=True, ignore=["SIGTERM"])
    skip = Event()
    control = Control(report=lambda step: skip.set() if "s left" in step else None, skip=skip)
    assert bench.cluster.stop(timeouts=StopTimeouts(powerdown=NEVER, terminate=NEVER), control=control).step == "kill"


@case("stop given up: the machine goes on, the lock is free")
def given_up(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(sockets=True)
    cancel = Event()
    with refused(Cancelled, "may still be powering off"):
        bench.cluster.stop(control=Control(report=lambda s: cancel.set() if "s left" in s else None, cancel=cancel))
    assert child.poll() is None
    assert bench.state() is State.RUNNING
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("stop of a stopped machine")
def nothing_to_stop(bench: Bench) -> None:
    bench.create()
    with refused(NotRunning, "not running"):
        bench.cluster.stop()


@case("stop twice at once", quick=True)
def twice_at_once(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(sockets=True)
    first = bench.drive("stop", "patiently")
    assert first.stdout is not None
    wait_until(lambda: b"pressing" in first.stdout.readline(), "the first stop")  # type: ignore[union-attr]
    with refused(Busy, "'stop'", str(first.pid), "wait"):
        bench.again().stop()
    assert bench.state() is State.STOPPING
    child.terminate()  # as a guest that powers off at last
    assert first.stdout.read().endswith(b"done\n")


@case("the local server and another machine are left alone", needs="qemu")
def local_server(bench: Bench) -> None:
    bench.create()
    server = PIDFile(bench.workspace.runtime / "local-server.json", bench.plain.pid, {"host": "x"})
    server.write()
    bench.start()
    bench.cluster.stop(timeouts=AT_ONCE)
    bench.cluster.delete(bench.cluster.delete_plan())
    bench.unguard(bench.files.image)
    assert PIDFile.read(server.path) == server
    bench.allowed += ["local-server.json"]


@case("the other architecture runs: state file stays, with its ports")
def other_architecture(bench: Bench) -> None:
    bench.create()
    other = bench.machine("a", "arm64")
    bench.create(other)
    nic = ("-nic", "user,hostfwd=tcp:127.0.0.1:2299-:22")
    bench.stand_in(*nic, disk=other.files.image, record=False)
    bench.stand_in()
    write_state_file(bench.files.state_file, "a", Ports(ssh=2222))
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"
    assert read_state_file(bench.files.state_file) == Ports(ssh=2299)
    plan = bench.cluster.delete_plan()
    assert bench.files.image in plan
    assert bench.files.state_file not in plan
    other.stop(timeouts=AT_ONCE)


@case("QEMU dies between two steps of a stop")
def dies_meanwhile(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(sockets=True)
    control = Control(report=lambda step: child.kill() if "pressing" in step else None)
    bench.cluster.stop(timeouts=StopTimeouts(powerdown=5), control=control)
    assert bench.state() is State.STOPPED


@case("the start settings survive a restart under a busy control socket", needs="qemu")
def restart_with_busy_socket(bench: Bench) -> None:
    bench.create()
    before = bench.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(bench.files.qmp))
        bench.cluster.restart(timeouts=SHORT)
    vm = bench.seen()
    assert vm.pid != before
    assert (vm.cpus, vm.memory_limit_bytes) == (1, 64 * 2**20)
    assert SMALL.memory == "64M"


@case("a restart of what could not start again stops nothing", quick=True)
def restart_that_can_not_be(bench: Bench) -> None:
    base, away = bench.root / "base.qcow2", bench.root / "away"
    bench.cluster.create(EMPTY_DISK)
    bench.files.image.rename(base)
    bench.cluster.create(CreateSpec(image=str(base)))
    bench.guard(bench.files.image)
    kernel = bench.root / "kernel"
    kernel.touch()
    child = bench.stand_in("-kernel", str(kernel), "-initrd", str(kernel), "-append", "x")
    for path, kind in (
        (base, InvalidImage),
        (bench.files.image, InUse),  # its QEMU has another disk then
        (kernel, StartFailed),
    ):
        path.rename(away)
        with refused(kind, str(path)):
            bench.cluster.restart(timeouts=AT_ONCE)
        away.rename(path)
        assert bench.state() is State.RUNNING
    bench.files.identity.write_text("no key")
    with refused(CorruptFile, str(bench.files.identity)):
        bench.cluster.restart(timeouts=AT_ONCE)
    assert child.poll() is None
