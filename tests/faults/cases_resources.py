"""Disks that are full or can't be written, and clocks that jump. Run in namespaces of their own."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from podplane_tui.backend import (
    Control,
    CorruptFile,
    CreateFailed,
    DeleteFailed,
    DirectBootOptions,
    Inventory,
    RunStateError,
    StartFailed,
    StartSpec,
    State,
    StopFailed,
    StopTimeouts,
    VMError,
)
from podplane_tui.backend.qemu.process import Clock
from podplane_tui.backend.vm.create import EMPTY_DISK
from tests.faults.bench import AT_ONCE, SHORT, SMALL, Bench
from tests.faults.matrix import case, refused
from tests.guest import tiny
from tests.guest.boot import BOOT_LIMIT, Serial
from tests.waiting import wait_until


def tmpfs(bench: Bench, directory: Path, *, size: str) -> None:
    """A small file system of its own at `directory`, for this mount namespace only."""
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", directory], check=True)
    bench.mounted(directory)


def fill(directory: Path) -> Path:
    """Take all the space there is."""
    path = directory / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return path


def read_only(bench: Bench, directory: Path) -> None:
    """Let nobody write to `directory`, not even root, until the case is over."""
    subprocess.run(["mount", "--bind", directory, directory], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", directory], check=True)
    bench.defer(lambda: subprocess.run(["umount", "--lazy", directory], check=True))


@case("disk full at create: nothing half-made", needs="namespace qemu", quick=True)
def full_at_create(bench: Bench) -> None:
    tmpfs(bench, bench.workspace.data, size="64k")
    with refused(CreateFailed, "No space left", "free"):
        bench.cluster.create(EMPTY_DISK)
    assert list(bench.files.image_dir.iterdir()) == []


@case("disk full at start, while the seed is written", needs="namespace qemu")
def full_at_seed(bench: Bench) -> None:
    tmpfs(bench, bench.workspace.data, size="400k")
    bench.create()
    filler = fill(bench.workspace.data)
    with refused(StartFailed, "No space left", "free"):
        bench.cluster.start(SMALL)
    filler.unlink()
    assert [path.name for path in bench.files.image_dir.iterdir()] == [bench.files.image.name]
    assert list(bench.files.pid_dir.iterdir()) == []


@case("runtime directory full at start, while the PID file is written", needs="namespace qemu", quick=True)
def full_at_pid_file(bench: Bench) -> None:
    tmpfs(bench, bench.workspace.runtime, size="64k")
    bench.create()
    filler = fill(bench.workspace.runtime)
    with refused(StartFailed, "No space left", "free"):
        bench.cluster.start(SMALL)
    assert list(bench.files.pid_dir.iterdir()) == []
    assert bench.real_machines() == 0
    filler.unlink()
    bench.start()


@case("runtime directory full at start, while the state file is written", needs="namespace qemu")
def full_at_state_file(bench: Bench) -> None:
    tmpfs(bench, bench.files.state_file.parent, size="4k")
    fill(bench.files.state_file.parent)
    bench.create()
    with refused(StartFailed, "No space left", "free"):
        bench.cluster.start(StartSpec(memory="64M"))
    assert bench.real_machines() == 0
    assert list(bench.files.pid_dir.iterdir()) == []
    bench.allowed += ["filler"]


@case("runtime directory full at stop: stops all the same", needs="namespace qemu", quick=True)
def full_at_stop(bench: Bench) -> None:
    tmpfs(bench, bench.workspace.runtime, size="64k")
    bench.create()
    bench.start()
    fill(bench.workspace.runtime)
    assert bench.cluster.stop(timeouts=SHORT).step == "terminate"
    assert list(bench.files.pid_dir.iterdir()) == []
    bench.allowed += ["filler"]


@case(
    "disk full while the guest writes: it is told, resumed once there is room, and not waited for at a stop",
    needs="namespace tiny-ssh qemu",
    quick=True,
)
def full_while_it_runs(bench: Bench) -> None:
    images = bench.files.image_dir
    tmpfs(bench, images, size="200m")
    bench.cluster.create(EMPTY_DISK)
    filler = images / "filler"
    filler.write_bytes(bytes(180 * 2**20))
    guest = tiny.build(tiny.TINY_SSH)
    boot = DirectBootOptions(str(guest.kernel), str(guest.initramfs), guest.cmdline)
    bench.start(StartSpec(network=False, memory="256M", cpus="1", boot=boot))
    serial = Serial(bench.files.console)
    bench.defer(serial.close)
    serial.wait_for_prompt()
    serial.send("dd if=/dev/urandom of=/dev/vda bs=1M count=40 conv=fsync; echo written $((40 + 2))\n")
    wait_until(lambda: bench.seen().run_state == "io-error", "the full disk", seconds=BOOT_LIMIT, seen=bench.seen)

    vm = bench.seen()
    assert (vm.state, vm.told_state) == (State.PAUSED, "paused (io-error)")
    assert [problem.problem for problem in vm.problems] == ["it is stopped by an I/O error on its disk"]
    assert re.fullmatch(rf"make room on {re.escape(str(images))} \(\S+ free\), then resume it", vm.problems[0].hint)
    for verb, words in ((bench.cluster.resume, "can't be resumed"), (bench.cluster.pause, "can't be paused")):
        with refused(RunStateError, words, "an I/O error on its disk", f"make room on {images}"):
            verb()

    filler.unlink()
    assert bench.cluster.resume()
    serial.wait_for("written 42")
    assert bench.seen().run_state == "running"

    serial.send("dd if=/dev/urandom of=/dev/vda bs=1M seek=40 count=300 conv=fsync\n")
    wait_until(lambda: bench.seen().run_state == "io-error", "the full disk", seconds=BOOT_LIMIT, seen=bench.seen)
    steps: list[str] = []
    unlimited = StopTimeouts(powerdown=86400, terminate=60)
    assert bench.cluster.stop(timeouts=unlimited, control=Control(report=steps.append)).step == "terminate"
    assert steps[0] == "the VM is stopped by an I/O error on its disk, so its guest can't power off"


@case("runtime directory read-only: every verb says so", needs="namespace qemu", quick=True)
def read_only_runtime(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    read_only(bench, bench.workspace.runtime)
    assert (bench.state(), bench.seen().pid) == (State.RUNNING, pid)
    for verb in (bench.cluster.start, bench.cluster.stop, bench.cluster.pause, bench.cluster.adopt):
        with refused(CorruptFile, "Read-only file system", "writable"):
            verb()
    assert bench.cluster.qemu.pid() == pid


@case("data directory read-only: create, start and delete say so", needs="namespace qemu")
def read_only_data(bench: Bench) -> None:
    bench.create()
    other = bench.machine("b")
    read_only(bench, bench.workspace.data)
    with refused(CreateFailed, "Read-only file system"):
        other.create(EMPTY_DISK)
    with refused(StartFailed, "Read-only file system"):
        bench.cluster.start(SMALL)
    with refused(DeleteFailed, "Read-only file system"):
        bench.cluster.delete(bench.cluster.delete_plan())


@case("files turned read-only under a running machine: stop ends it and says what it can't clear", needs="namespace")
def pid_file_cannot_go(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(sockets=True)
    keeper = bench.files.pid_file
    subprocess.run(["mount", "--bind", keeper, keeper], check=True)
    with refused(StopFailed, "has ended", "can't be cleared"):
        bench.cluster.stop(timeouts=AT_ONCE)
    assert child.wait(5) == 0
    subprocess.run(["umount", keeper], check=True)
    assert bench.cluster.stop().step == "gone"


@case("no file can be opened any more", needs="qemu")
def no_descriptors(bench: Bench) -> None:
    import resource

    bench.create()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        bench.inventory().statuses()
        with pytest.raises(VMError, match="Too many open files"):
            bench.cluster.start(SMALL)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    bench.start()


class JumpingClock:
    """The host's clocks, with a system clock that can be put forward and back."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.clock = Clock(wall=lambda: time.time() + self.offset)


@case("system clock jumps: start time and CPU share stay", quick=True)
def clock_jumps(bench: Bench) -> None:
    bench.create()
    bench.stand_in()
    jumping = JumpingClock()
    inventory = Inventory(bench.workspace.data, bench.workspace.runtime, clock=jumping.clock)
    first = inventory.statuses()[0]
    assert first.started_at is not None
    assert abs(first.started_at - time.time()) < 60
    for offset in (86_400.0, -10 * 365 * 86_400.0, 1e9):
        jumping.offset = offset
        vm = inventory.statuses()[0]
        assert vm.started_at == first.started_at
        assert vm.cpu_percent is not None
        assert 0 <= vm.cpu_percent <= 100 * (os.cpu_count() or 1) + 50
        # The share since the start, which a fresh inventory takes, is no affair of the system clock's either.
        fresh = Inventory(bench.workspace.data, bench.workspace.runtime, clock=jumping.clock).statuses()[0]
        assert fresh.cpu_percent is not None
        assert fresh.cpu_percent <= 100 * (os.cpu_count() or 1) + 50
