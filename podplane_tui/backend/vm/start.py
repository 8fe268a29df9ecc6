"""How a cluster's machine is started: what is asked for and what is remembered, how it boots, and with which ports."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.errors import PortTaken, StartFailed, VMError
from podplane_tui.backend.core.files import os_errors_as
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.images.direct_boot import choose_boot
from podplane_tui.backend.qemu.arguments import DirectBootOptions, read_machine
from podplane_tui.backend.qemu.diagnosis import port_holders
from podplane_tui.backend.runtime.ports import allocate_ports, moved_ports, port_forwards, staged_state_file
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.launch import Launch, check
from podplane_tui.backend.vm.remembered import read_settings
from podplane_tui.backend.vm.stop import stop
from podplane_tui.backend.vm.user_data import keep_user_data, read_user_data, user_data_in_use

_PORT_RETRIES = 3


@dataclass(frozen=True, slots=True)
class StartSettings:
    """How to start a cluster's machine; empty values stand for the defaults.

    `user_data` is a file whose text replaces the cluster's own user-data. `accelerator` is `kvm`, `hvf`, `tcg` or
    empty for the best there is. Without `boot` the machine boots directly when podplane's manifest says how, unless
    `firmware` is asked for.
    """

    cpus: str = ""
    memory: str = ""
    user_data: Path | None = None
    boot: DirectBootOptions | None = None
    accelerator: str = ""
    network: bool = True
    monitor: bool = False
    firmware: bool = False


def start(context: Context, asked: StartSettings, control: Control) -> None:
    """See `Cluster.start`."""
    settings = _remembered(context.files, asked)
    with context.qemu.locked("start"):
        user_data = read_user_data(context.files, settings.user_data)
        if settings.boot is None and not settings.firmware:
            settings = replace(settings, boot=_boot(context.files, control))
        child = _launch(context, _spec(context.files, settings, user_data), control)
        _remember_start(context, asked, user_data, control)
    if settings.monitor:
        context.qemu.wait_in_foreground(child)
        context.remove_state_file()


def restart(context: Context, settings: StartSettings | None, timeouts: StopTimeouts | None, control: Control) -> None:
    """See `Cluster.restart`."""
    with context.qemu.locked("restart"):
        settings = settings or _settings_for_restart(context, control)
        user_data = read_user_data(context.files, settings.user_data) or user_data_in_use(context.files)
        spec = _spec(context.files, settings, user_data)
        if context.qemu.running():
            with os_errors_as(StartFailed, f"{context.files.name} could not be started again"):
                check(context.files, spec)  # while there is a running machine to keep
            stop(context, timeouts or StopTimeouts(), control)
        with context.qemu.locked("start"):
            _launch(context, spec, control)


def _remembered(files: VMFiles, settings: StartSettings) -> StartSettings:
    """`settings` with what is remembered where they say nothing."""
    kept = read_settings(files)
    user_data = settings.user_data or (Path(kept.user_data) if kept.user_data else None)
    return replace(
        settings, cpus=settings.cpus or kept.cpus, memory=settings.memory or kept.memory, user_data=user_data
    )


def _remember_start(context: Context, asked: StartSettings, user_data: str, control: Control) -> None:
    """Remember what was asked for; of the user-data its text, for the file it came from may go."""
    named = {"cpus": asked.cpus, "memory": asked.memory}
    changes = {name: value for name, value in named.items() if value}
    try:
        if asked.user_data is not None:
            keep_user_data(context.files, user_data)
            changes["user_data"] = str(context.files.kept_user_data)
        if changes:
            context.remember(**changes)
    except VMError as error:  # the machine runs, which is what was asked for
        control.report(str(error))


def _boot(files: VMFiles, control: Control) -> DirectBootOptions | None:
    """How podplane's manifest says that this disk boots; None for firmware."""
    choice = choose_boot(files.image, files.arch, control)
    if choice.reason:
        control.report(f"booting by firmware: {choice.reason}")
    return choice.options


def _spec(files: VMFiles, settings: StartSettings, user_data: str) -> Launch:
    """What to launch, its ports still to be chosen."""
    return Launch(
        user_data=user_data,
        cpus=settings.cpus,
        memory=settings.memory,
        ssh_authorized_key=ssh.ensure_identity(files.identity) if settings.network else "",
        monitor=settings.monitor,
        boot=settings.boot,
        accelerator=settings.accelerator,
        network=settings.network,
    )


def _launch(context: Context, spec: Launch, control: Control) -> subprocess.Popen[bytes]:
    for attempt in range(_PORT_RETRIES):
        with os_errors_as(StartFailed, "no free ports were found for the VM"):
            ports = allocate_ports() if spec.network else Ports()
        launch = replace(spec, ports=port_forwards(ports))
        try:
            return _launch_once(context, launch, ports, control)
        except PortTaken:
            # Somebody took a port between our look and QEMU's bind: choose anew.
            if attempt + 1 < _PORT_RETRIES:
                control.report("a port was taken meanwhile: choosing others")
                continue
            raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _launch_once(context: Context, launch: Launch, ports: Ports, control: Control) -> subprocess.Popen[bytes]:
    """One attempt. What takes time is done while QEMU starts: when it answers, the state file only gets its name."""
    files = context.files
    put: Callable[[], None] | None = None
    with contextlib.ExitStack() as made:

        def meanwhile() -> None:
            nonlocal put
            if launch.network:
                put = made.enter_context(staged_state_file(files.state_file, files.cluster_id, ports))
            for line in moved_ports(ports, port_holders):
                control.report(line)

        def commit() -> None:
            if put is not None:
                put()

        return context.qemu.launch(launch, control, meanwhile=meanwhile, commit=commit)


def _settings_for_restart(context: Context, control: Control) -> StartSettings:
    """What the machine runs with, changed where something else is remembered by now."""
    in_use, kept = _settings_in_use(context), _remembered(context.files, StartSettings())
    if in_use is None:
        return replace(kept, boot=_boot(context.files, control))
    return replace(in_use, cpus=kept.cpus or in_use.cpus, memory=kept.memory or in_use.memory, user_data=kept.user_data)


def _settings_in_use(context: Context) -> StartSettings | None:
    """What the running machine was started with; None when it does not run."""
    process = context.qemu.process()
    if process is None:
        return None
    machine = read_machine(process.arguments)
    return StartSettings(
        cpus=str(machine.cpus or ""),
        memory=f"{machine.memory_bytes // 2**20}M" if machine.memory_bytes else "",
        boot=machine.boot,
        accelerator=machine.accelerator or "",
        network=machine.network,
    )
