"""`Cluster`: a machine with its ports, state file, user-data, keys and data; what command line and dashboard call.

A `Cluster` belongs to one thread; its verbs block, tell their steps through `Control` and raise only `VMError`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from podplane_tui.backend import reaching, repair, ssh, starting
from podplane_tui.backend.arguments import parse_memory, validate_cpus
from podplane_tui.backend.console import Ending
from podplane_tui.backend.deletion import deletion_plan, is_there
from podplane_tui.backend.disk import Disk, parse_disk_size
from podplane_tui.backend.errors import (
    CorruptFile,
    InvalidInput,
    NotRunning,
    StopFailed,
)
from podplane_tui.backend.files import os_errors_as
from podplane_tui.backend.images import VIRTUAL_SIZE
from podplane_tui.backend.interface import Control, Options, ShellOptions, StopTimeouts
from podplane_tui.backend.inventory import Inventory
from podplane_tui.backend.leftovers import clear
from podplane_tui.backend.paths import ARCHITECTURES, VMFiles
from podplane_tui.backend.ports import (
    ports_of,
    read_state_file,
    write_state_file,
)
from podplane_tui.backend.qcow2 import read_image
from podplane_tui.backend.qemu import Qemu
from podplane_tui.backend.recordings import recorded
from podplane_tui.backend.rsync import SyncRequest
from podplane_tui.backend.settings import read_settings, update_settings
from podplane_tui.backend.snapshot import Ports, VMSnapshot
from podplane_tui.backend.starting import StartSettings
from podplane_tui.backend.stop import StopResult
from podplane_tui.backend.sync import SyncPreview, preview_sync
from podplane_tui.backend.sync_watch import keep_synced

CONTAINERD_TIMEOUT = 2.0
"""Seconds for the best effort to stop the guest's containers before it is powered off, as podplane gives it."""

POWER_OFF_TIMEOUT = 10.0
"""Seconds SSH gets to ask the guest to power off, where QEMU's own power button can't be reached."""


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

        cloud-init takes the copy for a new machine, for its instance id is the cluster's. Raises what `copy_to` does,
        and `CorruptFile` or `ShellError` where what is remembered can't be written; then there is no copy.
        """
        files = self.files
        with self.qemu.locked("create"):
            source.disk.copy_to(self.qemu, control=control)
            try:
                self._start_as(source)
            except BaseException:
                for path in (files.settings, files.kept_user_data, files.efivars, files.image):
                    with contextlib.suppress(OSError):
                        path.unlink(missing_ok=True)
                raise

    def _start_as(self, source: Cluster) -> None:
        self.forget_host_keys()
        remembered = read_settings(source.files)
        user_data, kept = remembered.user_data, str(source.files.kept_user_data)
        if user_data in {"", kept} and (text := source.user_data(Path(user_data) if user_data else None)):
            starting.keep_user_data(self.files, text)
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

    def start(self, settings: StartSettings | None = None, *, control: Control | None = None) -> None:
        """Start the machine with ports of its own and write them to the state file. See `Qemu.start`.

        Where `settings` say nothing, what is remembered counts; the CPUs, memory and user-data they name are remembered
        once the machine runs.
        """
        starting.start(self, settings or StartSettings(), control or Control())

    def user_data(self, replacement: Path | None = None) -> str:
        """The text of `replacement`, else of the cluster's own user-data, else nothing. Raises `InvalidInput`."""
        return starting.read_user_data(self.files, replacement)

    def stop(self, *, timeouts: StopTimeouts | None = None, control: Control | None = None) -> StopResult:
        """Stop the guest's containers (best effort), then the machine, then remove the state file. See `Qemu.stop`."""
        timeouts, control = timeouts or StopTimeouts(), control or Control()
        with self.qemu.locked("stop"):
            if timeouts.powerdown > 0 and self.qemu.running():
                control.report("stopping containerd")
                reaching.run_in_guest(self, "sudo", "systemctl", "stop", "containerd", timeout=CONTAINERD_TIMEOUT)
            try:
                result = self.qemu.stop(timeouts=timeouts, control=control, power_off=lambda: self._power_off(control))
            except NotRunning:
                if not self.remove_state_file():
                    raise
                return StopResult("gone", f"{self.qemu.vm_name} had ended before; what it left was cleared")
            self.remove_state_file()
            return result

    def _power_off(self, control: Control) -> bool:
        control.report("asking the guest to power off over SSH")
        return reaching.run_in_guest(self, "sudo", "systemctl", "poweroff", timeout=POWER_OFF_TIMEOUT)

    def remove_state_file(self) -> bool:
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
        starting.restart(self, settings, timeouts, control or Control())

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
        self.qemu.delete(plan, control=control)

    # Reaching the guest

    def ssh_target(self, user: str = "") -> ssh.SSHTarget:
        """Where the guest's SSH server is, with the host keys its console has shown by now.

        Without `user` it is the one remembered for this cluster, else `debian`. Raises `NotRunning`, `ShellError`.
        """
        if not self.qemu.running():
            raise NotRunning(f"{self.qemu.vm_name} is not running: start it first")
        return reaching.ssh_target(self, user)

    def forget_host_keys(self) -> bool:
        """Forget the host keys known of the guest, and give whether there were any.

        The one it answers with next is trusted, until its console shows others.
        """
        return reaching.forget_host_keys(self.files)

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
        reaching.sync(self, request, user=user, control=control or Control(), control_socket=control_socket)

    def preview_sync(self, request: SyncRequest, *, user: str = "", control: Control | None = None) -> SyncPreview:
        """What `sync` would do. See `preview_sync` in `podplane_tui.backend.sync`."""
        return preview_sync(self.ssh_target(user), request, control=control)

    def watch_sync(self, request: SyncRequest, *, user: str = "", control: Control | None = None) -> None:
        """Copy, and every change after it as well, until cancelled. See `keep_synced`."""
        keep_synced(self, request, user=user, control=control or Control())
