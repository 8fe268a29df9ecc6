"""How a cluster's guest is reached over SSH: where its server is, which keys it has, and copying to it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from podplane_tui.backend.core.control import Control, ShellOptions
from podplane_tui.backend.core.errors import CommandFailed, ConnectionLost, NotRunning, ShellError, VMError
from podplane_tui.backend.core.files import os_errors_as
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.store import recordings
from podplane_tui.backend.runtime.ports import ports_of
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.ssh.known_hosts import forget, read_host_keys
from podplane_tui.backend.sync.copy import run_sync
from podplane_tui.backend.sync.log import SyncLog
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.sync.source import OpenSource
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.endpoint import endpoint
from podplane_tui.backend.vm.remembered import remember_sync

_ENDING = 10.0
"""Seconds a QEMU that has closed its ports is given to end."""


def ssh_target(context: Context, user: str = "") -> ssh.SSHTarget:
    """See `Cluster.ssh_target`."""
    files, process = context.files, context.qemu.require_process()
    port = ports_of(process.arguments).ssh
    if port is None:
        raise ShellError(
            f"{files.name} has no SSH port: it was started without a network, or not by podplane",
            hint="use its console, or restart it",
        )
    return endpoint(files, process, port, user)


def run_in_guest(context: Context, *command: str, timeout: float) -> bool:
    """Run a command as a best effort, for at most `timeout` seconds; whether the guest took it."""
    try:
        ssh.run(ssh_target(context), command, ShellOptions(timeout=timeout))
    except ConnectionLost:
        return True  # logged in and then cut off: so a guest that powers off says goodbye
    except VMError:
        return False
    return True


def forget_host_keys(files: VMFiles) -> bool:
    """See `Cluster.forget_host_keys`."""
    newest = next(iter(recordings(files)), None)
    with os_errors_as(ShellError, f"the host keys of {files.name} can't be forgotten"):
        return forget(files, None if newest is None else newest.path)


def sync(
    context: Context, request: SyncRequest, *, user: str, control: Control, control_socket: Path | None = None
) -> None:
    """See `Cluster.sync`."""
    if os.path.lexists(context.files.image):  # nothing is remembered of a VM that is not there
        remember_sync(context.files, request)
    push(context, request, user=user, control=control, control_socket=control_socket)


def push(
    context: Context,
    request: SyncRequest,
    *,
    user: str,
    control: Control,
    control_socket: Path | None = None,
    source: OpenSource | None = None,
) -> None:
    """The same, without remembering it. `source` is that of the request, held open."""
    target = ssh_target(context, user)
    known = read_host_keys(target.known_hosts)
    with SyncLog(context.files.sync_log) as log:
        log.write(f"{request.source} -> {request.destination}")

        def report(line: str) -> None:
            log.write(line)
            control.report(line)

        try:
            steered = replace(control, report=report)
            run_sync(target, request, control=steered, control_socket=control_socket, source=source)
        except VMError as error:
            log.write(str(error))
            if isinstance(error, (ShellError, CommandFailed)) and _has_ended(context, error):
                raise NotRunning(
                    f"{context.qemu.vm_name} stopped during the copy", hint="start it and copy again"
                ) from error
            raise
        log.write("done")
    ssh.note_login(target, known)


def _has_ended(context: Context, error: VMError) -> bool:
    """Whether the machine that `error` is about has ended.

    QEMU listens on its forwarded ports for as long as it lives, but closes them a moment before its process ends:
    a refused connection says that it is about to.
    """
    end = time.monotonic() + (_ENDING if isinstance(error.__cause__, ConnectionRefusedError) else 0.0)
    while context.qemu.running():
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True
