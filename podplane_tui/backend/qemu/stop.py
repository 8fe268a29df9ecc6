"""Ending a machine: the power button, then SIGTERM, then SIGKILL, each when the one before did not do it in time."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.errors import Cancelled, QMPError, StopFailed
from podplane_tui.backend.core.run_states import IO_ERROR, RUN_STATES, RUNNING, WAKE, run_state, wake_up
from podplane_tui.backend.host.filesystems import room_of
from podplane_tui.backend.qemu import qmp
from podplane_tui.backend.qemu.arguments import read_machine
from podplane_tui.backend.qemu.process import QemuProcess

_TICK = 0.05

_LOOK_INTERVAL = 3.0
"""Seconds between looks at whether the guest that powers off still runs."""


class _Button(Enum):
    """Whether the guest can hear its power button.

    A guest that has slept may not: under QEMU 7.2 a Debian kernel gets no ACPI interrupt any more on a q35 that has no
    firmware to set it up again. One whose button can't be pressed may be asked another way, one that is deaf not.
    """

    HEARD = auto()
    DOUBTFUL = auto()
    SILENT = auto()
    DEAF = auto()


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
    *,
    image: Path | None = None,
    prepare: Callable[[], object] = lambda: None,
) -> StopResult:
    """End `process`, the QEMU of the machine `name`, and tell which step did it.

    `power_off` asks the guest by another way than QMP, where there is none or the guest may not hear its power button,
    and says whether it could. `prepare` is called before it is asked, by any way, if it can notice; `image` is its
    disk. Raises `StopFailed` when the process outlives SIGKILL, `ForeignProcess` when it may not
    be signalled, `Cancelled` when the caller gave up waiting.
    """
    if process.suspended():
        # Only an awake QEMU can press the button, or write its caches out at SIGTERM.
        control.report("QEMU is suspended: waking it")
        process.send(signal.SIGCONT)
    if timeouts.powerdown > 0 and (button := _rouse(process, image, control)) is not _Button.DEAF:
        prepare()
        pressed = _press_power_button(process, button, control, power_off)
        if pressed and _wait_powered_off(name, process, button, timeouts.powerdown, control):
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


def _rouse(process: QemuProcess, image: Path | None, control: Control) -> _Button:
    """Let the guest's CPUs run, where they don't and can."""
    socket = process.control
    if socket is None:
        return _Button.SILENT
    try:
        state = qmp.run_state(socket)
        room = room_of(image) if image is not None and state == IO_ERROR else None
        commands = wake_up(state, room=room)
        if commands is None:
            _report_deaf(state, control)
            return _Button.DEAF
        for command in commands:
            control.report(f"the VM is {run_state(state).words}: waking it")
            qmp.execute(socket, command)
    except QMPError as error:
        control.report(str(error))
        return _Button.SILENT
    return _Button.DOUBTFUL if WAKE in commands else _Button.HEARD


def _report_deaf(state: str, control: Control) -> None:
    control.report(f"the VM is {run_state(state).words}, so its guest can't power off")


def _press_power_button(
    process: QemuProcess, button: _Button, control: Control, power_off: Callable[[], bool] | None
) -> bool:
    """Ask the guest to power off; whether anybody took the message."""
    control.report("pressing the power button")
    machine = read_machine(process.arguments)
    socket = process.control
    pressed = socket is not None and button is not _Button.SILENT and _power_down(socket, control)
    if pressed and machine.acpi and button is _Button.HEARD:
        return True
    return (power_off is not None and power_off()) or pressed


def _power_down(socket: qmp.ControlSocket, control: Control) -> bool:
    try:
        qmp.execute(socket, "system_powerdown")
    except QMPError as error:
        control.report(str(error))
        return False
    return True


def _wait_powered_off(name: str, process: QemuProcess, button: _Button, timeout: float, control: Control) -> bool:
    """Wait for the guest to power off, as `_wait_gone`, but not for one that has halted meanwhile."""
    socket = process.control
    look_at = time.monotonic() + _LOOK_INTERVAL

    def halted() -> bool:
        nonlocal look_at
        if socket is None or button is _Button.SILENT or time.monotonic() < look_at:
            return False
        look_at = time.monotonic() + _LOOK_INTERVAL
        try:
            state = qmp.run_state(socket)
        except QMPError:  # it is just ending, or somebody else asks it something
            return False
        if state == RUNNING or state not in RUN_STATES:
            return False
        _report_deaf(state, control)
        return True

    return _wait_gone(name, process, timeout, control, "waiting for the guest to power off", hopeless=halted)


def _wait_gone(
    name: str,
    process: QemuProcess,
    timeout: float,
    control: Control,
    what: str,
    *,
    last: bool = False,
    hopeless: Callable[[], bool] = lambda: False,
) -> bool:
    """Wait for the process to end, telling the seconds left; False after `timeout` or when told to skip ahead.

    After the `last` step there is nothing to skip to. `hopeless` says that there is nothing to wait for any more.
    """
    deadline = time.monotonic() + timeout
    told = None
    while process.alive():
        left = deadline - time.monotonic()
        if control.cancel.is_set():
            raise Cancelled(f"the stop of {name} was cancelled", hint="its guest may still be powering off")
        if left <= 0 or (control.skip.is_set() and not last) or hopeless():
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
