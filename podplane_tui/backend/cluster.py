"""`Cluster`: a machine with its ports, state file, user-data, keys and data; what command line and dashboard call.

A `Cluster` belongs to one thread; its verbs block, tell their steps through `Control` and raise only `VMError`.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from podplane_tui.backend import repair, ssh
from podplane_tui.backend.advice import PORT_TAKEN, port_holders
from podplane_tui.backend.arguments import DirectBootOptions, parse_memory, read_machine, validate_cpus
from podplane_tui.backend.cidata import read_seed
from podplane_tui.backend.console import Ending
from podplane_tui.backend.deletion import deletion_plan, is_there, remove
from podplane_tui.backend.direct_boot import choose_boot
from podplane_tui.backend.disk import Disk, parse_disk_size
from podplane_tui.backend.errors import (
    CommandFailed,
    CorruptFile,
    DeleteFailed,
    InvalidInput,
    NotRunning,
    ShellError,
    StartFailed,
    StopFailed,
    VMError,
)
from podplane_tui.backend.files import open_regular, os_errors_as, private_directory, write_atomic
from podplane_tui.backend.host_keys import forget, learn
from podplane_tui.backend.images import VIRTUAL_SIZE
from podplane_tui.backend.interface import Control, Options, ShellOptions, StopTimeouts
from podplane_tui.backend.inventory import Inventory
from podplane_tui.backend.launch import Launch
from podplane_tui.backend.leftovers import clear
from podplane_tui.backend.paths import ARCHITECTURES, VMFiles
from podplane_tui.backend.ports import (
    allocate_ports,
    moved_ports,
    port_forwards,
    ports_of,
    read_state_file,
    write_state_file,
)
from podplane_tui.backend.qcow2 import read_image
from podplane_tui.backend.qemu import Qemu
from podplane_tui.backend.recordings import recorded, recordings
from podplane_tui.backend.rsync import SyncRequest
from podplane_tui.backend.settings import read_settings, update_settings
from podplane_tui.backend.snapshot import Ports, VMSnapshot
from podplane_tui.backend.stop import StopResult
from podplane_tui.backend.sync import SyncPreview, preview_sync, run_sync
from podplane_tui.backend.sync_log import SyncLog
from podplane_tui.backend.sync_watch import keep_synced

CONTAINERD_TIMEOUT = 2.0
"""Seconds for the best effort to stop the guest's containers before it is powered off, as podplane gives it."""

POWER_OFF_TIMEOUT = 10.0
"""Seconds SSH gets to ask the guest to power off, where QEMU's own power button can't be reached."""

_PORT_RETRIES = 3
_ENDING = 10.0
"""Seconds a QEMU that has closed its ports is given to end."""
_MAX_USER_DATA = 16 * 2**20


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


class Cluster:
    """One local cluster's machine; `state_dir` is our own, None for the usual one.

    Raises `InvalidInput` for an id podplane would refuse.
    """

    def __init__(
        self, *, data_dir: Path, runtime_dir: Path, cluster_id: str, arch: str, state_dir: Path | None = None
    ) -> None:
        self.qemu = Qemu(Options(arch, cluster_id, data_dir, runtime_dir, state_dir))
        self.files: VMFiles = self.qemu.files

    @classmethod
    def of(cls, files: VMFiles) -> Cluster:
        """The cluster whose machine has these files."""
        return cls(
            data_dir=files.data_dir,
            runtime_dir=files.runtime_dir,
            state_dir=files.state_dir,
            cluster_id=files.cluster_id,
            arch=files.arch,
        )

    def snapshot(self) -> VMSnapshot | None:
        """The machine now; None when nothing of it exists."""
        files = self.files
        inventory = Inventory(files.data_dir, files.runtime_dir, state_dir=files.state_dir)
        return inventory.find(files.cluster_id, files.arch)

    def ports(self) -> Ports:
        """The ports of the running cluster: those of its state file, else those its QEMU was told.

        Raises `CorruptFile` when it does not run and the state file can't be understood.
        """
        process = self.qemu.process()
        try:
            ports = read_state_file(self.files.state_file)
        except CorruptFile:
            if process is None:
                raise
            ports = Ports()
        if process is None or any(ports.items()):
            return ports
        return ports_of(process.arguments)

    # Verbs

    def create(self, image: Path | None, *, size: str = VIRTUAL_SIZE, control: Control | None = None) -> None:
        """Make the disk, based on `image` or empty. See `Qemu.create`.

        Raises `InvalidInput` for a size the base image does not fit into.
        """
        wanted, least = parse_disk_size(size), 0 if image is None else read_image(image).virtual_bytes
        if wanted < least:
            raise InvalidInput(
                f"a disk of {size} is smaller than its base image, which has {least / 2**30:g}G: give more"
            )
        (control or Control()).report("making the disk")
        self.qemu.create(image, size=size)
        self.forget_host_keys()  # those of a disk there was before

    def clone(self, source: Cluster, *, control: Control | None = None) -> None:
        """Make the disk as a copy of that of `source`, and start it as that is started. See `Disk.copy_to`.

        cloud-init takes the copy for a new machine, for its instance id is the cluster's.
        """
        source.disk.copy_to(self.qemu, control=control)
        self.forget_host_keys()
        remembered = read_settings(source.files)
        user_data, kept = remembered.user_data, str(source.files.kept_user_data)
        if user_data in {"", kept} and (text := source.user_data(Path(user_data) if user_data else None)):
            self._keep_user_data(text)
            user_data = str(self.files.kept_user_data)
        self.remember(cpus=remembered.cpus, memory=remembered.memory, user=remembered.user, user_data=user_data)

    @property
    def disk(self) -> Disk:
        """What can be done to the stopped machine's disk."""
        return Disk(self.qemu)

    def remember(self, **changes: str) -> None:
        """Remember how the machine is started; the names are those of `ClusterSettings`.

        Raises `InvalidInput` for CPUs or memory that QEMU would refuse, and `CorruptFile` when nothing can be written.
        """
        validate_cpus(changes.get("cpus", ""))
        if changes.get("memory"):
            parse_memory(changes["memory"])
        with os_errors_as(CorruptFile, f"the settings of {self.qemu.vm_name} can't be written"):
            update_settings(self.files, **changes)

    def _remembered(self, settings: StartSettings) -> StartSettings:
        """`settings` with what is remembered where they say nothing."""
        kept = read_settings(self.files)
        user_data = settings.user_data or (Path(kept.user_data) if kept.user_data else None)
        return replace(
            settings, cpus=settings.cpus or kept.cpus, memory=settings.memory or kept.memory, user_data=user_data
        )

    def start(self, settings: StartSettings | None = None, *, control: Control | None = None) -> None:
        """Start the machine with ports of its own and write them to the state file. See `Qemu.start`.

        Where `settings` say nothing, what is remembered counts; the CPUs, memory and user-data they name are remembered
        once the machine runs.
        """
        asked, control = settings or StartSettings(), control or Control()
        settings = self._remembered(asked)
        with self.qemu.locked("start"):
            user_data = self.user_data(settings.user_data)
            if settings.boot is None and not settings.firmware:
                settings = replace(settings, boot=self._boot(control))
            child = self._launch(settings, user_data, control)
            self._remember_start(asked, user_data, control)
        if settings.monitor:
            self.qemu.wait_in_foreground(child)
            self._remove_state_file()

    def _remember_start(self, asked: StartSettings, user_data: str, control: Control) -> None:
        """Remember what was asked for; of the user-data its text, for the file it came from may go."""
        named = {"cpus": asked.cpus, "memory": asked.memory}
        changes = {name: value for name, value in named.items() if value}
        try:
            if asked.user_data is not None:
                self._keep_user_data(user_data)
                changes["user_data"] = str(self.files.kept_user_data)
            if changes:
                self.remember(**changes)
        except VMError as error:  # the machine runs, which is what was asked for
            control.report(str(error))

    def _keep_user_data(self, text: str) -> None:
        with os_errors_as(CorruptFile, f"the user-data of {self.qemu.vm_name} can't be written"):
            write_atomic(self.files.kept_user_data, text.encode(), mode=0o600)

    def _boot(self, control: Control) -> DirectBootOptions | None:
        """How podplane's manifest says that this disk boots; None for firmware."""
        choice = choose_boot(self.files.image, self.files.arch, control)
        if choice.reason:
            control.report(f"booting by firmware: {choice.reason}")
        return choice.options

    def _launch(self, settings: StartSettings, user_data: str, control: Control) -> subprocess.Popen[bytes]:
        key = ssh.ensure_identity(self.files.identity) if settings.network else ""
        for attempt in range(_PORT_RETRIES):
            with os_errors_as(StartFailed, "there are no ports for it"):
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

            def tell(ports: Ports = ports) -> None:
                for line in moved_ports(ports, port_holders):  # who has them takes longer to find than all the rest
                    control.report(line)

            def commit(ports: Ports = ports) -> None:
                if settings.network:
                    write_state_file(self.files.state_file, self.files.cluster_id, ports)

            try:
                return self.qemu.launch(launch, control, meanwhile=tell, commit=commit)
            except StartFailed as error:
                # Somebody took a port between our look and QEMU's bind: choose anew.
                if PORT_TAKEN in str(error) and attempt + 1 < _PORT_RETRIES:
                    control.report("a port was taken meanwhile: choosing others")
                    continue
                raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def user_data(self, replacement: Path | None = None) -> str:
        """The text of `replacement`, else of the cluster's own user-data, else nothing."""
        path = replacement or self.files.user_data
        try:
            with open_regular(path, follow_links=True) as file:
                content = file.read(_MAX_USER_DATA + 1)
        except FileNotFoundError as error:
            if replacement is None:
                return ""
            raise InvalidInput(f"there is no user-data file {path}: check the path") from error
        except OSError as error:
            raise InvalidInput(f"the user-data {path} can't be read: {error.strerror}; put a file there") from error
        if len(content) > _MAX_USER_DATA:
            raise InvalidInput(f"the user-data {path} is larger than {_MAX_USER_DATA >> 20} MB: use a smaller file")
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"the user-data {path} is not UTF-8 text: save it as such") from error

    def stop(self, *, timeouts: StopTimeouts | None = None, control: Control | None = None) -> StopResult:
        """Stop the guest's containers (best effort), then the machine, then remove the state file. See `Qemu.stop`."""
        timeouts, control = timeouts or StopTimeouts(), control or Control()
        with self.qemu.locked("stop"):
            if timeouts.powerdown > 0 and self.qemu.running():
                control.report("stopping containerd")
                self._run_in_guest("sudo", "systemctl", "stop", "containerd", timeout=CONTAINERD_TIMEOUT)
            try:
                result = self.qemu.stop(timeouts=timeouts, control=control, power_off=lambda: self._power_off(control))
            except NotRunning:
                if not self._remove_state_file():
                    raise
                return StopResult("gone", f"{self.qemu.vm_name} had ended before; what it left was cleared")
            self._remove_state_file()
            return result

    def _power_off(self, control: Control) -> bool:
        control.report("asking the guest to power off over SSH")
        return self._run_in_guest("sudo", "systemctl", "poweroff", timeout=POWER_OFF_TIMEOUT)

    def _run_in_guest(self, *command: str, timeout: float) -> bool:
        """Run a command as a best effort, for at most `timeout` seconds; whether the guest took it."""
        try:
            ssh.run(self._ssh_target(), command, ShellOptions(timeout=timeout))
        except ShellError as error:
            return "broke off" in str(error)  # logged in and then cut off: so a guest that powers off says goodbye
        except VMError:
            return False
        return True

    def _remove_state_file(self) -> bool:
        """Remove the state file, unless the same cluster's machine of the other architecture runs by it.

        Gives whether there was one.
        """
        if not is_there(self.files.state_file) or self.other_runs():
            return False
        with os_errors_as(StopFailed, f"{self.qemu.vm_name} has ended, but its state file can't be removed"):
            clear(self.files, self.files.state_file)
        return True

    def other_runs(self) -> bool:
        """Whether the same cluster has a running machine of the other architecture."""
        files = self.files
        others = (arch for arch in ARCHITECTURES if arch != files.arch)
        return any(Qemu(Options(a, files.cluster_id, files.data_dir, files.runtime_dir)).running() for a in others)

    def restart(
        self,
        settings: StartSettings | None = None,
        *,
        timeouts: StopTimeouts | None = None,
        control: Control | None = None,
    ) -> None:
        """Stop and start again, as it was started unless `settings`, or what was remembered since, say otherwise.

        A machine that does not run is just started.
        """
        control = control or Control()
        with self.qemu.locked("restart"):
            settings = settings or self._settings_for_restart(control)
            user_data = self.user_data(settings.user_data) or self._user_data_in_use()
            if self.qemu.running():
                self.stop(timeouts=timeouts, control=control)
            with self.qemu.locked("start"):
                self._launch(settings, user_data, control)

    def _settings_for_restart(self, control: Control) -> StartSettings:
        """What the machine runs with, changed where something else is remembered by now."""
        in_use, kept = self._settings_in_use(), self._remembered(StartSettings())
        if in_use is None:
            return replace(kept, boot=self._boot(control))
        return replace(
            in_use, cpus=kept.cpus or in_use.cpus, memory=kept.memory or in_use.memory, user_data=kept.user_data
        )

    def _settings_in_use(self) -> StartSettings | None:
        """What the running machine was started with; None when it does not run."""
        process = self.qemu.process()
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

    def _user_data_in_use(self) -> str:
        """The user-data of the seed that is there; nothing when there is none that can be read."""
        try:
            return read_seed(self.files.seed).user_data
        except CorruptFile:
            return ""

    def pause(self, *, control: Control | None = None) -> None:
        """Stop the guest's CPUs."""
        (control or Control()).report("pausing")
        self.qemu.pause()

    def resume(self, *, control: Control | None = None) -> None:
        """Let a paused guest go on, or a QEMU that a signal suspended."""
        (control or Control()).report("resuming")
        self.qemu.resume()

    def reset(self, *, control: Control | None = None) -> None:
        """Press the reset button."""
        (control or Control()).report("resetting")
        self.qemu.reset()

    # Repair

    def adopt(self, *, control: Control | None = None) -> int:
        """Write the PID file, and the state file, of a machine that runs without them; give its PID.

        Raises `NotRunning`, `CorruptFile`.
        """
        (control or Control()).report("writing the PID file")
        with self.qemu.locked("adopt"):
            pid = self.qemu.adopt()
            process = self.qemu.process()
            ports = ports_of(process.arguments) if process is not None else Ports()
            if any(ports.items()) and self._known_ports() != ports:
                with os_errors_as(CorruptFile, f"the state file of {self.qemu.vm_name} can't be written"):
                    clear(self.files, self.files.state_file)
                    write_state_file(self.files.state_file, self.files.cluster_id, ports)
            return pid

    def _known_ports(self) -> Ports:
        try:
            return read_state_file(self.files.state_file)
        except CorruptFile:
            return Ports()

    def repair_plan(self) -> repair.RepairPlan:
        """What `repair` would do, without doing it; without steps when nothing is wrong."""
        return repair.plan(self)

    def repair(
        self, plan: repair.RepairPlan, *, fix_leaks: bool = False, control: Control | None = None
    ) -> tuple[str, ...]:
        """Do what `plan` says, as far as it still applies; give what was done, line by line.

        No disk is ever removed or replaced. With `fix_leaks` the disk is checked in any case, and space that nothing
        refers to is freed. Raises `Busy`, `InvalidImage` for a damaged disk, `CorruptFile` when the system refuses.
        """
        return repair.carry_out(self, plan, fix_leaks=fix_leaks, control=control or Control())

    # Delete

    def delete_plan(self) -> tuple[Path, ...]:
        """Everything `delete` would remove; see `deletion_plan`."""
        return deletion_plan(self.files)

    def delete(self, plan: tuple[Path, ...], *, control: Control | None = None) -> None:
        """Remove exactly what is in `plan`, which `delete_plan` gave. Raises `AlreadyRunning`, `DeleteFailed`."""
        with self.qemu.locked("delete"), os_errors_as(DeleteFailed, f"{self.qemu.vm_name} can't be deleted"):
            self.qemu.require_stopped("delete")
            remove(plan, self.files, control or Control())

    # Reaching the guest

    def ssh_target(self, user: str = "") -> ssh.SSHTarget:
        """Where the guest's SSH server is, with the host keys its console has shown by now.

        Without `user` it is the one remembered for this cluster, else `debian`. Raises `NotRunning`, `ShellError`.
        """
        if not self.qemu.running():
            raise NotRunning(f"{self.qemu.vm_name} is not running: start it first")
        return self._ssh_target(user)

    def _ssh_target(self, user: str = "") -> ssh.SSHTarget:
        port = self.ports().ssh
        if port is None:
            raise ShellError(
                f"{self.qemu.vm_name} has no SSH port: it was started without a network, or not by podplane;"
                " use its console, or restart it"
            )
        files = self.files
        user = user or read_settings(files).user or ssh.DEFAULT_USER
        with os_errors_as(ShellError, f"the host keys of {self.qemu.vm_name} can't be kept"):
            private_directory(files.known_hosts.parent)
            newest = next(iter(recordings(files)), None)
            if newest is not None:
                learn(files, newest.path)
        return ssh.SSHTarget("127.0.0.1", port, user, files.identity, files.stem, files.known_hosts)

    def forget_host_keys(self) -> bool:
        """Forget the host keys known of the guest, and give whether there were any.

        The one it answers with next is trusted, until its console shows others.
        """
        newest = next(iter(recordings(self.files)), None)
        with os_errors_as(ShellError, f"the host keys of {self.qemu.vm_name} can't be forgotten"):
            return forget(self.files, None if newest is None else newest.path)

    def console(self, *, ask: bool = False) -> Ending:
        """Attach the calling terminal, recording what is printed where QEMU does not. See `Qemu.console`."""
        with recorded(self.snapshot()) as record:
            return self.qemu.console(record=record, ask=ask)

    def shell(
        self, command: Sequence[str] = (), *, options: ShellOptions | None = None, user: str = ""
    ) -> bytes | None:
        """See `Qemu.shell`; the user is that of `ssh_target`."""
        target = self.ssh_target(user)
        if command:
            return ssh.run(target, command, options)
        ssh.interactive(target)
        return None

    def sync(
        self,
        request: SyncRequest,
        *,
        user: str = "",
        control: Control | None = None,
        control_socket: Path | None = None,
    ) -> None:
        """Copy into the guest with rsync, as root there; see `run_sync`. What rsync prints goes into our log as well.

        Raises what `run_sync` does, and `NotRunning`, also for a machine that stops in the middle.
        """
        control = control or Control()
        target = self.ssh_target(user)
        with SyncLog(self.files.sync_log) as log:
            log.write(f"{request.source} -> {request.destination}")

            def report(line: str) -> None:
                log.write(line)
                control.report(line)

            try:
                steered = replace(control, report=report)
                run_sync(target, request, control=steered, control_socket=control_socket)
            except VMError as error:
                log.write(str(error))
                if isinstance(error, (ShellError, CommandFailed)) and self._has_ended(error):
                    raise NotRunning(
                        f"{self.qemu.vm_name} stopped while it was copied to: start it and copy again"
                    ) from error
                raise
            log.write("done")

    def _has_ended(self, error: VMError) -> bool:
        """Whether the machine that `error` is about has ended.

        QEMU listens on its forwarded ports for as long as it lives, but closes them a moment before its process ends:
        a refused connection says that it is about to.
        """
        end = time.monotonic() + (_ENDING if isinstance(error.__cause__, ConnectionRefusedError) else 0.0)
        while self.qemu.running():
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        return True

    def preview_sync(self, request: SyncRequest, *, user: str = "", control: Control | None = None) -> SyncPreview:
        """What `sync` would do. See `preview_sync` in `podplane_tui.backend.sync`."""
        return preview_sync(self.ssh_target(user), request, control=control)

    def watch_sync(self, request: SyncRequest, *, user: str = "", control: Control | None = None) -> None:
        """Copy, and every change after it as well, until cancelled. See `keep_synced`."""
        keep_synced(self, request, user=user, control=control or Control())
