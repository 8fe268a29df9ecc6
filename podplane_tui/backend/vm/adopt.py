"""The PID file of a machine that runs without one: read from its process. For use under the machine's lock."""

from __future__ import annotations

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.files import os_errors_as
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.qemu.arguments import read_machine
from podplane_tui.backend.qemu.process import BOOT_ID_KEY, TICKS_KEY, QemuProcess, boot_id
from podplane_tui.backend.runtime.leftovers import clear, is_foreign
from podplane_tui.backend.runtime.pidfile import PIDFile


def adopt(files: VMFiles, process: QemuProcess) -> None:
    """Write the PID file for `process`. See `Qemu.adopt`."""
    if is_named(files, process):
        return
    machine = read_machine(process.arguments)
    data = {BOOT_ID_KEY: boot_id(), TICKS_KEY: process.create_ticks}
    if machine.qmp is not None:
        data["qmp"] = str(machine.qmp)
    if machine.accelerator:
        data["accel"] = machine.accelerator
    if machine.console_log is not None:
        data["console_log"] = str(machine.console_log)
    with os_errors_as(CorruptFile, f"the PID file of {files.name} can't be written"):
        if is_foreign(files, files.pid_file):
            clear(files, files.pid_file)
        PIDFile(files.pid_file, process.pid, data).write()


def is_named(files: VMFiles, process: QemuProcess) -> bool:
    """Whether the PID file names `process`."""
    try:
        named = PIDFile.read(files.pid_file)
    except CorruptFile:
        return False
    return named is not None and process.is_named(named.pid, named.data)
