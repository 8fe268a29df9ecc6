"""The life of real machines, verb by verb, through `Cluster`: what it is, what the inventory says, what is on disk."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Event

import pytest

from podplane_tui.backend import (
    AlreadyRunning,
    Cancelled,
    Cluster,
    Control,
    DirectBootOptions,
    Inventory,
    NotRunning,
    PIDFile,
    StartSpec,
    State,
    StopTimeouts,
    VMStatus,
)
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.runtime.ports import allocate_ports, ports_of
from podplane_tui.backend.vm.cloud_init import read_seed
from podplane_tui.backend.vm.create import EMPTY_DISK
from tests.conftest import Workspace
from tests.guest.boot import Serial
from tests.guest.tiny import TinyGuest

pytestmark = [pytest.mark.vm, pytest.mark.usefixtures("require_qemu")]

SMALL = StartSpec(network=False, memory="64M", cpus="1")
AT_ONCE = StopTimeouts(powerdown=0, terminate=60)
TICK = 0.1
"""Seconds; a start time is rounded by less."""


def machine(workspace: Workspace, cluster_id: str = "a") -> Cluster:
    return Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id=cluster_id, arch="amd64")


@pytest.fixture
def cluster(workspace: Workspace) -> Iterator[Cluster]:
    made = machine(workspace)
    made.create(EMPTY_DISK)
    yield made
    if made.qemu.running():
        made.stop(timeouts=AT_ONCE)


def seen(cluster: Cluster) -> VMStatus:
    vm = cluster.status()
    assert vm is not None
    return vm


def test_a_life_from_create_to_delete(cluster: Cluster, workspace: Workspace) -> None:
    files = cluster.files
    assert seen(cluster).state is State.STOPPED
    steps: list[str] = []
    before = time.time()
    cluster.start(SMALL, control=Control(report=steps.append))
    assert steps == ["writing the seed ISO", "starting QEMU (tcg)", "waiting for QEMU to answer"]

    vm = seen(cluster)
    assert (vm.state, vm.problem, vm.pid) == (State.RUNNING, None, cluster.qemu.pid())
    assert (vm.cpus, vm.memory_limit_bytes, vm.accelerator) == (1, 64 * 2**20, "tcg")
    assert vm.started_at is not None
    assert before - TICK <= vm.started_at <= time.time() + TICK
    assert vm.memory_bytes
    assert vm.disk_virtual_bytes == 128 * 2**30
    assert stat.S_IMODE(files.qemu_log.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.seed.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.pid_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(files.pid_file.stat().st_mode) == 0o644
    recorded = json.loads(files.pid_file.read_bytes())
    assert recorded["pid"] == vm.pid
    assert all(isinstance(value, str) for value in recorded["data"].values())

    with pytest.raises(AlreadyRunning, match="is already running as process"):
        cluster.start(SMALL)
    with pytest.raises(AlreadyRunning, match="is running"):
        cluster.delete(cluster.delete_plan())

    result = cluster.stop(timeouts=StopTimeouts(powerdown=0.2, terminate=60))
    assert result.step == "terminate"  # firmware without a system ignores the power button
    assert list(files.pid_dir.iterdir()) == []
    with pytest.raises(NotRunning, match="is not running"):
        cluster.stop()

    plan = cluster.delete_plan()
    assert set(plan) == {files.image, files.seed, files.efivars, files.recordings_dir, files.settings}
    cluster.delete(plan)
    assert [path for path in workspace.root.rglob("*") if path.is_file()] == []
    assert cluster.status() is None


def test_pause_resume_reset_and_restart(cluster: Cluster) -> None:
    cluster.start(SMALL)
    cluster.pause()
    deadline = time.monotonic() + 60
    while (vm := seen(cluster)).state is not State.PAUSED:  # a busy QEMU tells late
        assert time.monotonic() < deadline, vm
    cluster.resume()
    assert seen(cluster).state is State.RUNNING
    before = cluster.qemu.pid()
    cluster.reset()
    assert cluster.qemu.pid() == before
    inventory = Inventory(cluster.files.data_dir, cluster.files.runtime_dir)
    states: list[State] = []
    cluster.restart(
        timeouts=StopTimeouts(powerdown=0.2, terminate=60),
        control=Control(report=lambda _step: states.extend(vm.state for vm in inventory.statuses())),
    )
    vm = seen(cluster)
    assert vm.pid != before
    assert (vm.state, vm.cpus, vm.memory_limit_bytes) == (State.RUNNING, 1, 64 * 2**20)
    assert vm.arguments[vm.arguments.index("-nic") + 1] == "none"
    # Told apart on the way: first it stops, then it starts, and never is it crashed, orphaned or broken.
    assert set(states) == {State.STOPPING, State.STARTING}
    assert states.index(State.STARTING) > max(i for i, s in enumerate(states) if s is State.STOPPING)


def test_a_restart_keeps_the_user_data_it_was_started_with(cluster: Cluster, tmp_path: Path) -> None:
    user_data = tmp_path / "user-data"
    user_data.write_text("#!/bin/sh\necho hello\n")
    cluster.start(StartSpec(network=False, memory="64M", user_data=user_data))
    user_data.unlink()
    cluster.restart(timeouts=AT_ONCE)
    assert read_seed(cluster.files.seed).user_data == "#!/bin/sh\necho hello\n"


def test_the_machine_outlives_the_program_that_started_it(cluster: Cluster) -> None:
    files = cluster.files
    program = (
        "import sys; from pathlib import Path; from podplane_tui.backend import *\n"
        "Cluster(data_dir=Path(sys.argv[1]), runtime_dir=Path(sys.argv[2]), cluster_id='a', arch='amd64')"
        ".start(StartSpec(network=False, memory='64M'))"
    )
    subprocess.run([sys.executable, "-c", program, files.data_dir, files.runtime_dir], check=True, timeout=60)
    vm = seen(cluster)
    assert vm.state is State.RUNNING
    assert vm.pid is not None
    assert os.getsid(vm.pid) == vm.pid


def test_lost_runtime_directory_is_an_orphan_that_can_be_adopted(cluster: Cluster) -> None:
    cluster.start(StartSpec(memory="64M"))
    ports = cluster.ports()
    shutil.rmtree(cluster.files.runtime_dir)
    vm = seen(cluster)
    assert (vm.state, vm.ports) == (State.ORPHANED, ports)
    [step] = cluster.repair_plan().steps
    assert step.kind == "adopt"
    assert cluster.adopt() == vm.pid
    named = PIDFile.read(cluster.files.pid_file)
    assert named is not None
    assert named.pid == vm.pid
    assert (seen(cluster).state, cluster.ports()) == (State.RUNNING, ports)
    assert cluster.files.state_file.exists()
    assert cluster.repair_plan().steps == ()
    # Its control socket went with the rest.
    assert cluster.stop(timeouts=StopTimeouts(powerdown=1, terminate=60)).step == "terminate"


@pytest.mark.timeout(300)
def test_guest_powers_off(cluster: Cluster, tiny_guest: TinyGuest) -> None:
    boot = DirectBootOptions(str(tiny_guest.kernel), str(tiny_guest.initramfs), tiny_guest.cmdline)
    cluster.start(StartSpec(network=False, memory="256M", boot=boot))
    serial = Serial(cluster.files.console)
    try:
        serial.wait_for_prompt()
    finally:
        serial.close()
    steps: list[str] = []
    result = cluster.stop(timeouts=StopTimeouts(powerdown=200), control=Control(report=steps.append))
    assert result.step == "powerdown"
    assert any("s left" in step for step in steps)
    assert list(cluster.files.pid_dir.iterdir()) == []
    assert seen(cluster).state is State.STOPPED


def test_two_machines_know_nothing_of_each_other(cluster: Cluster, workspace: Workspace) -> None:
    other = machine(workspace, "b")
    other.create(EMPTY_DISK)
    cluster.start(StartSpec(memory="64M"))
    other.start(StartSpec(memory="64M"))
    assert set(dict(cluster.ports().items()).values()).isdisjoint(dict(other.ports().items()).values())
    cluster.stop(timeouts=AT_ONCE)
    assert (seen(cluster).state, seen(other).state) == (State.STOPPED, State.RUNNING)
    other.stop(timeouts=AT_ONCE)


def test_a_cancelled_start_leaves_nothing(cluster: Cluster) -> None:
    before = sorted(path.name for path in cluster.files.image_dir.iterdir())
    cancel = Event()
    with pytest.raises(Cancelled, match=r"start .*was cancelled: nothing is left"):
        cluster.start(SMALL, control=Control(report=lambda _step: cancel.set(), cancel=cancel))
    assert sorted(path.name for path in cluster.files.image_dir.iterdir()) == before
    assert list(cluster.files.pid_dir.iterdir()) == []
    assert seen(cluster).state is State.STOPPED


def test_skip_goes_to_the_next_step(cluster: Cluster) -> None:
    cluster.start(SMALL)
    skip = Event()

    def report(step: str) -> None:
        if "waiting for the guest" in step:
            skip.set()

    # Without the skip it would take longer than the test may.
    timeouts = StopTimeouts(powerdown=600, terminate=60)
    assert cluster.stop(timeouts=timeouts, control=Control(report=report, skip=skip)).step == "terminate"


def start_with_the_others(workspace: Workspace, cluster_id: str, chosen: Barrier) -> None:
    """Start a machine in a process of its own, which has chosen its ports before any QEMU took some."""
    first = True

    def allocate() -> Ports:
        nonlocal first
        ports = allocate_ports()
        if first:
            first = False
            chosen.wait(60)
        return ports

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("podplane_tui.backend.vm.start.allocate_ports", allocate)
        machine(workspace, cluster_id).start(StartSpec(memory="64M", cpus="1", firmware=True))


def test_two_processes_that_choose_ports_at_the_same_moment(workspace: Workspace) -> None:
    spawn = multiprocessing.get_context("spawn")
    chosen = spawn.Barrier(2)
    starters = [spawn.Process(target=start_with_the_others, args=(workspace, name, chosen)) for name in "ab"]
    clusters = [machine(workspace, name) for name in "ab"]
    for cluster, starter in zip(clusters, starters, strict=True):
        cluster.create(EMPTY_DISK)
        starter.start()
    for starter in starters:
        starter.join()
    assert [starter.exitcode for starter in starters] == [0, 0]
    assert all(seen(cluster).live for cluster in clusters)
    assert len({port for cluster in clusters for _, port in cluster.ports().items()}) == 10
    for cluster in clusters:
        process = cluster.qemu.process()
        assert process is not None
        assert ports_of(process.arguments) == cluster.ports()  # the state file is that of the attempt that went well
        cluster.stop(timeouts=AT_ONCE)
