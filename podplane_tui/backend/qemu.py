"""`Qemu`, the manager of one virtual machine: every verb of podplane's VM manager, safe to call at any time.

Every verb takes the machine's lock and looks at the disk and the processes afresh under it. A `Qemu` belongs to one
thread; make another for another.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from podplane_tui.backend import console, images, qmp, ssh, sync
from podplane_tui.backend.arguments import (
    FirmwareDrives,
    Machine,
    parse_memory,
    qemu_arguments,
    qemu_binary,
    read_machine,
    validate_cpus,
)
from podplane_tui.backend.cidata import write_seed
from podplane_tui.backend.errors import (
    AlreadyRunning,
    Cancelled,
    CorruptFile,
    DeleteFailed,
    InvalidImage,
    NotRunning,
    QMPError,
    QMPUnavailable,
    StartFailed,
    StopFailed,
    Unsupported,
    VMExists,
    VMNotFound,
)
from podplane_tui.backend.files import private_directory
from podplane_tui.backend.host import choose_accelerator, find_firmware, require_program
from podplane_tui.backend.interface import (
    Control,
    DirectBootOptions,
    Options,
    PortForward,
    ShellOptions,
    StopTimeouts,
)
from podplane_tui.backend.lock import vm_lock
from podplane_tui.backend.paths import VMFiles, check_socket_path, validate_cluster_id
from podplane_tui.backend.pidfile import PIDFile
from podplane_tui.backend.process import (
    BOOT_ID_KEY,
    TICKS_KEY,
    ProcessTable,
    QemuProcess,
    boot_id,
    create_ticks,
    look,
)

HOST_ADDRESS = "10.0.2.2"
"""The host as the guest sees it (QEMU's user network)."""

NODE_ADDRESS = "10.0.2.15"
"""The guest's own address in QEMU's user network."""

START_TIMEOUT = 60.0
"""Seconds QEMU gets to answer on its control socket; generous for a loaded machine under software emulation."""

_TICK = 0.05


@dataclass(frozen=True, slots=True)
class StopResult:
    """Which step ended the machine: `powerdown`, `terminate`, `kill`, or `gone` when it had ended before."""

    step: str
    message: str


@dataclass(frozen=True, slots=True)
class Launch:
    """What a machine is started with. `cpus` and `memory` are QEMU's spellings, empty for the defaults."""

    user_data: str = ""
    cpus: str = ""
    memory: str = ""
    ssh_authorized_key: str = ""
    monitor: bool = False
    boot: DirectBootOptions | None = None
    ports: Sequence[PortForward] = ()
    accelerator: str = ""
    network: bool = True


@dataclass(slots=True)
class _Undo:
    """What a failed start takes back, newest first."""

    steps: list[Callable[[], object]] = field(default_factory=list)

    def run(self) -> None:
        while self.steps:
            with contextlib.suppress(OSError, CorruptFile):
                self.steps.pop()()


class Qemu:
    """One machine, named by `Options`. Implements `Manager`."""

    def __init__(self, options: Options) -> None:
        """Raises `InvalidInput` for an id podplane would refuse and `Unsupported` for an unknown architecture."""
        qemu_binary(options.arch)
        self.files = VMFiles(
            options.arch, validate_cluster_id(options.cluster_id), options.data_dir, options.runtime_dir
        )
        self._output: TextIO | None = None
        self._lock_depth = 0

    # Names and places

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

    def set_output(self, stream: TextIO | None) -> None:
        """Where rsync's lines go; None for nowhere."""
        self._output = stream

    # Questions: they write nothing

    def exists(self) -> bool:
        """Whether the machine has a disk."""
        return self.files.image.is_file()

    def vm_pid_file(self) -> PIDFile | None:
        """The PID file, None when there is none. Raises `CorruptFile` when it can't be understood."""
        return PIDFile.read(self.files.pid_file)

    def process(self) -> QemuProcess | None:
        """This machine's live QEMU, whether the PID file names it or not; None when there is none."""
        with contextlib.suppress(CorruptFile):
            named = self.vm_pid_file()
            if named is not None:
                process = look(named.pid)
                if process is not None and process.has_disk(self.files.image) and process.matches(named.data):
                    return process
        return next((p for p in ProcessTable().scan() if p.has_disk(self.files.image)), None)

    def running(self) -> bool:
        """Whether a QEMU of ours has this machine's disk open."""
        return self.process() is not None

    def pid(self) -> int | None:
        """The PID of this machine's QEMU, None when it does not run."""
        process = self.process()
        return None if process is None else process.pid

    def machine(self) -> Machine:
        """What the running QEMU was started with. Raises `NotRunning`."""
        return read_machine(self._require_process().arguments)

    def _require_process(self) -> QemuProcess:
        process = self.process()
        if process is None:
            raise NotRunning(f"{self.vm_name} is not running: start it first")
        return process

    @contextlib.contextmanager
    def locked(self, verb: str) -> Iterator[None]:
        """Hold the machine's lock; a verb called inside it joins in. Raises `Busy`."""
        if self._lock_depth == 0:
            with contextlib.ExitStack() as stack:
                stack.enter_context(vm_lock(self.files.lock, verb))
                self._lock_depth += 1
                stack.callback(self._leave)
                yield
        else:
            self._lock_depth += 1
            try:
                yield
            finally:
                self._leave()

    def _leave(self) -> None:
        self._lock_depth -= 1

    # Create

    def create(self, base_image: Path | None) -> None:
        """Make the disk: a 128G overlay of `base_image`, or an empty one without.

        Raises `VMExists`, `InvalidImage`, `CreateFailed`; after any of them there is no disk that was not there before.
        """
        if base_image is not None:
            images.read_image(base_image)
        with self.locked("create"):
            if os.path.lexists(self.files.image):
                raise VMExists(f"{self.vm_name} already has a disk ({self.files.image}): delete it first")
            private_directory(self.files.image_dir)
            images.create_overlay(self.files.image, base_image)

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
        launch = Launch(user_data, cpus, memory, ssh_authorized_key, monitor, boot, ports, accelerator, network)
        child = self.launch(launch, control or Control())
        if monitor:
            self.wait_in_foreground(child)

    def launch(self, launch: Launch, control: Control) -> subprocess.Popen[bytes]:
        """`start` without the wait of a foreground machine: give the child once it answers."""
        validate_cpus(launch.cpus)
        if launch.memory:
            parse_memory(launch.memory)
        with self.locked("start"):
            undo = _Undo()
            try:
                return self._launch(launch, control, undo)
            except BaseException:
                undo.run()
                raise

    def _launch(self, launch: Launch, control: Control, undo: _Undo) -> subprocess.Popen[bytes]:
        files = self.files
        self._check_startable()
        binary = require_program(qemu_binary(files.arch))
        accelerator = choose_accelerator(launch.accelerator, files.arch)
        private_directory(files.pid_dir)
        firmware = None if launch.boot is not None else self._prepare_firmware(undo)
        control.report("writing the seed ISO")
        if not files.seed.exists():
            undo.steps.append(lambda: files.seed.unlink(missing_ok=True))
        write_seed(
            files.seed,
            cluster_id=files.cluster_id,
            arch=files.arch,
            user_data=launch.user_data,
            ssh_authorized_key=launch.ssh_authorized_key,
        )
        arguments = qemu_arguments(
            monitor=launch.monitor,
            arch=files.arch,
            vm_image=files.image,
            cloud_init_data_iso_path=files.seed,
            serial_console_path=files.console,
            cpus=launch.cpus,
            memory=launch.memory,
            direct_boot=launch.boot,
            ports=launch.ports,
            network=launch.network,
            accelerator=accelerator,
            firmware=firmware,
            qmp_path=files.qmp,
        )
        control.report(f"starting QEMU ({accelerator})")
        undo.steps.append(self._remove_runtime_files)
        child = self._spawn([str(binary), *arguments], foreground=launch.monitor)
        undo.steps.append(lambda: _end_child(child))
        ticks = create_ticks(child.pid)
        data = {"qmp": str(files.qmp), "accel": accelerator, BOOT_ID_KEY: boot_id()}
        if ticks is not None:
            data[TICKS_KEY] = ticks
        if launch.cpus:
            data["cpus"] = launch.cpus
        if launch.memory:
            data["memory"] = launch.memory
        PIDFile(files.pid_file, child.pid, data).write()
        self._await_answer(child, control)
        if not launch.monitor:
            # Whoever starts a process has to collect it, or it stays a zombie for as long as the program runs.
            threading.Thread(target=child.wait, name=f"reap-{child.pid}", daemon=True).start()
        return child

    def _check_startable(self) -> None:
        files = self.files
        if sys.platform == "win32":
            raise Unsupported("virtual machines can't be run on Windows: use Linux or macOS")
        process = self.process()
        if process is not None:
            raise AlreadyRunning(f"{self.vm_name} is already running as process {process.pid}")
        self.vm_pid_file()  # what can't be understood is not overwritten
        if not os.path.lexists(files.image):
            raise VMNotFound(f"{self.vm_name} has no disk at {files.image}: create it first")
        backing = images.read_image(files.image).backing_file
        if backing is not None and not images.backing_path(files.image, backing).is_file():
            raise InvalidImage(f"the base image {backing} of {self.vm_name} is gone: put it back or delete the machine")
        for path in (files.console, files.qmp):
            check_socket_path(path)
            if os.path.lexists(path) and not stat.S_ISSOCK(path.lstat().st_mode):
                raise CorruptFile(f"{path} should be a socket and is something else: move it away")

    def _prepare_firmware(self, undo: _Undo) -> FirmwareDrives:
        firmware = find_firmware(self.files.arch)
        if firmware.vars is None:
            return FirmwareDrives(firmware.code)
        variables = self.files.efivars
        if not variables.exists():
            undo.steps.append(lambda: variables.unlink(missing_ok=True))
            partial = variables.with_name(f".{variables.name}.{os.getpid()}.partial")
            try:
                shutil.copyfile(firmware.vars, partial)
                partial.chmod(0o600)
                partial.replace(variables)
            except OSError as error:
                raise StartFailed(f"the UEFI variables {variables} can't be written: {error.strerror}") from error
            finally:
                partial.unlink(missing_ok=True)
        return FirmwareDrives(firmware.code, variables)

    def _spawn(self, command: list[str], *, foreground: bool) -> subprocess.Popen[bytes]:
        """Start QEMU with files of its own private to this user; in the background, detached from this program."""
        try:
            if foreground:
                return subprocess.Popen(command, umask=0o077)
            self.files.qemu_log.unlink(missing_ok=True)
            log = os.open(self.files.qemu_log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    umask=0o077,
                    cwd="/",
                )
            finally:
                os.close(log)
        except OSError as error:
            raise StartFailed(f"{command[0]} can't be started: {error.strerror}") from error

    def _await_answer(self, child: subprocess.Popen[bytes], control: Control) -> None:
        """Wait until QEMU answers on its control socket: then it has opened its disks, ports and memory."""
        control.report("waiting for QEMU to answer")
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            code = child.poll()
            if code is not None:
                raise StartFailed(f"QEMU ended at once: {self._last_words() or f'exit code {code}'}")
            if control.cancel.is_set():
                raise Cancelled(f"the start of {self.vm_name} was cancelled; nothing is left of it")
            if self.files.qmp.exists():
                try:
                    qmp.run_state(self.files.qmp)
                except QMPUnavailable:
                    pass
                else:
                    return
            if time.monotonic() > deadline:
                words = self._last_words()
                raise StartFailed(
                    f"QEMU did not answer within {START_TIMEOUT:.0f} s and was ended" + (f": {words}" if words else "")
                )
            control.cancel.wait(_TICK)

    def _last_words(self) -> str:
        """The end of what QEMU printed, on one line."""
        try:
            text = self.files.qemu_log.read_bytes()[-2000:].decode("utf-8", "replace")
        except OSError:
            return ""
        return " ".join(text.split())

    def wait_in_foreground(self, child: subprocess.Popen[bytes]) -> None:
        """Wait for a machine started with `monitor` and clear its files. Ctrl-C is QEMU's to handle meanwhile."""
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            child.wait()
        finally:
            signal.signal(signal.SIGINT, previous)
        with self.locked("stop"):
            self._remove_runtime_files()

    # Stop

    def stop(
        self,
        *,
        timeouts: StopTimeouts | None = None,
        control: Control | None = None,
        power_off: Callable[[], bool] | None = None,
    ) -> StopResult:
        """Power the machine off, then SIGTERM, then SIGKILL, each step when the one before did not do it in time.

        `power_off` asks the guest by another way when there is no QMP, and says whether that was accepted. Whatever
        step ends it, the PID file and sockets are gone afterwards. Raises `NotRunning` when there is nothing to stop
        and `StopFailed` when even SIGKILL did not end it.
        """
        timeouts, control = timeouts or StopTimeouts(), control or Control()
        with self.locked("stop"):
            process = self.process()
            if process is None:
                if not self._leftovers():
                    raise NotRunning(f"{self.vm_name} is not running")
                self._remove_runtime_files()
                return StopResult("gone", f"{self.vm_name} had ended before; what it left was cleared")
            result = self._escalate(process, timeouts, control, power_off)
            self._remove_runtime_files()
            return result

    def _escalate(
        self,
        process: QemuProcess,
        timeouts: StopTimeouts,
        control: Control,
        power_off: Callable[[], bool] | None,
    ) -> StopResult:
        name = self.vm_name
        if timeouts.powerdown > 0 and self._press_power_button(process, control, power_off):
            what = "waiting for the guest to power off"
            if _wait_gone(process, timeouts.powerdown, control, what):
                return StopResult("powerdown", f"{name} powered off")
        control.report("terminating QEMU")
        if not process.send(signal.SIGTERM) or _wait_gone(
            process, timeouts.terminate, control, "waiting for QEMU to end"
        ):
            return StopResult("terminate", f"{name} was ended with SIGTERM")
        control.report("killing QEMU")
        if not process.send(signal.SIGKILL) or _wait_gone(process, timeouts.kill, control, "waiting for the kill"):
            return StopResult("kill", f"{name} was ended with SIGKILL")
        raise StopFailed(
            f"process {process.pid} of {name} is still there {timeouts.kill:.0f} s after SIGKILL:"
            " the kernel holds it, most likely waiting for a disk"
        )

    def _press_power_button(self, process: QemuProcess, control: Control, power_off: Callable[[], bool] | None) -> bool:
        """Ask the guest to power off; whether anybody took the message."""
        control.report("pressing the power button")
        socket = read_machine(process.arguments).qmp
        if socket is not None:
            try:
                if qmp.run_state(socket) == "paused":
                    qmp.execute(socket, "cont")
                qmp.execute(socket, "system_powerdown")
            except QMPError as error:
                control.report(str(error))
            else:
                return True
        return power_off() if power_off is not None else False

    def _leftovers(self) -> bool:
        return any(os.path.lexists(path) for path in (self.files.pid_file, self.files.console, self.files.qmp))

    def _remove_runtime_files(self) -> None:
        """Clear what a machine that has ended leaves. For use under the lock, with no process of ours alive."""
        files = self.files
        for path in (files.pid_file, files.qemu_log):
            if not path.is_dir() or path.is_symlink():
                path.unlink(missing_ok=True)
        for path in (files.console, files.qmp):
            if path.is_socket():
                path.unlink(missing_ok=True)

    # Delete

    def delete(self) -> None:
        """Remove the machine's disk, seed, UEFI variables and runtime files. Raises `AlreadyRunning`."""
        files = self.files
        with self.locked("delete"):
            self.require_stopped("delete")
            for path in (files.image, files.seed, files.efivars):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise DeleteFailed(f"{path} can't be removed: {error.strerror}") from error
            self._remove_runtime_files()

    def require_stopped(self, verb: str) -> None:
        """Raise `AlreadyRunning` when a QEMU of ours has the disk open."""
        process = self.process()
        if process is not None:
            raise AlreadyRunning(f"{self.vm_name} is running as process {process.pid}: stop it before you {verb} it")

    # A running machine

    def _control_socket(self) -> Path:
        socket = read_machine(self._require_process().arguments).qmp
        if socket is None:
            raise QMPUnavailable(
                f"{self.vm_name} was started without a control socket (by podplane itself?): restart it from here"
            )
        return socket

    def pause(self) -> None:
        """Stop the guest's CPUs. Raises `NotRunning`, `QMPError`."""
        with self.locked("pause"):
            qmp.execute(self._control_socket(), "stop")

    def resume(self) -> None:
        """Let a paused guest go on. Raises `NotRunning`, `QMPError`."""
        with self.locked("resume"):
            qmp.execute(self._control_socket(), "cont")

    def reset(self) -> None:
        """Press the reset button: the guest restarts at once, unsaved data is lost. Raises `NotRunning`, `QMPError`."""
        with self.locked("reset"):
            qmp.execute(self._control_socket(), "system_reset")

    def adopt(self) -> int:
        """Write the PID file of a machine that runs without one; give its PID. Raises `NotRunning`."""
        with self.locked("adopt"):
            process = self._require_process()
            data = {BOOT_ID_KEY: boot_id(), TICKS_KEY: process.create_ticks}
            socket = read_machine(process.arguments).qmp
            if socket is not None:
                data["qmp"] = str(socket)
            PIDFile(self.files.pid_file, process.pid, data).write()
            return process.pid

    def console(self) -> None:
        """Attach the calling terminal to the serial console; Ctrl-] detaches. Raises `NotRunning`, `ConsoleError`."""
        machine = self.machine()
        path = machine.console or self.files.console
        console.attach(path, input_fd=sys.stdin.fileno(), output_fd=sys.stdout.fileno())

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

        Gives the combined output, or None when the options' streams took it. Raises `CommandFailed` with the exit code
        and `ShellError` when the guest can't be reached.
        """
        target = ssh.SSHTarget("127.0.0.1", ssh_port, user, identity_file)
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
        """Copy `source` here to `destination` in the guest with rsync, as root there. Raises `CommandFailed`."""
        target = ssh.SSHTarget("127.0.0.1", ssh_port, user, identity_file)
        sync.run_sync(
            target,
            source,
            destination,
            chown=chown,
            excludes=excludes,
            control=control or Control(),
            output=self._output,
        )


def _wait_gone(process: QemuProcess, timeout: float, control: Control, what: str) -> bool:
    """Wait for the process to end, telling the seconds left; False after `timeout` or when told to skip ahead."""
    deadline = time.monotonic() + timeout
    told = None
    while process.alive():
        left = deadline - time.monotonic()
        if left <= 0 or control.skip.is_set():
            control.skip.clear()
            return not process.alive()
        if told != int(left):
            told = int(left)
            control.report(f"{what} ({told + 1} s left)")
        control.skip.wait(min(_TICK, left))
    return True


def _end_child(child: subprocess.Popen[bytes]) -> None:
    """End a QEMU that is our own child, so that its PID can't be anybody else's."""
    child.terminate()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
