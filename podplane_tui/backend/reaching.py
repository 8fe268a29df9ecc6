"""How a cluster's guest is reached over SSH: where its server is, which keys it has, and copying to it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from podplane_tui.backend import ssh
from podplane_tui.backend.errors import CommandFailed, NotRunning, ShellError, VMError
from podplane_tui.backend.files import os_errors_as, private_directory
from podplane_tui.backend.host_keys import forget, learn
from podplane_tui.backend.interface import Control, ShellOptions
from podplane_tui.backend.paths import VMFiles
from podplane_tui.backend.recordings import recordings
from podplane_tui.backend.rsync import SyncRequest
from podplane_tui.backend.settings import read_settings
from podplane_tui.backend.sync import run_sync
from podplane_tui.backend.sync_log import SyncLog

if TYPE_CHECKING:
    from podplane_tui.backend.cluster import Cluster

_ENDING = 10.0
"""Seconds a QEMU that has closed its ports is given to end."""


def ssh_target(cluster: Cluster, user: str = "") -> ssh.SSHTarget:
    """See `Cluster.ssh_target`; whether the machine runs is not asked."""
    files = cluster.files
    port = cluster.ports().ssh
    if port is None:
        raise ShellError(
            f"{files.name} has no SSH port: it was started without a network, or not by podplane;"
            " use its console, or restart it"
        )
    user = user or read_settings(files).user or ssh.DEFAULT_USER
    with os_errors_as(ShellError, f"the host keys of {files.name} can't be kept"):
        private_directory(files.known_hosts.parent)
        newest = next(iter(recordings(files)), None)
        if newest is not None:
            learn(files, newest.path)
    return ssh.SSHTarget("127.0.0.1", port, user, files.identity, files.stem, files.known_hosts)


def run_in_guest(cluster: Cluster, *command: str, timeout: float) -> bool:
    """Run a command as a best effort, for at most `timeout` seconds; whether the guest took it."""
    try:
        ssh.run(ssh_target(cluster), command, ShellOptions(timeout=timeout))
    except ShellError as error:
        return "broke off" in str(error)  # logged in and then cut off: so a guest that powers off says goodbye
    except VMError:
        return False
    return True


def forget_host_keys(files: VMFiles) -> bool:
    """See `Cluster.forget_host_keys`."""
    newest = next(iter(recordings(files)), None)
    with os_errors_as(ShellError, f"the host keys of {files.name} can't be forgotten"):
        return forget(files, None if newest is None else newest.path)


def sync(
    cluster: Cluster, request: SyncRequest, *, user: str, control: Control, control_socket: Path | None = None
) -> None:
    """See `Cluster.sync`."""
    target = cluster.ssh_target(user)
    with SyncLog(cluster.files.sync_log) as log:
        log.write(f"{request.source} -> {request.destination}")

        def report(line: str) -> None:
            log.write(line)
            control.report(line)

        try:
            steered = replace(control, report=report)
            run_sync(target, request, control=steered, control_socket=control_socket)
        except VMError as error:
            log.write(str(error))
            if isinstance(error, (ShellError, CommandFailed)) and _has_ended(cluster, error):
                raise NotRunning(
                    f"{cluster.qemu.vm_name} stopped while it was copied to: start it and copy again"
                ) from error
            raise
        log.write("done")


def _has_ended(cluster: Cluster, error: VMError) -> bool:
    """Whether the machine that `error` is about has ended.

    QEMU listens on its forwarded ports for as long as it lives, but closes them a moment before its process ends:
    a refused connection says that it is about to.
    """
    end = time.monotonic() + (_ENDING if isinstance(error.__cause__, ConnectionRefusedError) else 0.0)
    while cluster.qemu.running():
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True
