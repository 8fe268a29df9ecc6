"""`Qemu`, the manager of one virtual machine: every verb of podplane's VM manager, safe to call at any time.

Every verb takes the machine's lock and looks at the disk and the processes afresh under it. A `Qemu` belongs to one
thread; make another for another.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from podplane_tui.backend.console import attach, relay
from podplane_tui.backend.core.control import Control, ShellOptions, StopTimeouts
from podplane_tui.backend.core.errors import (
    AlreadyRunning,
    CorruptFile,
    CreateFailed,
    DeleteFailed,
    NotRunning,
    QMPUnavailable,
    StopFailed,
    VMError,
    VMExists,
)
from podplane_tui.backend.core.files import os_errors_as, private_directory
from podplane_tui.backend.core.paths import NODE_ADDRESS, VMFiles, validate_cluster_id
from podplane_tui.backend.images import qemu_img
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.qemu import qmp
from podplane_tui.backend.qemu.arguments import DirectBootOptions, Machine, PortForward, qemu_binary, read_machine
from podplane_tui.backend.qemu.ownership import own_qemu
from podplane_tui.backend.qemu.pause import pause, resume
from podplane_tui.backend.qemu.process import QemuProcess
from podplane_tui.backend.qemu.stop import StopResult, end_process
from podplane_tui.backend.recording import store as recordings
from podplane_tui.backend.runtime.directories import require_secure_directories
from podplane_tui.backend.runtime.leftovers import leftovers, remove_leftovers, temporaries
from podplane_tui.backend.runtime.lock import HeldLock, vm_lock
from podplane_tui.backend.runtime.pidfile import PIDFile
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.sync import copy
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm import adopt
from podplane_tui.backend.vm.delete import machine_files, remove
from podplane_tui.backend.vm.endpoint import endpoint
from podplane_tui.backend.vm.in_use import Access, require_free, require_no_overlays, require_not_elsewhere
from podplane_tui.backend.vm.launch import Launch, Launching, launching
from podplane_tui.backend.vm.protocol import Options

HOST_ADDRESS = "10.0.2.2"
"""The host as the guest sees it (QEMU's user network)."""


class Qemu:
    """One machine, named by `Options`. Implements `Manager`."""

    def __init__(self, options: Options) -> None:
        """Raises `InvalidInput` for an id podplane would refuse and `Unsupported` for an unknown architecture."""
        qemu_binary(options.arch)
        # QEMU has a working directory of its own, so relative paths would mean something else to it.
        data_dir, runtime_dir = (Path(os.path.abspath(path)) for path in (options.data_dir, options.runtime_dir))  # noqa: PTH100
        state_dir = None if options.state_dir is None else Path(os.path.abspath(options.state_dir))  # noqa: PTH100
        self.files = VMFiles(options.arch, validate_cluster_id(options.cluster_id), data_dir, runtime_dir, state_dir)
        self._output: TextIO | None = None
        self._lock: HeldLock | None = None
        self.force = options.force
        """Whether verbs go on where it can't be told whether somebody else uses the disk."""

    def set_output(self, stream: TextIO | None) -> None:
        """Where rsync's lines go; None for nowhere."""
        self._output = stream

    # Names

    @property
    def vm_name(self) -> str:
        """`podplane-local-<cluster id>`."""
        return self.files.name

    @property
    def vm_image_directory(self) -> Path:
        return self.files.image_dir

    @property
    def vm_image_path(self) -> Path:
        return self.files.image

    @property
    def vm_pid_directory(self) -> Path:
        return self.files.pid_dir

    @property
    def vm_pid_filename(self) -> str:
        """The PID file's name, without its directory."""
        return self.files.pid_file.name

    @property
    def serial_console_path(self) -> Path:
        return self.files.console

    @property
    def cloud_init_data_disk_path(self) -> Path:
        return self.files.seed

    def addr(self) -> str:
        """The host's address as the guest sees it."""
        return HOST_ADDRESS

    def node_ip(self) -> str:
        """The guest's address as its pods see it."""
        return NODE_ADDRESS

    # Questions: they write nothing

    def exists(self) -> bool:
        """Whether the machine has a disk."""
        try:
            return self.files.image.is_file()
        except OSError:  # a folder on the way to it may not be entered
            return False

    def vm_pid_file(self) -> PIDFile | None:
        """The PID file, None when there is none. Raises `CorruptFile` when it can't be understood."""
        return PIDFile.read(self.files.pid_file)

    def process(self) -> QemuProcess | None:
        """This VM's live QEMU, whether the PID file names it or not; None when there is none. See `ownership`.

        Raises `VMError` when the system does not tell what processes there are: that is not to be taken for none.
        """
        pid, recorded = None, None
        with contextlib.suppress(CorruptFile):
            named = self.vm_pid_file()
            if named is not None:
                pid, recorded = named.pid, named.data
        with os_errors_as(VMError, f"can't tell whether {self.vm_name} is running"):
            return own_qemu(self.files, pid, recorded)

    def running(self) -> bool:
        """Whether this VM's own QEMU lives."""
        return self.process() is not None

    def pid(self) -> int | None:
        """The PID of this machine's QEMU, None when it does not run."""
        process = self.process()
        return None if process is None else process.pid

    def machine(self) -> Machine:
        """What the running QEMU was started with. Raises `NotRunning`."""
        return read_machine(self.require_process().arguments)

    def require_process(self) -> QemuProcess:
        """This VM's live QEMU. Raises `NotRunning`, and `InUse`, saying where, when the VM is used elsewhere."""
        process = self.process()
        if process is None:
            require_not_elsewhere(self.files)
            raise NotRunning(f"{self.vm_name} is not running", hint="start it first")
        return process

    @contextlib.contextmanager
    def locked(self, verb: str) -> Iterator[None]:
        """Hold the machine's lock; a verb called inside it joins in, as its phase. Raises `Busy`, `CorruptFile`."""
        if self._lock is not None:
            self._lock.tell(phase=verb)
            yield
            return
        with vm_lock(self.files.lock, verb) as lock:
            self._lock = lock
            try:
                yield
            finally:
                self._lock = None

    # Create

    def create(self, base_image: Path | None, *, size: str = qemu_img.VIRTUAL_SIZE) -> None:
        """Make the disk: an overlay of `base_image` of this size, or an empty one without.

        Raises `VMExists`, `AlreadyRunning` (its QEMU may still run on a disk that was removed), `InvalidImage` and
        `CreateFailed`; after any of them there is no disk that was not there before.
        """
        if base_image is not None:
            read_image(base_image)
        with self.locked("create"), os_errors_as(CreateFailed, f"the disk of {self.vm_name} could not be made"):
            if os.path.lexists(self.files.image):
                raise VMExists(f"{self.vm_name} already has a disk ({self.files.image})", hint="delete it first")
            self.require_stopped("create")
            private_directory(self.files.image_dir)
            for path in temporaries(self.files):
                path.unlink(missing_ok=True)
            qemu_img.create_overlay(self.files.image, base_image, size=size)

    # Start

    def start(
        self,
        *,
        user_data: str,
        cpus: str = "",
        memory: str = "",
        ssh_authorized_key: str = "",
        monitor: bool = False,
        boot: DirectBootOptions | None = None,
        ports: Sequence[PortForward] = (),
        accelerator: str = "",
        network: bool = True,
        control: Control | None = None,
    ) -> None:
        """Start the machine and return once QEMU answers; with `monitor`, once it has ended.

        QEMU outlives this program, except with `monitor`, which keeps it in the foreground of the calling terminal.
        Raises `AlreadyRunning`, `VMNotFound`, `InvalidImage`, `MissingProgram` or `StartFailed` with QEMU's own words;
        a start that fails leaves nothing behind.
        """
        spec = Launch(user_data, cpus, memory, ssh_authorized_key, monitor, boot, ports, accelerator, network)
        with self.launching(spec, control or Control()) as starting:
            starting.await_answer()
        if monitor:
            self.wait_in_foreground(starting.child)

    @contextlib.contextmanager
    def launching(self, spec: Launch, control: Control) -> Iterator[Launching]:
        """The same for what has more to do in between, and without the wait for a VM in the foreground.

        See `launching` in `podplane_tui.backend.vm.launch`. Raises what `start` does.
        """
        require_secure_directories(self.files)
        with self.locked("start"):
            process = self.process()
            if process is not None:
                raise AlreadyRunning(
                    f"{self.vm_name} is already running as process {process.pid}", hint="stop or restart it"
                )
            self.require_free(Access.WRITE)
            with launching(self.files, spec, control) as starting:
                yield starting

    def wait_in_foreground(self, child: subprocess.Popen[bytes]) -> None:
        """Wait for a machine started with `monitor` and clear its files. Ctrl-C is QEMU's to handle meanwhile."""
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            child.wait()
        finally:
            signal.signal(signal.SIGINT, previous)
        with self.locked("stop"):
            self._clear_leftovers()
            recordings.finish(self.files)

    # Stop

    def stop(
        self,
        *,
        timeouts: StopTimeouts | None = None,
        control: Control | None = None,
        power_off: Callable[[], bool] | None = None,
        prepare: Callable[[], object] = lambda: None,
    ) -> StopResult:
        """Power the machine off, then SIGTERM, then SIGKILL, each step when the one before did not do it in time.

        `power_off` asks the guest by another way, `prepare` is called before that; see `end_process`. Whatever
        step ends it, the PID file and sockets are gone afterwards. Raises `NotRunning` when there is nothing to stop
        and `StopFailed` when even SIGKILL did not end it.
        """
        timeouts, control = timeouts or StopTimeouts(), control or Control()
        with self.locked("stop"):
            process = self.process()
            if process is None:
                if not leftovers(self.files):
                    require_not_elsewhere(self.files)
                    raise NotRunning(f"{self.vm_name} is not running")
                self.require_free(Access.WRITE)
                self._clear_leftovers()
                recordings.finish(self.files)
                return StopResult("gone", f"{self.vm_name} had ended before; what it left was cleared")
            result = end_process(
                self.vm_name, process, timeouts, control, power_off, image=self.files.image, prepare=prepare
            )
            recordings.finish(self.files, recordings.HowEnded(result.step))
            self._clear_leftovers()
            return result

    def _clear_leftovers(self) -> None:
        with os_errors_as(StopFailed, f"{self.vm_name} has ended, but what it left can't be cleared"):
            remove_leftovers(self.files)

    # Delete

    def delete(self, plan: Sequence[Path] | None = None, *, control: Control | None = None) -> None:
        """Remove what is in `plan`, of all that `deletion_plan` gives; without one, what `machine_files` does.

        Raises `AlreadyRunning`, `InUse`, `DeleteFailed`.
        """
        with self.locked("delete"), os_errors_as(DeleteFailed, f"{self.vm_name} can't be deleted"):
            self.require_stopped("delete")
            self.require_free(Access.ALONE)
            require_no_overlays(self.files)
            remove(machine_files(self.files) if plan is None else plan, self.files, control or Control())

    def require_stopped(self, verb: str) -> None:
        """Raise `AlreadyRunning` when a QEMU of ours has the disk open."""
        process = self.process()
        if process is not None:
            raise AlreadyRunning(
                f"{self.vm_name} is running as process {process.pid}", hint=f"stop it before you {verb} it"
            )

    def require_free(self, access: Access) -> None:
        """Raise `InUse` when somebody else uses the disk, or answers on the sockets; see `in_use.require_free`."""
        require_free(self.files, access, force=self.force)

    # A running machine

    def _control_socket(self) -> qmp.ControlSocket:
        process = self.require_process()
        socket = process.control
        if socket is None:
            raise QMPUnavailable(
                f"{self.vm_name} has no control socket: it was not started with podplane-tui",
                hint="restart it with podplane-tui",
            )
        return socket

    def pause(self) -> bool:
        """Stop the guest's CPUs; False when they were paused. Raises `NotRunning`, `RunStateError`, `QMPError`."""
        with self.locked("pause"):
            return pause(self.vm_name, self._control_socket(), self.files.image)

    def resume(self) -> bool:
        """Let a paused guest go on, and a QEMU that a signal suspended; False when both ran.

        Raises `NotRunning`, `RunStateError`, `QMPError`.
        """
        with self.locked("resume"):
            process = self.require_process()
            woken = process.suspended()
            if woken:
                process.send(signal.SIGCONT)
                if process.control is None:
                    return True
            return resume(self.vm_name, self._control_socket(), self.files.image) or woken

    def reset(self) -> None:
        """Press the reset button: the guest restarts at once, unsaved data is lost. Raises `NotRunning`, `QMPError`."""
        with self.locked("reset"):
            qmp.execute(self._control_socket(), "system_reset")

    def adopt(self) -> int:
        """Write the PID file of a machine that runs without one; give its PID. Raises `NotRunning`, `CorruptFile`.

        One that names the process already stays as it is; what can't be a PID file is moved aside.
        """
        with self.locked("adopt"):
            process = self.require_process()
            adopt.adopt(self.files, process)
            return process.pid

    def is_named(self, process: QemuProcess) -> bool:
        """Whether the PID file names `process`."""
        return adopt.is_named(self.files, process)

    def console(
        self,
        *,
        record: Callable[[bytes], object] | None = None,
        ask: bool = False,
        untaken: Callable[[int], object] | None = None,
    ) -> relay.Ending:
        """Attach the calling terminal to the serial console and give how that ended; Ctrl-] detaches.

        `record` is given all that the machine prints. With `ask`, whoever of ours holds the console is asked for it.
        `untaken` is told how many bytes were typed that the guest has not taken, if any. Suspended by SIGTSTP, this
        releases the console, and takes it again afterwards.

        Raises `NotRunning`, `InsecureDirectory`, `ConsoleHeld` and `ConsoleError`.
        """
        require_secure_directories(self.files)
        return attach.attach(self.files, self.require_process(), record=record, ask=ask, untaken=untaken)

    def shell(
        self,
        command: Sequence[str] = (),
        *,
        ssh_port: int,
        identity_file: Path,
        options: ShellOptions | None = None,
        user: str = ssh.DEFAULT_USER,
    ) -> bytes | None:
        """Run `command` in the guest; without one, an interactive shell on the calling terminal.

        Gives the combined output, or None when the options' streams took it. Raises `CommandFailed` with the exit code,
        `NotRunning`, and `ShellError` when the guest can't be reached.
        """
        target = self._endpoint(ssh_port, identity_file, user)
        if command:
            return ssh.run(target, command, options or ShellOptions())
        ssh.interactive(target)
        return None

    def sync(
        self,
        source: str,
        destination: str,
        *,
        chown: str = "",
        excludes: Sequence[str] = (),
        ssh_port: int,
        identity_file: Path,
        user: str = ssh.DEFAULT_USER,
        control: Control | None = None,
    ) -> None:
        """Copy `source` here to `destination` in the guest with rsync, as root there.

        Raises `CommandFailed`, `NotRunning` and `ShellError`.
        """
        target = self._endpoint(ssh_port, identity_file, user)
        control, output = control or Control(), self._output

        def report(line: str) -> None:
            control.report(line)
            if output is not None:
                output.write(line + "\n")
                output.flush()

        request = SyncRequest(source, destination, chown, tuple(excludes))
        copy.run_sync(target, request, control=replace(control, report=report))

    def _endpoint(self, ssh_port: int, identity_file: Path, user: str) -> ssh.SSHTarget:
        return replace(endpoint(self.files, self.require_process(), ssh_port, user), identity_file=identity_file)
