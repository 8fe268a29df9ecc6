"""Waiting until a machine can be used: until SSH lets one in, or until its cloud-init has ended."""

from __future__ import annotations

import time

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import Cancelled, KeyRefused, NotReady, NotRunning, StillBooting
from podplane_tui.backend.core.status import Phase, VMStatus
from podplane_tui.backend.qemu.arguments import read_machine
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.vm.access import ssh_target
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.inventory import status_of
from podplane_tui.backend.vm.readiness import PROBE_TIMEOUT, ReadinessTracker, cloud_init_ended

_INTERVAL = 1.0
"""Seconds between looks: a login costs an emulated guest a good part of that."""


def wait_for(context: Context, phase: Phase, *, timeout: float, user: str = "", control: Control | None = None) -> None:
    """Wait until the machine has reached `phase`: SSH, which means that the login works, or cloud-init, in any outcome.

    Raises `NotReady` after `timeout` seconds, `NotRunning` as soon as the machine does not run, `HostKeyChanged` and
    other `ShellError`s that waiting does not mend, and `Cancelled`.
    """
    control = control or Control()
    begun = time.monotonic()
    name = context.qemu.vm_name
    while True:
        vm = status_of(context.files)
        if vm is None or not vm.live:
            raise NotRunning(f"{name} is not running", hint="start it first, or check its logs for why it ended")
        why = _missing(context, vm, phase, user)
        if why is None:
            return
        waited = time.monotonic() - begun
        if waited >= timeout:
            raise NotReady(
                f"{name} has not reached {phase} within {timeout:g} s: {why}", hint="wait longer, or check its logs"
            )
        control.report(f"waiting for {phase} on {name}, {waited:.0f} s: {why}")
        if control.cancel.wait(min(_INTERVAL, timeout - waited)):
            raise Cancelled(f"the wait for {phase} on {name} was cancelled", hint="the VM keeps running")


def _missing(context: Context, vm: VMStatus, phase: Phase, user: str) -> str | None:
    """What the machine has not reached yet, in words; None when it has reached `phase`."""
    tracker = ReadinessTracker()
    tracker.settle([vm], 2 * PROBE_TIMEOUT)
    (vm,) = tracker.update([vm])
    readiness = vm.readiness
    reached = () if readiness is None else tuple(each for each, _ in readiness.reached)
    recorded = read_machine(vm.arguments).console_log is not None
    if phase is Phase.CLOUD_INIT and recorded:
        if phase in reached:
            return None
        if readiness is not None and phase in readiness.pending and Phase.SSH in reached:
            return "it is still at work"
    target = ssh_target(context, user)  # says it where there is no SSH at all
    if Phase.SSH not in reached:
        return "SSH does not answer yet"
    try:
        if phase is Phase.CLOUD_INIT:
            return None if cloud_init_ended(target) else "it is still at work"
        ssh.connect(target).close()
    except (StillBooting, KeyRefused) as error:  # a key is let in only once cloud-init has put it there
        return error.problem
    return None
