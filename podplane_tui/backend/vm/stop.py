"""How a cluster's VM is stopped: the guest's containers first, then the VM, then the state file."""

from __future__ import annotations

import os

from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.errors import NotRunning
from podplane_tui.backend.qemu.stop import StopResult
from podplane_tui.backend.vm.access import run_in_guest
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.in_use import Access

CONTAINERD_TIMEOUT = 2.0
"""Seconds for the best effort to stop the guest's containers before it is powered off, as podplane gives it."""

POWER_OFF_TIMEOUT = 10.0
"""Seconds SSH gets to ask the guest to power off, where its power button can't be pressed or may not be heard."""


def stop(context: Context, timeouts: StopTimeouts, control: Control) -> StopResult:
    """See `Cluster.stop`."""
    qemu = context.qemu

    def stop_containers() -> None:
        control.report("stopping containerd")
        run_in_guest(context, "sudo", "systemctl", "stop", "containerd", timeout=CONTAINERD_TIMEOUT)

    def power_off() -> bool:
        control.report("asking the guest to power off over SSH")
        return run_in_guest(context, "sudo", "systemctl", "poweroff", timeout=POWER_OFF_TIMEOUT)

    with qemu.locked("stop"):
        try:
            result = qemu.stop(timeouts=timeouts, control=control, power_off=power_off, prepare=stop_containers)
        except NotRunning:
            if os.path.lexists(context.files.state_file):
                qemu.require_free(Access.WRITE)
            if not context.remove_state_file():
                raise
            return StopResult("gone", f"{qemu.vm_name} had ended before; what it left was cleared")
        context.remove_state_file()
        return result
