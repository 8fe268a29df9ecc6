"""From a stopped machine to a QEMU that answers. A launch that fails takes everything back it did."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.config.fields import check_fields
from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import (
    Cancelled,
    CorruptFile,
    PortTaken,
    QMPUnavailable,
    StartFailed,
    Unsupported,
    VMError,
    VMNotFound,
)
from podplane_tui.backend.core.files import (
    ASIDE,
    PowerCut,
    explain_os_error,
    os_errors_as,
    private_directory,
    sync_file,
    temporary_beside,
)
from podplane_tui.backend.core.paths import VMFiles, check_socket_path
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.facts import Firmware, choose_accelerator, find_firmware, require_program
from podplane_tui.backend.host.holders import answers_at
from podplane_tui.backend.host.processes import stat_of
from podplane_tui.backend.qemu import qmp
from podplane_tui.backend.qemu.arguments import (
    DirectBootOptions,
    FirmwareDrives,
    PortForward,
    qemu_arguments,
    qemu_binary,
)
from podplane_tui.backend.qemu.diagnosis import diagnose, says_port_is_taken
from podplane_tui.backend.qemu.gate import Gate
from podplane_tui.backend.qemu.process import BOOT_ID_KEY, TICKS_KEY, boot_id, create_ticks, look, qemus
from podplane_tui.backend.recording import store as recordings
from podplane_tui.backend.runtime.leftovers import remove_leftovers
from podplane_tui.backend.runtime.pidfile import PIDFile
from podplane_tui.backend.vm.backing import require_confirmed
from podplane_tui.backend.vm.cloud_init import write_seed
from podplane_tui.backend.vm.in_use import require_no_overlays

ANSWER_TIMEOUT = 60.0
"""Seconds QEMU gets to answer on its control socket; generous for a loaded machine under software emulation."""

_TICK, _LATE_TICK, _LATE = 0.001, 0.02, 0.5
"""Seconds between two looks for QEMU's socket: it is there within a few hundredths of a second, or late."""

_LAST_WORDS = 2000
_WORDS_SHOWN = 600


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


@dataclass(frozen=True, slots=True)
class Launching:
    """A QEMU on its way up: `child` is its process."""

    child: subprocess.Popen[bytes]
    _files: VMFiles
    _control: Control

    def await_answer(self) -> None:
        """Wait until QEMU answers on its control socket: then it has opened its disks, ports and memory.

        Raises `Cancelled`, `StartFailed` with QEMU's own words, and `UnconfirmedChain` when other files than those that
        were checked before were there for QEMU to open.
        """
        _await_answer(self._files, self.child, self._control)
        require_confirmed(self._files)


@contextlib.contextmanager
def launching(files: VMFiles, spec: Launch, control: Control) -> Iterator[Launching]:
    """Start the VM of `files`. For use under the lock, when it does not run.

    The block is for what can be done while QEMU starts, has to wait for its answer, and may do more after that. When
    anything raises, the block included, nothing is there afterwards that was not there before. Raises `InvalidInput`,
    `VMNotFound`, `InvalidImage`, `UnconfirmedChain`, `InUse`, `CorruptFile`, `MissingProgram`, `StartFailed`.
    """
    undo: list[Callable[[], object]] = []
    over = threading.Event()
    with os_errors_as(StartFailed, f"{files.name} can't be started"):
        means = check(files, spec)
        _check_leftovers(files)
        try:
            child = _begin(files, spec, means, control, undo)
            if not spec.monitor:
                # Whoever starts a process has to collect it, or it stays a zombie for as long as the program runs. The
                # thread takes longest to start: done while QEMU does.
                threading.Thread(target=_collect, args=(child, over), name=f"reap-{child.pid}", daemon=True).start()
            sync_file(files.pid_file)  # only now: a power cut before takes QEMU as well
            _tidy(files, control)
            yield Launching(child, files, control)
        except BaseException:
            while undo:
                with contextlib.suppress(OSError):
                    undo.pop()()
            raise
        finally:
            over.set()


def _collect(child: subprocess.Popen[bytes], over: threading.Event) -> None:
    """Wait for the end of a child whose launch is over; before that its PID has to stay its own, to be signalled."""
    over.wait()
    child.wait()


class Means(NamedTuple):
    """What of this host a machine is started with."""

    binary: Path
    accelerator: str
    firmware: Firmware | None


def check(files: VMFiles, spec: Launch) -> Means:
    """Find what the start takes, and raise for all that is known to keep the machine of `files` from it.

    What stands where its PID file and sockets will be is not looked at: while it runs they are its own. Raises what
    `launching` does, and writes nothing.
    """
    if sys.platform == "win32":
        raise Unsupported("VMs can't be run on Windows", hint="use Linux or macOS")
    check_fields(cpus=spec.cpus, memory=spec.memory)
    if not os.path.lexists(files.image):
        raise VMNotFound(f"{files.name} has no disk at {files.image}", hint="create it first")
    require_confirmed(files)
    require_no_overlays(files)  # what its guest writes would be in theirs
    for path in (files.console, files.qmp):
        check_socket_path(path)
    if files.seed.is_dir():
        raise CorruptFile(f"the seed ISO {files.seed} is a directory", hint=ASIDE)
    if os.path.lexists(files.efivars) and not files.efivars.is_file():
        raise CorruptFile(f"{files.efivars} is not a regular file", hint=ASIDE)
    for name in () if spec.boot is None else (spec.boot.kernel_path, spec.boot.initrd_path):
        if os.path.isabs(name) and not os.path.isfile(name):  # noqa: PTH113, PTH117 - where QEMU looks for others is its own affair
            raise StartFailed(
                f"{files.name} can't be started: {name}, which it boots from, is gone", hint="put it back"
            )
    return Means(
        require_program(qemu_binary(files.arch)),
        choose_accelerator(spec.accelerator, files.arch),
        find_firmware(files.arch) if spec.boot is None else None,
    )


def _check_leftovers(files: VMFiles) -> None:
    """Raise for what an earlier run can't have left: it would not be cleared away, and is in QEMU's way."""
    PIDFile.read(files.pid_file)
    for path in (files.console, files.qmp):
        if os.path.lexists(path) and not stat.S_ISSOCK(path.lstat().st_mode):
            raise CorruptFile(f"{path} is not a socket", hint=ASIDE)


def _begin(
    files: VMFiles, spec: Launch, means: Means, control: Control, undo: list[Callable[[], object]]
) -> subprocess.Popen[bytes]:
    """Make all that QEMU needs, put its PID file on disk, and let it begin."""
    private_directory(files.pid_dir)
    for path in (files.seed, files.efivars):
        if not path.exists():
            undo.append(lambda path=path: path.unlink(missing_ok=True))  # type: ignore[misc]
    firmware = None if means.firmware is None else _firmware_drives(files, means.firmware)
    recording = _begin_recording(files, control)
    if recording is not None:
        undo.append(lambda: recordings.discard(recording))
    arguments = qemu_arguments(
        monitor=spec.monitor,
        arch=files.arch,
        vm_image=files.image,
        cloud_init_data_iso_path=files.seed,
        serial_console_path=files.console,
        cpus=spec.cpus,
        memory=spec.memory,
        direct_boot=spec.boot,
        ports=spec.ports,
        network=spec.network,
        accelerator=means.accelerator,
        firmware=firmware,
        console_log=recording,
        qmp_path=files.qmp,
    )
    remove_leftovers(files)  # of an earlier run: what answers there from now on is the new one
    undo.append(lambda: _clear_up(files))
    gate = _gate([str(means.binary), *arguments], files.qemu_log, foreground=spec.monitor)
    undo.append(gate.end)
    control.report("writing the seed ISO")
    write_seed(
        files.seed,
        cluster_id=files.cluster_id,
        arch=files.arch,
        user_data=spec.user_data,
        ssh_authorized_key=spec.ssh_authorized_key,
    )
    control.report(f"starting QEMU ({means.accelerator})")
    _write_pid_file(files, gate.child.pid, spec, means.accelerator, recording)
    gate.open()
    return gate.child


def _clear_up(files: VMFiles) -> None:
    """Clear what our QEMU has left, but nothing of one that podplane, which knows of no lock, has started meanwhile."""
    other = next((process for process in qemus() if process.names_disk(files.image)), None)
    if other is None:
        remove_leftovers(files)
        return
    with contextlib.suppress(CorruptFile):
        named = PIDFile.read(files.pid_file)
        if named is not None and named.pid != other.pid:  # ours
            files.pid_file.unlink(missing_ok=True)


def _gate(command: list[str], log_path: Path, *, foreground: bool) -> Gate:
    """The gate of QEMU, which in the background prints into a log."""
    if foreground:
        return Gate(command, log=None)
    log_path.unlink(missing_ok=True)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        return Gate(command, log=log)
    finally:
        os.close(log)


def _begin_recording(files: VMFiles, control: Control) -> Path | None:
    """The file QEMU is to record its console in; None when there can be none, which is no reason not to start."""
    try:
        return recordings.begin(files)
    except (OSError, VMError) as error:
        why = explain_os_error(error) if isinstance(error, OSError) else error
        control.report(f"the console can't be recorded: {why}")
        return None


def _tidy(files: VMFiles, control: Control) -> None:
    """Finish the recordings of earlier runs and keep within the limits, while QEMU starts."""
    recordings.finish(files)
    try:
        recordings.keep_within(files)
    except OSError as error:
        control.report(f"old recordings can't be removed: {explain_os_error(error)}")


def _firmware_drives(files: VMFiles, firmware: Firmware) -> FirmwareDrives:
    """The firmware's code, and this machine's own copy of its variables, made on first need."""
    if firmware.vars is None:
        return FirmwareDrives(firmware.code, code_format=firmware.code_format)
    if not files.efivars.exists():
        partial = temporary_beside(files.efivars)
        try:
            with os_errors_as(StartFailed, "the UEFI variables can't be written"):
                shutil.copyfile(firmware.vars, partial)
                partial.chmod(0o600)
                partial.replace(files.efivars)
        finally:
            partial.unlink(missing_ok=True)
    return FirmwareDrives(firmware.code, files.efivars, firmware.code_format, firmware.vars_format)


def _write_pid_file(files: VMFiles, pid: int, spec: Launch, accelerator: str, recording: Path | None) -> None:
    data = {"qmp": str(files.qmp), "accel": accelerator, BOOT_ID_KEY: boot_id()}
    ticks = create_ticks(pid)
    if ticks is not None:
        data[TICKS_KEY] = ticks
    if spec.cpus:
        data["cpus"] = spec.cpus
    if spec.memory:
        data["memory"] = spec.memory
    if recording is not None:
        data["console_log"] = str(recording)
        with contextlib.suppress(OSError):  # the recording is there; only whose it is goes unsaid
            recordings.belongs_to(recording, pid)
    PIDFile(files.pid_file, pid, data).write(after=PowerCut.ANYTHING)


def _await_answer(files: VMFiles, child: subprocess.Popen[bytes], control: Control) -> None:
    """Wait until QEMU answers on its control socket: then it has opened its disks, ports and memory."""
    control.report("waiting for QEMU to answer")
    begun = time.monotonic()
    while True:
        code = child.poll()
        if code is not None:
            raise _failed(files, f"QEMU ended at once ({_ending(code)})")
        if control.cancel.is_set():
            raise Cancelled(f"the start of {files.name} was cancelled", hint="nothing is left of it")
        pid = _qemu_of(child, files) if files.qmp.exists() else None
        if pid is not None:
            try:
                qmp.run_state(qmp.ControlSocket(files.qmp, pid))
            except QMPUnavailable:
                pass
            else:
                if pid != child.pid:
                    _rename(files, pid)
                return
        waited = time.monotonic() - begun
        if waited > ANSWER_TIMEOUT:
            raise _failed(files, f"QEMU did not answer within {ANSWER_TIMEOUT:.0f} s and was ended")
        control.cancel.wait(_TICK if waited < _LATE else _LATE_TICK)


def _qemu_of(child: subprocess.Popen[bytes], files: VMFiles) -> int | None:
    """The PID of QEMU: that of our child or, where this is a program around QEMU, of the one below it that answers."""
    if look(child.pid) is not None:
        return child.pid
    pid = answers_at(files.qmp)
    return pid if pid and look(pid) is not None and child.pid in _ancestors(pid) else None


def _ancestors(pid: int) -> Iterator[int]:
    """The processes that have started process `pid`, the nearest first."""
    stat_found = stat_of(pid)
    while stat_found is not None and stat_found.parent > 1:
        yield stat_found.parent
        stat_found = stat_of(stat_found.parent)


def _rename(files: VMFiles, pid: int) -> None:
    """Make the PID file name process `pid`, and the recording be of it."""
    named = PIDFile.read(files.pid_file)
    ticks = create_ticks(pid)
    if named is not None and ticks is not None:
        data = {**(named.data or {}), TICKS_KEY: ticks}
        named._replace(pid=pid, data=data).write(after=PowerCut.ANYTHING)
        if "console_log" in data:
            with contextlib.suppress(OSError):
                recordings.belongs_to(Path(data["console_log"]), pid)


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _failed(files: VMFiles, what: str) -> StartFailed:
    """What happened, in QEMU's words, and what to do."""
    words = _last_words(files)
    kind = PortTaken if says_port_is_taken(words) else StartFailed
    found = diagnose(words, files.image)
    return kind(f"{what}: {found.explain(words)}" if words else what, hint=found.advice)


def _last_words(files: VMFiles) -> str:
    """The end of what QEMU printed, on one line."""
    try:
        with files.qemu_log.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _LAST_WORDS))
            words = one_line(log.read(_LAST_WORDS).strip(), limit=_LAST_WORDS)
    except OSError:
        return ""
    return words if len(words) <= _WORDS_SHOWN else f"…{words[-_WORDS_SHOWN:]}"
