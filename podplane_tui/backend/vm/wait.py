"""Waiting until a machine can be used: until SSH lets one in, or until its cloud-init has ended."""

from __future__ import annotations

import contextlib
import time

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
"""Seconds from an answer of the guest about its cloud-init to the next question: each starts a Python there."""

_GRACE = 60.0
"""Seconds after its console has shown the end of cloud-init in which a guest may be too busy to say how it ended."""


_NO_SSH = "SSH does not answer yet"
_AT_WORK = "it is still at work"


def wait_for(context: Context, phase: Phase, *, timeout: float, user: str = "", control: Control | None = None) -> None:
    """Wait until the VM has reached `phase`: SSH, which means that the login works, or the end of cloud-init.

    Warns of a cloud-init that ended degraded. Raises `CloudInitFailed` for one that ended with an error, `NotReady`
    after `timeout` seconds, `NotRunning` as soon as the VM does not run, `HostKeyChanged` and other `ShellError`s
    that waiting does not change, and `Cancelled`.
    """
    control = control or Control()
    begun = time.monotonic()
    name = context.qemu.vm_name
    cloud_init = _CloudInit(context, user, control)
    while True:
        vm = status_of(context.files)
        if vm is None or not vm.live:
            raise NotRunning(f"{name} is not running", hint="start it first, or check its logs for why it ended")
        why = cloud_init.missing(vm) if phase is Phase.CLOUD_INIT else _login(context, vm, user)
        waited = time.monotonic() - begun
        if why is None or (waited >= timeout and cloud_init.shown):
            cloud_init.tell()
            return
        if waited >= timeout:
            raise NotReady(
                f"{name} has not reached {phase} within {timeout:g} s: {why}", hint="wait longer, or check its logs"
            )
        control.report(f"waiting for {phase} on {name}, {waited:.0f} s: {why}")
        if control.cancel.wait(min(_INTERVAL, timeout - waited)):
            raise Cancelled(f"the wait for {phase} on {name} was cancelled", hint="the VM keeps running")


def _readiness(vm: VMStatus) -> Readiness:
    """How far it has come, as far as can be seen from outside."""
    tracker = ReadinessTracker(asks=False)
    tracker.settle([vm], 2 * PROBE_TIMEOUT)
    (vm,) = tracker.update([vm])
    return vm.readiness or Readiness((), ())


def _login(context: Context, vm: VMStatus, user: str) -> str | None:
    """Why nobody can log in yet; None when that works."""
    try:
        target = ssh_target(context, user)  # says it where there is no SSH at all
        if not _readiness(vm).has(Phase.SSH):
            return _NO_SSH
        ssh.connect(target).close()
    except (StillBooting, KeyRefused) as error:  # a key is let in only once cloud-init has put it there
        return error.problem
    return None


class _CloudInit:
    """What is known of a guest's cloud-init while it is waited for: what its console shows, and what itself says."""

    def __init__(self, context: Context, user: str, control: Control) -> None:
        self._context, self._user, self._control = context, user, control
        self._status: CloudInitStatus | None = None
        self._why = ""
        self._next_question = 0.0
        self._shown_at: float | None = None

    @property
    def shown(self) -> bool:
        """Whether the console has shown its end."""
        return self._shown_at is not None

    def missing(self, vm: VMStatus) -> str | None:
        """Why it has not ended, in words; None when it has, and when there is nothing more to learn of that.

        Raises what waiting does not change.
        """
        readiness = _readiness(vm)
        if readiness.has(Phase.CLOUD_INIT) and self._shown_at is None:
            self._shown_at, self._next_question = time.monotonic(), 0.0
        if readiness.has(Phase.SSH):
            final = self._ask(vm, readiness)
        elif self.shown:
            final = Phase.SSH not in readiness.pending  # there is no SSH server
        else:
            with contextlib.suppress(StillBooting):
                ssh_target(self._context, self._user)  # says it where there is no SSH at all
            final, self._why = False, _NO_SSH
        if self._status is not None:
            return None if self._status.ended else _AT_WORK
        if self._shown_at is None:
            return self._why
        return None if final or time.monotonic() - self._shown_at >= _GRACE else self._why or _NO_SSH

    def _ask(self, vm: VMStatus, readiness: Readiness) -> bool:
        """Ask the guest, if it is time; whether there is no use in asking it again."""
        if time.monotonic() < self._next_question:
            return False
        try:
            self._status = ask(ssh_target(self._context, self._user), control=self._control)
        except (StillBooting, ConnectionLost, CommandTimedOut) as error:
            self._status, self._why = None, error.problem
            return False
        except ShellError as error:
            self._status, self._why = None, error.problem
            if self.shown:
                return True
            if isinstance(error, KeyRefused):
                return False  # cloud-init has not put the key there yet
            raise
        finally:
            self._next_question = time.monotonic() + _ASK_INTERVAL
        if self._status is None:
            self._why = "it does not say how its cloud-init is"
        elif self._status.outcome is Outcome.ABSENT and self._is_recorded(vm) and readiness.wants(Phase.CLOUD_INIT):
            self._status, self._why = None, _AT_WORK  # its console has shown one, and knows better
        return True

    @staticmethod
    def _is_recorded(vm: VMStatus) -> bool:
        return read_machine(vm.arguments).console_log is not None

    def tell(self) -> None:
        """Say how it has ended, as far as the guest said so. Raises `CloudInitFailed`."""
        name, status = self._context.qemu.vm_name, self._status
        if status is None or not status.ended:
            if self._why and self._why != _AT_WORK:
                self._control.warn(f"cloud-init on {name} has ended, but the guest can't be asked how: {self._why}")
            return
        told = f" {status.told}" if status.module else f": {status.told}" if status.told else ""
        if status.outcome is Outcome.ERROR:
            raise CloudInitFailed(
                f"cloud-init on {name} failed{told}",
                hint="see podplane-tui boot, and cloud-init status --long in the guest",
            )
        if status.outcome is Outcome.DEGRADED:
            self._control.warn(f"cloud-init on {name} is done, with errors that it recovered from{told}")
