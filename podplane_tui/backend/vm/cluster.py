"""`Cluster`: a VM with its ports, state file, user-data, keys and data; what command line and dashboard call.

A `Cluster` belongs to one thread; its verbs block, tell their steps through `Control` and raise only `VMError`. Each
verb is a module of its own beside this one, which takes the cluster's `Context`; here is only what callers see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from podplane_tui.backend.config.fields import FieldFault
from podplane_tui.backend.console.relay import Ending
from podplane_tui.backend.core.control import Control, ShellOptions, StopTimeouts
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Phase, Ports, State, VMStatus
from podplane_tui.backend.qemu.stop import StopResult
from podplane_tui.backend.recording.store import note_reset, recorded
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.sync.copy import SyncPreview, preview_sync
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm import access, create, repair, stop
from podplane_tui.backend.vm.backing import confirm_chain, readable_chain
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.create import CreateSpec
from podplane_tui.backend.vm.delete import deletion_plan
from podplane_tui.backend.vm.disk import Disk
from podplane_tui.backend.vm.inventory import status_of
from podplane_tui.backend.vm.manager import Qemu
from podplane_tui.backend.vm.protocol import Options
from podplane_tui.backend.vm.repair import RepairPlan
from podplane_tui.backend.vm.start import Started, StartPlan, StartSpec, plan_start, restart_vm, start_vm
from podplane_tui.backend.vm.user_data import read_user_data, user_data_fault
from podplane_tui.backend.vm.verbs import Refusal, Verb, missing, refusal
from podplane_tui.backend.vm.wait import wait_for
from podplane_tui.backend.vm.watch import keep_synced


class Cluster:
    """One local cluster's machine; `state_dir` is our own, None for the usual one.

    Raises `InvalidInput` for an id podplane would refuse.
    """

    def __init__(
        self,
        *,
        data_dir: Path,
        runtime_dir: Path,
        cluster_id: str,
        arch: str,
        state_dir: Path | None = None,
        force: bool = False,
    ) -> None:
        self._context = Context(Qemu(Options(arch, cluster_id, data_dir, runtime_dir, state_dir, force)))

    @property
    def qemu(self) -> Qemu:
        """The VM's manager."""
        return self._context.qemu

    @property
    def files(self) -> VMFiles:
        """Where everything of the VM is."""
        return self._context.files

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

    def status(self) -> VMStatus | None:
        """The VM now; None when nothing of it exists."""
        return status_of(self.files)

    def ports(self) -> Ports:
        """The ports of the running cluster: those of its state file, else those its QEMU was told.

        Raises `CorruptFile` when it does not run and the state file can't be understood.
        """
        return self._context.ports()

    # Files of this host that the guest can read

    def unconfirmed_chain(self) -> tuple[str, ...]:
        """The files that the disk makes QEMU read and that have to be confirmed before a start; () when none have.

        Where that can't be told it is () as well, and the start says why.
        """
        return readable_chain(self.files)

    def confirm_chain(self, chain: tuple[str, ...]) -> None:
        """Remember that the user has confirmed `chain`, which `unconfirmed_chain` gave. Raises `CorruptFile`."""
        confirm_chain(self.files, chain)

    def image_chain(self, spec: CreateSpec) -> tuple[str, ...]:
        """The files that the image of `spec` makes QEMU read besides itself: see `CreateSpec.confirmed_chain`.

        Raises `InvalidImage` for what can't be followed.
        """
        return create.image_chain(self.files, spec)

    # Verbs

    def refusal(self, verb: Verb) -> Refusal | None:
        """Why `verb` can't be done to the VM now; None when it can, as far as a look can tell.

        Raises `VMNotFound` when nothing of it exists.
        """
        status = self.status()
        if status is None:
            raise missing(self.files)
        return refusal(verb, status)

    def create_fault(self, spec: CreateSpec) -> FieldFault | None:
        """What is known to be wrong with `spec` before anything is done; None when nothing is."""
        return create.create_fault(self.files, spec)

    def create(self, spec: CreateSpec, *, control: Control | None = None) -> None:
        """Make the disk, and remember what is named for the starts.

        cloud-init takes a copy for a new VM, for its instance id is the cluster's. Raises the error of `create_fault`,
        what `choose_image`, `Qemu.create` and `Disk.copy_to` do, and `CorruptFile` or `ShellError` where something
        can't be remembered; after any of that there is no disk that was not there before, and of a copy nothing at all.
        """
        create.create_vm(self._context, spec, control or Control())

    @property
    def disk(self) -> Disk:
        """What can be done to the stopped machine's disk."""
        return Disk(self.qemu)

    def remember(self, **changes: str) -> None:
        """Remember how the VM is started; the names are those of `ClusterSettings`.

        Raises `InvalidInput` for CPUs, memory or user-data that can't be used, `CorruptFile` when nothing can be
        written.
        """
        if fault := user_data_fault(self.files, changes.get("user_data", "")):
            raise fault.error
        self._context.remember(**changes)

    def plan_start(self, spec: StartSpec | None = None) -> StartPlan:
        """How `start` would do it now: through podplane, or the VM alone, and what that costs."""
        return plan_start(self.files, spec or StartSpec())

    def start(self, spec: StartSpec | None = None, *, control: Control | None = None) -> Started:
        """Start the VM: through podplane where that made its cluster, is installed, and `spec` asks for nothing else.

        A VM that is started alone gets ports of its own, which are written to the state file. Where `spec` says
        nothing, what is remembered counts; the CPUs, memory and user-data it names are remembered once the VM runs.
        Raises what `Qemu.start` does.
        """
        return start_vm(self._context, spec or StartSpec(), control or Control())

    def user_data(self, replacement: Path | None = None) -> str:
        """The text of `replacement`, else of the cluster's own user-data, else nothing. Raises `InvalidInput`."""
        return read_user_data(self.files, replacement)

    def stop(self, *, timeouts: StopTimeouts | None = None, control: Control | None = None) -> StopResult:
        """Stop the guest's containers (best effort), then the machine, then remove the state file. See `Qemu.stop`."""
        return stop.stop(self._context, timeouts or StopTimeouts(), control or Control())

    def restart(
        self,
        spec: StartSpec | None = None,
        *,
        timeouts: StopTimeouts | None = None,
        control: Control | None = None,
    ) -> Started:
        """Stop and start again, as it was started unless `spec`, or what was remembered since, says otherwise.

        A VM that does not run is just started. Of a cluster that podplane made only the VM is started, with a warning.
        """
        return restart_vm(self._context, spec, timeouts, control or Control())

    def pause(self, *, control: Control | None = None) -> bool:
        """Stop the guest's CPUs; False when they were paused already. See `Qemu.pause`."""
        (control or Control()).report("pausing")
        return self.qemu.pause()

    def resume(self, *, control: Control | None = None) -> bool:
        """Let a paused guest go on, or a QEMU that a signal suspended; False when both ran. See `Qemu.resume`."""
        (control or Control()).report("resuming")
        return self.qemu.resume()

    def reset(self, *, control: Control | None = None) -> None:
        """Press the reset button. Raises `NotRunning` for a paused guest, which would stay where it is for good."""
        status = self.status()
        if status is not None and status.state is State.PAUSED and (refused := refusal(Verb.RESET, status)):
            raise refused.error
        (control or Control()).report("resetting")
        self.qemu.reset()
        if status is not None:
            note_reset(status)

    # Repair

    def adopt(self, *, control: Control | None = None) -> int:
        """Write the PID file, and the state file, of a machine that runs without them; give its PID.

        Raises `NotRunning`, `CorruptFile`.
        """
        return repair.adopt(self._context, control or Control())

    def repair_plan(self) -> RepairPlan:
        """What `repair` would do, without doing it; without steps when nothing is wrong."""
        return repair.plan(self._context)

    def repair(self, plan: RepairPlan, *, fix_leaks: bool = False, control: Control | None = None) -> tuple[str, ...]:
        """Do what `plan` says, as far as it still applies; give what was done, line by line.

        No disk is ever removed or replaced. With `fix_leaks` the disk is checked in any case, and space that nothing
        refers to is freed. Raises `Busy`, `InvalidImage` for a damaged disk, `CorruptFile` when the system refuses.
        """
        return repair.carry_out(self._context, plan, fix_leaks=fix_leaks, control=control or Control())

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

        Without `user` it is the one remembered for this cluster, else `debian`. Raises `NotRunning`, `ShellError`,
        `InvalidInput` for a user that can't be one, and `CorruptFile` when the file of the known host keys can't be
        read, or the state file of a VM that has just ended.
        """
        return access.ssh_target(self._context, user)

    def wait(self, phase: Phase, *, timeout: float, user: str = "", control: Control | None = None) -> None:
        """Wait up to `timeout` seconds until the VM has reached `phase`. See `wait_for`.

        Raises `NotReady`, `NotRunning`, `ShellError`, `CorruptFile` and `Cancelled`.
        """
        wait_for(self._context, phase, timeout=timeout, user=user, control=control)

    def forget_host_keys(self) -> bool:
        """Forget the host keys known of the guest, and give whether there were any.

        The one it answers with next is trusted, until its console shows others.
        """
        return access.forget_host_keys(self.files)

    def console(self, *, ask: bool = False, untaken: Callable[[int], object] | None = None) -> Ending:
        """Attach the calling terminal, recording what is printed where QEMU does not. See `Qemu.console`."""
        with recorded(self.status()) as record:
            return self.qemu.console(record=record, ask=ask, untaken=untaken)

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
        access.sync(self._context, request, user=user, control=control or Control(), control_socket=control_socket)

    def preview_sync(self, request: SyncRequest, *, user: str = "", control: Control | None = None) -> SyncPreview:
        """What `sync` would do. See `preview_sync` in `podplane_tui.backend.sync.copy`."""
        return preview_sync(self.ssh_target(user), request, control=control)

    def watch_sync(self, request: SyncRequest, *, user: str = "", control: Control | None = None) -> None:
        """Copy, and every change after it as well, until cancelled. See `keep_synced`."""
        keep_synced(self._context, request, user=user, control=control or Control())
