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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend import qmp
from podplane_tui.backend.arguments import FirmwareDrives, parse_memory, qemu_arguments, qemu_binary, validate_cpus
from podplane_tui.backend.cidata import write_seed
from podplane_tui.backend.errors import (
    Cancelled,
    CorruptFile,
    InvalidImage,
    QMPUnavailable,
    StartFailed,
    Unsupported,
    VMNotFound,
)
from podplane_tui.backend.files import private_directory
from podplane_tui.backend.host import choose_accelerator, find_firmware, require_program
from podplane_tui.backend.images import backing_path, read_image
from podplane_tui.backend.interface import Control, DirectBootOptions, PortForward
from podplane_tui.backend.leftovers import remove_leftovers
from podplane_tui.backend.paths import VMFiles, check_socket_path
from podplane_tui.backend.pidfile import PIDFile
from podplane_tui.backend.process import BOOT_ID_KEY, TICKS_KEY, boot_id, create_ticks

ANSWER_TIMEOUT = 60.0
"""Seconds QEMU gets to answer on its control socket; generous for a loaded machine under software emulation."""

_TICK = 0.05
_LAST_WORDS = 2000


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


def launch(files: VMFiles, spec: Launch, control: Control) -> subprocess.Popen[bytes]:
    """Start the machine of `files` and give its QEMU once it answers. For use under the lock, when it does not run.

    Raises `InvalidInput`, `VMNotFound`, `InvalidImage`, `CorruptFile`, `MissingProgram`, `Cancelled`, or `StartFailed`
    with QEMU's own words; after any of them nothing is there that was not there before.
    """
    _check(files, spec)
    undo: list[Callable[[], object]] = []
    try:
        return _launch(files, spec, control, undo)
    except BaseException:
        while undo:
            with contextlib.suppress(OSError):
                undo.pop()()
        raise


def _check(files: VMFiles, spec: Launch) -> None:
    if sys.platform == "win32":
        raise Unsupported("virtual machines can't be run on Windows: use Linux or macOS")
    validate_cpus(spec.cpus)
    if spec.memory:
        parse_memory(spec.memory)
    PIDFile.read(files.pid_file)  # one that can't be understood is not overwritten
    if not os.path.lexists(files.image):
        raise VMNotFound(f"{files.name} has no disk at {files.image}: create it first")
    backing = read_image(files.image).backing_file
    if backing is not None and not backing_path(files.image, backing).is_file():
        raise InvalidImage(f"the base image {backing} of {files.name} is gone: put it back or delete the machine")
    for path in (files.console, files.qmp):
        check_socket_path(path)
        if os.path.lexists(path) and not stat.S_ISSOCK(path.lstat().st_mode):
            raise CorruptFile(f"{path} should be a socket and is something else: move it away")


def _launch(
    files: VMFiles, spec: Launch, control: Control, undo: list[Callable[[], object]]
) -> subprocess.Popen[bytes]:
    binary = require_program(qemu_binary(files.arch))
    accelerator = choose_accelerator(spec.accelerator, files.arch)
    private_directory(files.pid_dir)
    control.report("writing the seed ISO")
    for path in (files.seed, files.efivars):
        if not path.exists():
            undo.append(lambda path=path: path.unlink(missing_ok=True))  # type: ignore[misc]
    firmware = None if spec.boot is not None else _firmware_drives(files)
    write_seed(
        files.seed,
        cluster_id=files.cluster_id,
        arch=files.arch,
        user_data=spec.user_data,
        ssh_authorized_key=spec.ssh_authorized_key,
    )
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
        accelerator=accelerator,
        firmware=firmware,
        qmp_path=files.qmp,
    )
    control.report(f"starting QEMU ({accelerator})")
    undo.append(lambda: remove_leftovers(files))
    child = _spawn([str(binary), *arguments], files.qemu_log, foreground=spec.monitor)
    undo.append(lambda: _end_child(child))
    _write_pid_file(files, child.pid, spec, accelerator)
    _await_answer(files, child, control)
    if not spec.monitor:
        # Whoever starts a process has to collect it, or it stays a zombie for as long as the program runs.
        threading.Thread(target=child.wait, name=f"reap-{child.pid}", daemon=True).start()
    return child


def _firmware_drives(files: VMFiles) -> FirmwareDrives:
    """The firmware's code, and this machine's own copy of its variables, made on first need."""
    firmware = find_firmware(files.arch)
    if firmware.vars is None:
        return FirmwareDrives(firmware.code)
    if not files.efivars.exists():
        partial = files.efivars.with_name(f".{files.efivars.name}.{os.getpid()}.partial")
        try:
            shutil.copyfile(firmware.vars, partial)
            partial.chmod(0o600)
            partial.replace(files.efivars)
        except OSError as error:
            raise StartFailed(f"the UEFI variables {files.efivars} can't be written: {error.strerror}") from error
        finally:
            partial.unlink(missing_ok=True)
    return FirmwareDrives(firmware.code, files.efivars)


def _spawn(command: list[str], log_path: Path, *, foreground: bool) -> subprocess.Popen[bytes]:
    """Start QEMU with files of its own private to this user; in the background, detached from this program."""
    try:
        if foreground:
            return subprocess.Popen(command, umask=0o077)
        log_path.unlink(missing_ok=True)
        log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
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


def _write_pid_file(files: VMFiles, pid: int, spec: Launch, accelerator: str) -> None:
    data = {"qmp": str(files.qmp), "accel": accelerator, BOOT_ID_KEY: boot_id()}
    ticks = create_ticks(pid)
    if ticks is not None:
        data[TICKS_KEY] = ticks
    if spec.cpus:
        data["cpus"] = spec.cpus
    if spec.memory:
        data["memory"] = spec.memory
    PIDFile(files.pid_file, pid, data).write()


def _await_answer(files: VMFiles, child: subprocess.Popen[bytes], control: Control) -> None:
    """Wait until QEMU answers on its control socket: then it has opened its disks, ports and memory."""
    control.report("waiting for QEMU to answer")
    deadline = time.monotonic() + ANSWER_TIMEOUT
    while True:
        code = child.poll()
        if code is not None:
            raise StartFailed(f"QEMU ended at once: {_last_words(files) or f'exit code {code}'}")
        if control.cancel.is_set():
            raise Cancelled(f"the start of {files.name} was cancelled; nothing is left of it")
        if files.qmp.exists():
            try:
                qmp.run_state(files.qmp)
            except QMPUnavailable:
                pass
            else:
                return
        if time.monotonic() > deadline:
            words = _last_words(files)
            raise StartFailed(
                f"QEMU did not answer within {ANSWER_TIMEOUT:.0f} s and was ended" + (f": {words}" if words else "")
            )
        control.cancel.wait(_TICK)


def _last_words(files: VMFiles) -> str:
    """The end of what QEMU printed, on one line."""
    try:
        text = files.qemu_log.read_bytes()[-_LAST_WORDS:].decode("utf-8", "replace")
    except OSError:
        return ""
    return " ".join(text.split())


def _end_child(child: subprocess.Popen[bytes]) -> None:
    """End a QEMU that is our own child, so that its PID can't be anybody else's."""
    child.terminate()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
