"""How a cluster's VM is started: by podplane or alone, with what is asked for and what is remembered."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend import podplane
from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.errors import AlreadyRunning, Cancelled, PortTaken, StartFailed, VMError
from podplane_tui.backend.core.files import os_errors_as
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.images.direct_boot import choose_boot
from podplane_tui.backend.qemu.arguments import DirectBootOptions, read_machine
from podplane_tui.backend.qemu.diagnosis import port_holders
from podplane_tui.backend.runtime.ports import allocate_ports, moved_ports, port_forwards, staged_state_file
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.vm.backing import require_confirmed
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.in_use import Access
from podplane_tui.backend.vm.launch import Launch, check
from podplane_tui.backend.vm.remembered import read_settings
from podplane_tui.backend.vm.stop import stop
from podplane_tui.backend.vm.user_data import keep_user_data, read_user_data, user_data_in_use

VM_ONLY_WARNING = (
    "podplane made this cluster: with the VM alone Debian boots, SSH, console and sync work, but its Kubernetes keeps"
    " pointing at ports of an earlier local server, so its API, registry and components may not work until it is"
    " stopped and started through podplane"
)

_PORT_RETRIES = 3


@dataclass(frozen=True, slots=True)
class StartSpec:
    """How to start a cluster's VM; empty values stand for the defaults.

    `cpus` and `memory` are QEMU's spellings. `user_data` is a file whose text replaces the cluster's own user-data.
    `accelerator` is `kvm`, `hvf`, `tcg` or empty for the best there is. Without `boot` the VM boots directly when
    podplane's manifest says how, unless `firmware` is asked for. With `monitor` QEMU stays in the foreground of the
    calling terminal. `vm_only` leaves podplane out of the start of a cluster that it made.
    """

    cpus: str = ""
    memory: str = ""
    user_data: Path | None = None
    boot: DirectBootOptions | None = None
    accelerator: str = ""
    network: bool = True
    monitor: bool = False
    firmware: bool = False
    vm_only: bool = False


class StartWay(Enum):
    """Who starts the VM: podplane, with all that its cluster needs, or this program, the VM alone."""

    PODPLANE = "podplane"
    VM_ONLY = "vm-only"


class StartPlan(NamedTuple):
    """How a start would be done, and what that costs ("": nothing)."""

    way: StartWay
    warning: str = ""


class Started(NamedTuple):
    """A VM that was started: its PID and ports. `pid` is None for one that ran in the foreground and has ended."""

    pid: int | None
    ports: Ports


def choose_way(spec: StartSpec, *, by_podplane: bool, installed: bool) -> StartPlan:
    """How `spec` is done for a cluster that podplane made, or did not, on a host where it is installed, or is not.

    podplane takes no options that only concern the VM, so that with any of them the VM is started alone.
    """
    if not by_podplane:
        return StartPlan(StartWay.VM_ONLY)
    if spec != StartSpec():
        return StartPlan(StartWay.VM_ONLY, VM_ONLY_WARNING)
    if not installed:
        return StartPlan(StartWay.VM_ONLY, f"{VM_ONLY_WARNING} (podplane is not installed)")
    return StartPlan(StartWay.PODPLANE)


def plan_start(files: VMFiles, spec: StartSpec) -> StartPlan:
    """How `start_vm` would do it now."""
    return choose_way(spec, by_podplane=files.made_by_podplane, installed=podplane.podplane_installed())


def start_vm(context: Context, spec: StartSpec, control: Control) -> Started:
    """Start the VM, through podplane where that made its cluster and can do it. See `Cluster.start`."""
    plan = plan_start(context.files, spec)
    if plan.warning:
        _require_ended(context)  # else the warning would be about nothing
        control.warn(plan.warning)
    if plan.way is StartWay.PODPLANE:
        _start_through_podplane(context, control)
    else:
        _start_alone(context, spec, control)
    return Started(None, Ports()) if spec.monitor else _started(context)


def restart_vm(context: Context, spec: StartSpec | None, timeouts: StopTimeouts | None, control: Control) -> Started:
    """See `Cluster.restart`."""
    if context.files.made_by_podplane:
        control.warn(VM_ONLY_WARNING)
    with context.qemu.locked("restart"):
        spec = spec or _spec_for_restart(context, control)
        user_data = read_user_data(context.files, spec.user_data) or user_data_in_use(context.files)
        launch = _resolved(context.files, spec, user_data)
        if context.qemu.running():
            with os_errors_as(StartFailed, f"{context.files.name} could not be started again"):
                check(context.files, launch)  # while there is a running VM to keep
            stop(context, timeouts or StopTimeouts(), control)
        with context.qemu.locked("start"):
            _launch(context, launch, control)
    return _started(context)


def _started(context: Context) -> Started:
    """What runs now. Raises `StartFailed` when it has ended already."""
    process = context.qemu.process()
    if process is None:
        raise StartFailed(f"{context.files.name} ended right after its start", hint=f"see {context.files.qemu_log}")
    return Started(process.pid, context.ports())


def _require_ended(context: Context) -> None:
    process = context.qemu.process()
    if process is not None:
        raise AlreadyRunning(
            f"{context.files.name} is already running as process {process.pid}", hint="stop or restart it"
        )


def _start_through_podplane(context: Context, control: Control) -> None:
    """podplane knows of no lock: it is taken here, and given back when podplane has ended."""
    qemu, files = context.qemu, context.files
    with qemu.locked("start"):
        _require_ended(context)
        qemu.require_free(Access.WRITE)
        if os.path.lexists(files.image):
            require_confirmed(files)
        try:
            podplane.start_cluster(files, control)
        except Cancelled as error:
            left = "its VM runs" if qemu.running() else "its VM does not run"
            raise Cancelled(error.problem, hint=left) from error
        if not qemu.running():
            raise StartFailed(
                f"podplane local start succeeded, but {files.name} is not running",
                hint="read its output",
            )


def _start_alone(context: Context, spec: StartSpec, control: Control) -> None:
    with context.qemu.locked("start"):
        full = _with_remembered(context.files, spec)
        user_data = read_user_data(context.files, full.user_data)
        if full.boot is None and not full.firmware:
            full = replace(full, boot=_boot(context.files, control))
        child = _launch(context, _resolved(context.files, full, user_data), control)
        _remember_start(context, spec, user_data, control)
    if spec.monitor:
        context.qemu.wait_in_foreground(child)
        context.remove_state_file()


def _with_remembered(files: VMFiles, spec: StartSpec) -> StartSpec:
    """`spec` with what is remembered where it says nothing."""
    kept = read_settings(files)
    user_data = spec.user_data or (Path(kept.user_data) if kept.user_data else None)
    return replace(spec, cpus=spec.cpus or kept.cpus, memory=spec.memory or kept.memory, user_data=user_data)


def _remember_start(context: Context, spec: StartSpec, user_data: str, control: Control) -> None:
    """Remember what was asked for; of the user-data its text, for the file it came from may go."""
    context.claim(control)
    named = {"cpus": spec.cpus, "memory": spec.memory}
    changes = {name: value for name, value in named.items() if value}
    try:
        if spec.user_data is not None:
            keep_user_data(context.files, user_data)
            changes["user_data"] = str(context.files.kept_user_data)
        if changes:
            context.remember(**changes)
    except VMError as error:  # the VM runs, which is what was asked for
        control.warn(str(error))


def _boot(files: VMFiles, control: Control) -> DirectBootOptions | None:
    """How podplane's manifest says that this disk boots; None for firmware."""
    choice = choose_boot(files.image, files.arch, control)
    if choice.reason:
        control.report(f"booting by firmware: {choice.reason}")
    return choice.options


def _resolved(files: VMFiles, spec: StartSpec, user_data: str) -> Launch:
    """What QEMU is started with, its ports still to be chosen."""
    return Launch(
        user_data=user_data,
        cpus=spec.cpus,
        memory=spec.memory,
        ssh_authorized_key=ssh.ensure_identity(files.identity) if spec.network else "",
        monitor=spec.monitor,
        boot=spec.boot,
        accelerator=spec.accelerator,
        network=spec.network,
    )


def _launch(context: Context, launch: Launch, control: Control) -> subprocess.Popen[bytes]:
    """Start QEMU; with other ports where somebody took one between our look and QEMU's bind."""
    for _ in range(_PORT_RETRIES - 1):
        try:
            return _launch_once(context, launch, control)
        except PortTaken:
            control.report("a port was taken meanwhile: choosing others")
    return _launch_once(context, launch, control)


def _launch_once(context: Context, launch: Launch, control: Control) -> subprocess.Popen[bytes]:
    """One attempt. What takes time is done while QEMU starts: when it answers, the state file only gets its name."""
    files = context.files
    with os_errors_as(StartFailed, "no free ports were found for the VM"):
        ports = allocate_ports() if launch.network else Ports()
    with (
        context.qemu.launching(replace(launch, ports=port_forwards(ports)), control) as starting,
        contextlib.ExitStack() as staged,
    ):
        put = (
            staged.enter_context(staged_state_file(files.state_file, files.cluster_id, ports))
            if launch.network
            else None
        )
        for line in moved_ports(ports, port_holders):
            control.report(line)
        starting.await_answer()
        if put is not None:
            put()
    return starting.child


def _spec_for_restart(context: Context, control: Control) -> StartSpec:
    """What the VM runs with, changed where something else is remembered by now."""
    in_use, kept = _spec_in_use(context), _with_remembered(context.files, StartSpec())
    if in_use is None:
        return replace(kept, boot=_boot(context.files, control))
    return replace(in_use, cpus=kept.cpus or in_use.cpus, memory=kept.memory or in_use.memory, user_data=kept.user_data)


def _spec_in_use(context: Context) -> StartSpec | None:
    """What the running VM was started with; None when it does not run."""
    process = context.qemu.process()
    if process is None:
        return None
    machine = read_machine(process.arguments)
    return StartSpec(
        cpus=str(machine.cpus or ""),
        memory=f"{machine.memory_bytes // 2**20}M" if machine.memory_bytes else "",
        boot=machine.boot,
        accelerator=machine.accelerator or "",
        network=machine.network,
    )
