"""Starts that can't succeed, and starts that have to, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

from podplane_tui.backend import (
    AlreadyRunning,
    Busy,
    Cancelled,
    Cluster,
    Control,
    InUse,
    InvalidImage,
    InvalidInput,
    PortTaken,
    StartFailed,
    StartSpec,
    State,
    VMExists,
    VMNotFound,
)
from podplane_tui.backend.runtime.ports import FORWARDS
from podplane_tui.backend.vm.create import EMPTY_DISK, CreateSpec
from tests.conftest import suspend
from tests.faults.bench import AT_ONCE, SMALL, Bench
from tests.faults.matrix import case, refused
from tests.waiting import wait_until


@contextmanager
def path_first(directory: Path) -> Iterator[None]:
    """Programs in `directory` before all others."""
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{directory}:{before}"
    try:
        yield
    finally:
        os.environ["PATH"] = before


def fake_qemu(bench: Bench, script: str) -> Path:
    """A program of QEMU's name that does something else."""
    directory = bench.root / "fake"
    directory.mkdir()
    program = directory / "qemu-system-x86_64"
    program.write_text(script)
    program.chmod(0o755)
    return directory


def nothing_left(bench: Bench, before: set[str]) -> None:
    assert {path.name for path in bench.files.image_dir.iterdir()} == before
    assert not bench.files.pid_dir.exists() or list(bench.files.pid_dir.iterdir()) == []
    assert bench.state() is State.STOPPED


def disks(bench: Bench) -> set[str]:
    return {path.name for path in bench.files.image_dir.iterdir()}


@case("no disk")
def no_disk(bench: Bench) -> None:
    with refused(VMNotFound, "create it first"):
        bench.cluster.start(SMALL)


@case("base image is gone", quick=True)
def no_base_image(bench: Bench) -> None:
    base = bench.root / "base\x1b[31m\n.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", base, "1M"], check=True)
    bench.cluster.create(CreateSpec(image=str(base)))
    bench.guard(bench.files.image)
    base.rename(bench.root / "elsewhere")
    vm = bench.seen()
    assert vm.state is State.BROKEN
    assert (vm.problem or "").isprintable()
    with refused(InvalidImage, "is gone", "put it back"):
        bench.cluster.start(SMALL)
    [step] = bench.cluster.repair_plan().steps
    assert step.kind == "manual"
    assert "put it back" in step.description
    (bench.root / "elsewhere").rename(base)
    assert bench.state() is State.STOPPED


@case("disk is locked by another program", needs="qemu", quick=True)
def locked_image(bench: Bench) -> None:
    bench.create()
    before = disks(bench)
    other = bench.child(
        "qemu-io", str(bench.files.image), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert other.stdin is not None
    assert other.stdout is not None
    other.stdin.write(b"length\n")
    other.stdin.flush()
    assert b"128 GiB" in other.stdout.readline().removeprefix(b"qemu-io> ")
    with refused(InUse, f"qemu-io (process {other.pid}) has its disk open"):
        bench.cluster.start(SMALL)
    assert bench.state() is State.IN_USE
    assert other.poll() is None
    other.kill()
    other.wait()
    nothing_left(bench, before)


@case("more memory than there can be", needs="qemu")
def no_memory(bench: Bench) -> None:
    bench.create()
    before = disks(bench)
    with refused(StartFailed, "QEMU ended at once", "memory"):
        bench.cluster.start(StartSpec(network=False, memory="900000G"))
    nothing_left(bench, before)


@case("accelerator that is not there", needs="qemu", quick=True)
def bad_accelerator(bench: Bench) -> None:
    bench.create()
    before = disks(bench)
    with refused(StartFailed, "invalid accelerator hvf", "--accel tcg"):
        bench.cluster.start(StartSpec(network=False, memory="64M", accelerator="hvf"))
    nothing_left(bench, before)


@case("port taken between allocation and start: others are chosen", needs="qemu namespace", quick=True)
def port_taken_meanwhile(bench: Bench) -> None:
    bench.create()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # in a network of its own nobody else has the ports
    steps: list[str] = []
    with ExitStack() as stack:

        def report(step: str) -> None:
            if step.startswith("writing") and not any("choosing" in s for s in steps):
                for default, _ in FORWARDS.values():
                    stack.enter_context(socket.create_server(("127.0.0.1", default)))
            steps.append(step)

        bench.cluster.start(StartSpec(memory="64M"), control=Control(report=report))
    assert "a port was taken meanwhile: choosing others" in steps
    ports = dict(bench.cluster.ports().items())
    assert len(set(ports.values())) == 5
    for port in ports.values():
        socket.create_connection(("127.0.0.1", port)).close()
    bench.cluster.stop(timeouts=AT_ONCE)


@case("ports taken each time: told by whom", needs="qemu namespace")
def ports_taken_each_time(bench: Bench) -> None:
    bench.create()
    before = disks(bench)
    # In a network of its own: the defaults are taken, and there are ten other ports, no more.
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("40000 40009")
    with ExitStack() as stack:
        for default, _ in FORWARDS.values():
            stack.enter_context(socket.create_server(("127.0.0.1", default)))
        taken: list[socket.socket] = []

        def report(step: str) -> None:
            if "choosing others" in step:
                while taken:
                    taken.pop().close()
            elif step.startswith("starting QEMU"):
                taken.extend(socket.create_server(("127.0.0.1", port)) for port in range(40000, 40010))

        with refused(PortTaken, "Could not set up host forwarding rule", f"is taken by process {os.getpid()} ("):
            bench.cluster.start(StartSpec(memory="64M"), control=Control(report=report))
        while taken:
            taken.pop().close()
    nothing_left(bench, before)


@case("QEMU dies at once, with escape sequences on its lips", quick=True)
def dies_at_once(bench: Bench) -> None:
    bench.create()
    before = disks(bench)
    script = "#!/bin/sh\nprintf '\\033]0;owned\\007qemu: \\033[31mno luck\\033[0m\\ntoday\\n' >&2\nexit 3\n"
    with path_first(fake_qemu(bench, script)), refused(StartFailed, "exit code 3", "no luck today"):
        bench.cluster.start(SMALL)
    nothing_left(bench, before)


@case("QEMU prints 100 MB and dies")
def dies_talking(bench: Bench) -> None:
    bench.create()
    before = disks(bench)
    script = "#!/bin/sh\nyes 'very long complaint' | head -c 100000000 >&2\necho last words >&2\nexit 1\n"
    with path_first(fake_qemu(bench, script)), refused(StartFailed, "last words"):
        bench.cluster.start(SMALL)
    nothing_left(bench, before)


@case("QEMU is no program")
def no_program(bench: Bench) -> None:
    bench.create()
    before = disks(bench)
    with path_first(fake_qemu(bench, "\x7fELF nonsense")), refused(StartFailed, "Exec format error"):
        bench.cluster.start(SMALL)
    nothing_left(bench, before)


@case("QEMU never answers: cancelled", quick=True)
def never_answers(bench: Bench) -> None:
    bench.create()
    before = disks(bench)
    cancel = Event()
    control = Control(report=lambda s: cancel.set() if s.startswith("waiting") else None, cancel=cancel)
    with (
        path_first(fake_qemu(bench, "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.1; done\n")),
        refused(Cancelled, "nothing is left"),
    ):
        bench.cluster.start(SMALL, control=control)
    nothing_left(bench, before)


@case("two racing starts", needs="qemu", quick=True)
def racing_starts(bench: Bench) -> None:
    bench.create()
    drivers = [bench.drive("start", "wait") for _ in range(4)]
    for driver in drivers:
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"ready\n"
    ends = [driver.communicate(b"\n", timeout=60)[0].decode().splitlines()[-1] for driver in drivers]
    assert ends.count("done") == 1, ends
    assert all(end == "done" or end.startswith(("refused: Busy", "refused: AlreadyRunning")) for end in ends), ends
    assert bench.real_machines() == 1
    assert bench.state() is State.RUNNING


@case("two racing starts under different runtime directories", needs="qemu")
def racing_starts_elsewhere(bench: Bench) -> None:
    bench.create()
    bench.start()
    elsewhere = Cluster(data_dir=bench.workspace.data, runtime_dir=bench.root / "run2", cluster_id="a", arch="amd64")
    for verb in (lambda: elsewhere.start(SMALL), lambda: elsewhere.stop(timeouts=AT_ONCE)):
        with refused(InUse, f"its console is {bench.files.console}"):
            verb()
    assert bench.state() is State.RUNNING
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("deletion while starting", needs="qemu", quick=True)
def deletion_while_starting(bench: Bench) -> None:
    bench.create()
    plan = bench.cluster.delete_plan()

    def report(_step: str) -> None:
        with refused(Busy, "'start'"):
            bench.again().delete(plan)

    bench.cluster.start(SMALL, control=Control(report=report))
    with refused(AlreadyRunning, "running as process", "delete"):
        bench.again().delete(plan)


@case("start while deleting")
def start_while_deleting(bench: Bench) -> None:
    bench.create()
    bench.unguard(bench.files.image)
    tried: list[str] = []

    def report(step: str) -> None:
        tried.append(step)
        with refused(Busy, "'delete'"):
            bench.again().start(SMALL)

    bench.cluster.delete(bench.cluster.delete_plan(), control=Control(report=report))
    assert tried[-1] == f"removing {bench.files.image.name}"


@case("second start", needs="qemu")
def second_start(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    with refused(AlreadyRunning, str(pid), "stop or restart it"):
        bench.again().start(SMALL)
    assert bench.cluster.qemu.pid() == pid


@case("second create keeps the disk")
def second_create(bench: Bench) -> None:
    bench.create()
    with refused(VMExists, "delete it first"):
        bench.again().create(EMPTY_DISK)


@case("socket path too long")
def long_socket_path(bench: Bench) -> None:
    cluster = Cluster(data_dir=bench.workspace.data, runtime_dir=bench.root / ("r" * 100), cluster_id="a", arch="amd64")
    bench.create(cluster)
    with refused(InvalidInput, "socket path", "--runtime-dir"):
        cluster.start(SMALL)


@case("spaces, quotes, commas and a newline in the directories' names", needs="qemu", quick=True)
def odd_directories(bench: Bench) -> None:
    cluster = Cluster(
        data_dir=bench.root / "da ta,x'\"\n$(touch owned)",
        runtime_dir=bench.root / "r,u n",
        cluster_id="a",
        arch="amd64",
    )
    cluster.create(EMPTY_DISK)
    bench.guard(cluster.files.image)
    cluster.start(SMALL)
    vm = cluster.status()
    assert vm is not None
    assert (vm.state, vm.problem) == (State.RUNNING, None)
    assert cluster.stop(timeouts=AT_ONCE).step == "terminate"
    assert not list(bench.root.rglob("owned"))


@case("QEMU was killed: shown as crashed, starts again", needs="qemu", quick=True)
def killed_qemu(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    os.kill(pid, 9)
    wait_until(lambda: not bench.cluster.qemu.running(), "the end of QEMU")
    vm = bench.seen()
    assert vm.state is State.CRASHED
    assert bench.files.console.name in (vm.problem or "")
    assert bench.start() != pid
    assert bench.state() is State.RUNNING


@case("started from a thread of a program that goes on: no zombie is left", needs="qemu")
def no_zombie(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    os.kill(pid, 9)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the collection of the child")
    assert bench.cluster.stop().step == "gone"


@case("the lock's holder is suspended: told who")
def suspended_holder(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(sockets=True)
    holder = bench.drive("stop", "patiently")
    assert holder.stdout is not None
    wait_until(lambda: b"pressing" in holder.stdout.readline(), "the stop")  # type: ignore[union-attr]
    suspend(holder.pid)
    with refused(Busy, str(holder.pid)):
        bench.again().start(SMALL)
    holder.send_signal(signal.SIGCONT)
    child.terminate()  # as a guest that powers off at last
    assert holder.stdout.read().endswith(b"done\n")
