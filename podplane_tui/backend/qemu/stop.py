"""Ending a machine: the power button, then SIGTERM, then SIGKILL, each when the one before did not do it in time."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.errors import Cancelled, QMPError, StopFailed
from podplane_tui.backend.qemu import qmp
from podplane_tui.backend.qemu.arguments import read_machine
from podplane_tui.backend.qemu.process import QemuProcess

_TICK = 0.05


@dataclass(frozen=True, slots=True)
class StopResult:
    """Which step ended the machine: `powerdown`, `terminate`, `kill`, or `gone` when it had ended before."""

    step: str
    message: str


def end_process(
    name: str,
    process: QemuProcess,
    timeouts: StopTimeouts,
    control: Control,
    power_off: Callable[[], bool] | None = None,
) -> StopResult:
    """End `process`, the QEMU of the machine `name`, and tell which step did it.

    `power_off` asks the guest by another way than QMP, where there is none or the guest may not hear its power button,
    and says whether it could. Raises `StopFailed` when the process outlives SIGKILL, `ForeignProcess` when it may not
    be signalled, `Cancelled` when the caller gave up waiting.
    """
    if process.suspended():
        # Only an awake QEMU can press the button, or write its caches out at SIGTERM.
        control.report("QEMU is suspended: waking it")
        process.send(signal.SIGCONT)
    if timeouts.powerdown > 0 and _press_power_button(process, control, power_off):
        what = "waiting for the guest to power off"
        if _wait_gone(name, process, timeouts.powerdown, control, what):
            return StopResult("powerdown", f"{name} powered off")
    for number, timeout, step in (
        (signal.SIGTERM, timeouts.terminate, "terminate"),
        (signal.SIGKILL, timeouts.kill, "kill"),
    ):
        control.report(f"sending {number.name} to QEMU")
        what = f"waiting for QEMU after {number.name}"
        last = number is signal.SIGKILL
        if not process.send(number) and not last:
            return StopResult("gone", f"{name} ended by itself")
        if _wait_gone(name, process, timeout, control, what, last=last):
            return StopResult(step, f"{name} was ended with {number.name}")
    raise StopFailed(
        f"process {process.pid} of {name} is still there {timeouts.kill:.0f} s after SIGKILL:"
        " the kernel holds it, most likely waiting for a disk",
        hint="check that disk, then stop the VM again",
    )


def _press_power_button(process: QemuProcess, control: Control, power_off: Callable[[], bool] | None) -> bool:
    """Ask the guest to power off; whether anybody took the message."""
    control.report("pressing the power button")
    machine = read_machine(process.arguments)
    socket = qmp.ControlSocket.of(machine.qmp, process.pid)
    pressed = socket is not None and _power_down(socket, control)
    if pressed and machine.acpi:
        return True
    return (power_off is not None and power_off()) or pressed


def _power_down(socket: qmp.ControlSocket, control: Control) -> bool:
    try:
        if qmp.run_state(socket) == "paused":
            qmp.execute(socket, "cont")  # a paused guest can't notice the button
        qmp.execute(socket, "system_powerdown")
    except QMPError as error:
        control.report(str(error))
        return False
    return True


def _wait_gone(
    name: str, process: QemuProcess, timeout: float, control: Control, what: str, *, last: bool = False
) -> bool:
    """Wait for the process to end, telling the seconds left; False after `timeout` or when told to skip ahead.

    After the `last` step there is nothing to skip to.
    """
    deadline = time.monotonic() + timeout
    told = None
    while process.alive():
        left = deadline - time.monotonic()
        if control.cancel.is_set():
            raise Cancelled(f"the stop of {name} was cancelled", hint="its guest may still be powering off")
        if left <= 0 or (control.skip.is_set() and not last):
            control.skip.clear()
            return not process.alive()
        if told != int(left):
            told = int(left)
            control.report(f"{what} ({told + 1} s left)")
        if last:
            time.sleep(min(_TICK, left))
        else:
            control.skip.wait(min(_TICK, left))
    return True
