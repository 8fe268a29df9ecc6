"""Machines that never change, in a place and at a time that never change, for pictures that can be compared."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Action, Ports, Problem, State, VMStatus
from podplane_tui.backend.vm.inventory import Inventory
from podplane_tui.tui.app import PodplaneApp
from tests.paths import RECORDINGS

NOW = 1_795_000_000.0
DATA, RUNTIME = Path("/srv/demo/data/podplane"), Path("/srv/demo/run/podplane")
RECORDING = RECORDINGS / "debian12-failures.raw"


def vm(cluster_id: str, state: State = State.STOPPED, arch: str = "amd64") -> VMStatus:
    """A machine that is off, in the given state."""
    files = VMFiles(arch, cluster_id, DATA, RUNTIME)
    return VMStatus(files, state, disk_bytes=3 * 2**30, disk_virtual_bytes=128 * 2**30)


def running(cluster_id: str, *, cpu: float, memory: int, state: State = State.RUNNING) -> VMStatus:
    """A machine that runs, with what is known of such."""
    return replace(
        vm(cluster_id, state),
        pid=4242,
        started_at=NOW - 98_000,
        cpu_percent=cpu,
        memory_bytes=memory,
        memory_limit_bytes=4 * 2**30,
        cpus=2,
        disk_read_rate=0.0,
        disk_write_rate=3.5 * 2**20,
        ports=Ports(ssh=2222, kubernetes_api=6443),
        accelerator="kvm",
        arguments=(
            "qemu-system-x86_64",
            "-name",
            f"podplane-local-{cluster_id}",
            "-m",
            "4G",
            "-smp",
            "2",
            "-nographic",
        ),
    )


FEW = (
    vm("archive"),
    replace(
        vm("broken", State.BROKEN),
        problems=(Problem("the image is not a qcow2 file", "repair it or delete the machine"),),
    ),
    replace(
        vm("crashed", State.CRASHED), problems=(Problem("QEMU is gone and left a PID file", "repair or start it"),)
    ),
    running("default", cpu=37.5, memory=2 * 2**30),
    replace(running("staging", cpu=180.0, memory=3 * 2**30, state=State.STOPPING), action=Action("stop", 77, NOW - 5)),
    running("web", cpu=0.4, memory=2**29, state=State.PAUSED),
)
MANY = tuple(
    running(f"node-{number:02}", cpu=number * 2.5, memory=number * 2**25 + 2**28)
    if number % 3
    else vm(f"node-{number:02}")
    for number in range(60)
)


class Frozen(Inventory):
    """Sees the same machines every time."""

    def __init__(self, vms: tuple[VMStatus, ...]) -> None:
        super().__init__(DATA, RUNTIME)
        self._vms = vms

    def statuses(self) -> tuple[VMStatus, ...]:
        """Those."""
        return self._vms


def stop_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is always the same moment, in UTC, and nothing moves."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setenv("HOME", "/home/demo")
    time.tzset()


def make_app(state_dir: Path, vms: tuple[VMStatus, ...], *, select: str = "archive") -> PodplaneApp:
    """The real app on machines that are frozen; `archive` has a recording of a boot."""
    stem = vms[0].files.stem if vms else "nobody"
    place = state_dir / "recordings" / stem
    place.mkdir(parents=True)
    shutil.copy(RECORDING, place / "20261119T101500.000000Z.raw")
    os.utime(place / "20261119T101500.000000Z.raw", (NOW - 9000, NOW - 9000))
    here = tuple(replace(one, files=one.files._replace(state_dir=state_dir)) for one in vms)
    return PodplaneApp(DATA, RUNTIME, "amd64", select=select, state_dir=state_dir, inventory=(Frozen(here), here))
