"""Waiting until a machine can be used: until SSH lets one in, or until its cloud-init has ended."""

from __future__ import annotations

import time
from typing import NamedTuple

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import (
    Cancelled,
    CloudInitFailed,
    CommandTimedOut,
    ConnectionLost,
    KeyRefused,
    NotReady,
    NotRunning,
    ShellError,
    StillBooting,
)
from podplane_tui.backend.core.status import Phase, Readiness, VMStatus
from podplane_tui.backend.qemu.arguments import read_machine
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.vm.access import ssh_target
from podplane_tui.backend.vm.cloud_init_status import CloudInitStatus, Outcome, ask
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.inventory import status_of
from podplane_tui.backend.vm.readiness import PROBE_TIMEOUT, ReadinessTracker

_INTERVAL = 1.0
"""Seconds between looks: a login costs an emulated guest a good part of that."""

_ASK_INTERVAL = 5.0
"""Seconds between questions to the guest how its cloud-init is: each starts a Python there."""


_NO_SSH = "SSH does not answer yet"
_AT_WORK = "it is still at work"


class _Asked(NamedTuple):
    """What the guest said of its cloud-init, what that means while it has not ended, and when (monotonic seconds).

    `shown` is whether its console had shown the end by then.
    """

    status: CloudInitStatus | None
    why: str
    shown: bool
    at: float


def wait_for(context: Context, phase: Phase, *, timeout: float, user: str = "", control: Control | None = None) -> None:
    """Wait until the machine has reached `phase`: SSH, which means that the login works, or the end of cloud-init.

    Warns of a cloud-init that ended degraded. Raises `CloudInitFailed` for one that ended with an error, `NotReady`
    after `timeout` seconds, `NotRunning` as soon as the machine does not run, `HostKeyChanged` and other `ShellError`s
    that waiting does not mend, and `Cancelled`.
    """
    control = control or Control()
    begun = time.monotonic()
    name = context.qemu.vm_name
    asked: _Asked | None = None
    while True:
        vm = status_of(context.files)
        if vm is None or not vm.live:
            raise NotRunning(f"{name} is not running", hint="start it first, or check its logs for why it ended")
        if phase is Phase.CLOUD_INIT:
            asked, why = _cloud_init(context, vm, user, asked, control)
        else:
            why = _login(context, vm, user)
        if why is None:
            _tell(name, asked, control)
            return
        waited = time.monotonic() - begun
        if waited >= timeout:
            raise NotReady(
                f"{name} has not reached {phase} within {timeout:g} s: {why}", hint="wait longer, or check its logs"
            )
        control.report(f"waiting for {phase} on {name}, {waited:.0f} s: {why}")
        if control.cancel.wait(min(_INTERVAL, timeout - waited)):
            raise Cancelled(f"the wait for {phase} on {name} was cancelled", hint="the VM keeps running")


def _tell(name: str, asked: _Asked | None, control: Control) -> None:
    """Say how cloud-init has ended, where the guest was asked. Raises `CloudInitFailed`."""
    if asked is None:
        return
    status = asked.status
    if status is None:
        if asked.why != _AT_WORK:
            control.warn(f"cloud-init on {name} has ended, but the guest can't be asked how: {asked.why}")
        return
    told = f" {status.told}" if status.module else f": {status.told}" if status.told else ""
    if status.outcome is Outcome.ERROR:
        raise CloudInitFailed(
            f"cloud-init on {name} failed{told}",
            hint="see podplane-tui boot, and cloud-init status --long in the guest",
        )
    if status.outcome is Outcome.DEGRADED:
        control.warn(f"cloud-init on {name} is done, with errors that it recovered from{told}")


def _readiness(vm: VMStatus) -> Readiness:
    """How far it has come, as far as can be seen from outside."""
    tracker = ReadinessTracker(asks=False)
    tracker.settle([vm], 2 * PROBE_TIMEOUT)
    (vm,) = tracker.update([vm])
    return vm.readiness or Readiness((), ())


def _login(context: Context, vm: VMStatus, user: str) -> str | None:
    """Why nobody can log in yet; None when that works."""
    target = ssh_target(context, user)  # says it where there is no SSH at all
    if not _readiness(vm).has(Phase.SSH):
        return _NO_SSH
    try:
        ssh.connect(target).close()
    except (StillBooting, KeyRefused) as error:  # a key is let in only once cloud-init has put it there
        return error.problem
    return None


def _cloud_init(
    context: Context, vm: VMStatus, user: str, asked: _Asked | None, control: Control
) -> tuple[_Asked | None, str | None]:
    """What the guest said last, and why its cloud-init has not ended yet; None when it has.

    Where it can't be asked, its console tells. It also does where the guest says that it has no cloud-init at all, and
    the console has shown one.
    """
    readiness = _readiness(vm)
    shown = readiness.has(Phase.CLOUD_INIT)
    if not readiness.has(Phase.SSH):
        if not shown:
            ssh_target(context, user)  # says it where there is no SSH at all
        return asked, None if shown else _NO_SSH
    now = time.monotonic()
    if asked is None or now - asked.at >= _ASK_INTERVAL or (shown and not asked.shown):
        status, why = _ask(context, user, control, shown=shown)
        recorded = read_machine(vm.arguments).console_log is not None
        if status is not None and status.outcome is Outcome.ABSENT and recorded and readiness.wants(Phase.CLOUD_INIT):
            status, why = None, _AT_WORK
        asked = _Asked(status, why, shown, now)
    ended = asked.status.ended if asked.status is not None else shown
    return asked, None if ended else asked.why


def _ask(context: Context, user: str, control: Control, *, shown: bool) -> tuple[CloudInitStatus | None, str]:
    """What the guest says of its cloud-init, and what there is to say while it has not ended.

    Where its console has `shown` the end, no reason why it can't be asked makes that untrue.
    """
    try:
        status = ask(ssh_target(context, user), control=control)
    except (StillBooting, KeyRefused, ConnectionLost, CommandTimedOut) as error:
        return None, error.problem
    except ShellError as error:
        if not shown:
            raise
        return None, error.problem
    return status, _AT_WORK if status is not None else "it does not say how its cloud-init is"
