"""`Cluster`: a machine with its ports, state file, user-data, keys and data; what command line and dashboard call.

A `Cluster` belongs to one thread; its verbs block, tell their steps through `Control` and raise only `VMError`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend import ssh
from podplane_tui.backend.errors import (
    CorruptFile,
    DeleteFailed,
    InvalidInput,
    NotRunning,
    ShellError,
    StartFailed,
    VMError,
)
from podplane_tui.backend.files import read_small_file
from podplane_tui.backend.interface import Control, DirectBootOptions, Options, ShellOptions, StopTimeouts
from podplane_tui.backend.inventory import Inventory
from podplane_tui.backend.launch import Launch
from podplane_tui.backend.paths import ARCHITECTURES, VMFiles
from podplane_tui.backend.ports import allocate_ports, port_forwards, read_state_file, write_state_file
from podplane_tui.backend.qemu import Qemu
from podplane_tui.backend.snapshot import Ports, VMSnapshot
from podplane_tui.backend.stop import StopResult

CONTAINERD_TIMEOUT = 2.0
"""Seconds for the best effort to stop the guest's containers before it is powered off, as podplane gives it."""

_PORT_RETRIES = 3


@dataclass(frozen=True, slots=True)
class StartSettings:
    """How to start a cluster's machine; empty values stand for the defaults.

    `user_data` is a file whose text replaces the cluster's own user-data. `accelerator` is `kvm`, `hvf`, `tcg` or
    empty for the best there is.
    """

    cpus: str = ""
    memory: str = ""
    user_data: Path | None = None
    boot: DirectBootOptions | None = None
    accelerator: str = ""
    network: bool = True
    monitor: bool = False


class Cluster:
    """One local cluster's machine. Raises `InvalidInput` for an id podplane would refuse."""

    def __init__(self, *, data_dir: Path, runtime_dir: Path, cluster_id: str, arch: str) -> None:
        self.qemu = Qemu(Options(arch, cluster_id, data_dir, runtime_dir))
        self.files: VMFiles = self.qemu.files

    def snapshot(self) -> VMSnapshot | None:
        """The machine now; None when nothing of it exists."""
        return Inventory(self.files.data_dir, self.files.runtime_dir).find(self.files.cluster_id, self.files.arch)

    def ports(self) -> Ports:
        """The ports of the running cluster, from its state file. Raises `CorruptFile`."""
        return read_state_file(self.files.state_file)

    # Verbs

    def create(self, image: Path | None, *, control: Control | None = None) -> None:
        """Make the disk, based on `image` or empty. See `Qemu.create`."""
        (control or Control()).report("making the disk")
        self.qemu.create(image)

    def start(self, settings: StartSettings | None = None, *, control: Control | None = None) -> None:
        """Start the machine with ports of its own and write them to the state file. See `Qemu.start`."""
        settings, control = settings or StartSettings(), control or Control()
        with self.qemu.locked("start"):
            child = self._launch(settings, control)
        if settings.monitor:
            self.qemu.wait_in_foreground(child)
            self.files.state_file.unlink(missing_ok=True)

    def _launch(self, settings: StartSettings, control: Control) -> subprocess.Popen[bytes]:
        user_data = self._user_data(settings.user_data)
        key = ssh.ensure_identity(self.files.identity) if settings.network else ""
        for attempt in range(_PORT_RETRIES):
            ports = allocate_ports() if settings.network else Ports()
            launch = Launch(
                user_data=user_data,
                cpus=settings.cpus,
                memory=settings.memory,
                ssh_authorized_key=key,
                monitor=settings.monitor,
                boot=settings.boot,
                ports=port_forwards(ports),
                accelerator=settings.accelerator,
                network=settings.network,
            )
            try:
                child = self.qemu.launch(launch, control)
            except StartFailed as error:
                # Somebody took a port between our look and QEMU's bind: choose anew.
                if "Could not set up host forwarding rule" in str(error) and attempt + 1 < _PORT_RETRIES:
                    control.report("a port was taken meanwhile: choosing others")
                    continue
                raise
            if settings.network:
                write_state_file(self.files.state_file, self.files.cluster_id, ports)
            return child
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _user_data(self, replacement: Path | None) -> str:
        """The text of `replacement`, else of the cluster's own user-data, else nothing."""
        path = replacement or self.files.user_data
        try:
            return path.read_text("utf-8")
        except FileNotFoundError as error:
            if replacement is None:
                return ""
            raise InvalidInput(f"there is no user-data file {path}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"the user-data {path} can't be read: {error}") from error

    def stop(self, *, timeouts: StopTimeouts | None = None, control: Control | None = None) -> StopResult:
        """Stop the guest's containers (best effort), then the machine, then remove the state file. See `Qemu.stop`."""
        timeouts, control = timeouts or StopTimeouts(), control or Control()
        with self.qemu.locked("stop"):
            if timeouts.powerdown > 0 and self.qemu.running():
                control.report("stopping containerd")
                self._run_quietly(["sudo", "systemctl", "stop", "containerd"])
            result = self.qemu.stop(timeouts=timeouts, control=control, power_off=self._power_off)
            self._remove_state_file()
            return result

    def _power_off(self) -> bool:
        return self._run_quietly(["sudo", "systemctl", "poweroff"])

    def _run_quietly(self, command: Sequence[str]) -> bool:
        """Run a command in the guest as a best effort; whether it could be delivered."""
        try:
            ssh.run(self.ssh_target(), command, ShellOptions(timeout=CONTAINERD_TIMEOUT))
        except ShellError:
            return False
        except VMError:
            return True
        return True

    def _remove_state_file(self) -> None:
        """Remove the state file, unless the same cluster's machine of the other architecture runs by it."""
        if not any(Qemu(self._options(arch)).running() for arch in self._other_architectures()):
            self.files.state_file.unlink(missing_ok=True)

    def _other_architectures(self) -> list[str]:
        return [arch for arch in ARCHITECTURES if arch != self.files.arch]

    def _options(self, arch: str) -> Options:
        return Options(arch, self.files.cluster_id, self.files.data_dir, self.files.runtime_dir)

    def restart(
        self,
        settings: StartSettings | None = None,
        *,
        timeouts: StopTimeouts | None = None,
        control: Control | None = None,
    ) -> None:
        """Stop and start again, with what the machine was started with unless `settings` says otherwise.

        A machine that does not run is just started.
        """
        control = control or Control()
        with self.qemu.locked("restart"):
            if self.qemu.running():
                machine = self.qemu.machine()
                kept = StartSettings(
                    cpus=str(machine.cpus or ""),
                    memory=f"{machine.memory_bytes // 2**20}M" if machine.memory_bytes else "",
                    boot=machine.boot,
                    accelerator=machine.accelerator or "",
                    network=machine.network,
                )
                self.stop(timeouts=timeouts, control=control)
                settings = settings or kept
            self.start(settings, control=control)

    def pause(self, *, control: Control | None = None) -> None:
        """Stop the guest's CPUs."""
        (control or Control()).report("pausing")
        self.qemu.pause()

    def resume(self, *, control: Control | None = None) -> None:
        """Let a paused guest go on."""
        (control or Control()).report("resuming")
        self.qemu.resume()

    def reset(self, *, control: Control | None = None) -> None:
        """Press the reset button."""
        (control or Control()).report("resetting")
        self.qemu.reset()

    # Delete

    def delete_plan(self) -> tuple[Path, ...]:
        """Everything `delete` would remove, existing paths only; folders stand for all they hold.

        Shared keys, caches and TLS assets stay, and so do logins in podplane's own configuration and kubectl's. While
        the same cluster has a disk of the other architecture, what the two share stays as well.
        """
        files = self.files
        own = [files.image, files.seed, files.efivars, files.pid_file, files.console, files.qmp, files.qemu_log]
        shared = [files.state_file, files.cluster_dir, *self._server_records()]
        others = (
            VMFiles(arch, files.cluster_id, files.data_dir, files.runtime_dir) for arch in self._other_architectures()
        )
        if any(other.image.exists() for other in others):
            shared = []
        return tuple(path for path in [*own, *shared] if os.path.lexists(path))

    def _server_records(self) -> list[Path]:
        """What podplane's local server keeps for this cluster: buckets, and its fake Nstance's records."""
        cluster_id, data = self.files.cluster_id, self.files.data_dir
        buckets = data / "s3" / "buckets"
        metadata = data / "s3" / "metadata"
        nstance = data / "nstance-fake"
        paths = [folder / f"{cluster_id}-{name}" for folder in (buckets, metadata) for name in ("netsy", "telemetry")]
        paths += [nstance / "fakeserver" / "tenants" / cluster_id, nstance / "podplane" / "clusters" / cluster_id]
        with contextlib.suppress(OSError):
            for instance in sorted((nstance / "fakeserver" / "instances").iterdir()):
                if not instance.is_symlink() and _tenant_of(instance / "instance.json") == cluster_id:
                    paths.append(instance)
        return paths

    def delete(self, plan: tuple[Path, ...], *, control: Control | None = None) -> None:
        """Remove exactly what is in `plan`, which `delete_plan` gave. Raises `AlreadyRunning`, `DeleteFailed`."""
        control = control or Control()
        with self.qemu.locked("delete"):
            self.qemu.require_stopped("delete")
            unplanned = set(plan) - set(self.delete_plan())
            for path in plan:
                if path in unplanned:
                    continue  # gone since it was listed, or never ours
                control.report(f"removing {path.name}")
                try:
                    if path.is_dir() and not path.is_symlink():
                        shutil.rmtree(path)
                    else:
                        path.unlink()
                except OSError as error:
                    raise DeleteFailed(f"{path} can't be removed: {error.strerror}") from error

    # Reaching the guest

    def ssh_target(self, user: str = ssh.DEFAULT_USER) -> ssh.SSHTarget:
        """Where the guest's SSH server is. Raises `NotRunning`, `ShellError`."""
        if not self.qemu.running():
            raise NotRunning(f"{self.qemu.vm_name} is not running: start it first")
        port = self.ports().ssh
        if port is None:
            raise ShellError(
                f"{self.qemu.vm_name} has no SSH port: it was started without a network, or not by podplane"
            )
        return ssh.SSHTarget("127.0.0.1", port, user, self.files.identity)

    def shell(
        self, command: Sequence[str] = (), *, options: ShellOptions | None = None, user: str = ssh.DEFAULT_USER
    ) -> bytes | None:
        """See `Qemu.shell`."""
        target = self.ssh_target(user)
        return self.qemu.shell(
            command, ssh_port=target.port, identity_file=target.identity_file, options=options, user=user
        )

    def sync(
        self,
        source: str,
        destination: str,
        *,
        chown: str = "",
        excludes: Sequence[str] = (),
        user: str = ssh.DEFAULT_USER,
        control: Control | None = None,
    ) -> None:
        """See `Qemu.sync`."""
        target = self.ssh_target(user)
        self.qemu.sync(
            source,
            destination,
            chown=chown,
            excludes=excludes,
            ssh_port=target.port,
            identity_file=target.identity_file,
            user=user,
            control=control,
        )


def _tenant_of(instance_file: Path) -> str | None:
    """The tenant a fake Nstance instance record names; None when it can't be told."""
    try:
        content = read_small_file(instance_file)
        value = json.loads(content) if content is not None else None
    except (CorruptFile, ValueError, RecursionError):
        return None
    tenant = value.get("tenant_id") if isinstance(value, dict) else None
    return tenant if isinstance(tenant, str) else None
