"""What machines there are and what each is doing: disk and processes → frozen snapshots. Writes nothing, never raises.

The image and PID directories say which machines exist; the process table says which of them live. Whatever is wrong
with one of them, it is still a row, and its `problem` says what.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from podplane_tui.backend import qmp
from podplane_tui.backend.arguments import Machine, read_machine
from podplane_tui.backend.errors import CorruptFile, InvalidImage, QMPError
from podplane_tui.backend.images import ImageInfo, backing_path, read_image
from podplane_tui.backend.lock import current_action
from podplane_tui.backend.metrics import Sampler
from podplane_tui.backend.paths import (
    CONSOLE_SUFFIX,
    IMAGE_SUFFIX,
    PID_SUFFIX,
    QMP_SUFFIX,
    VMFiles,
    parse_stem,
)
from podplane_tui.backend.pidfile import PIDFile
from podplane_tui.backend.ports import read_state_file
from podplane_tui.backend.process import ProcessTable, QemuProcess
from podplane_tui.backend.snapshot import Ports, State, VMSnapshot

RUN_STATE_INTERVAL = 3.0
"""Seconds a QMP answer is good for: a machine is paused rarely, and every question occupies its one client's place."""


@dataclass(frozen=True, slots=True)
class _RunState:
    """When QMP was asked (monotonic seconds), of which process, and what it said."""

    asked_at: float
    ticks: str
    state: str


class Inventory:
    """Looks at all machines below podplane's data and runtime directories. Belongs to one thread."""

    def __init__(self, data_dir: Path, runtime_dir: Path) -> None:
        self.data_dir = data_dir
        self.runtime_dir = runtime_dir
        self._processes = ProcessTable()
        self._sampler = Sampler()
        self._run_states: dict[Path, _RunState] = {}

    def snapshot(self) -> tuple[VMSnapshot, ...]:
        """Every machine now, by cluster id and architecture.

        `cpu_percent` is over the time since this inventory's previous snapshot, in the first since the machine's start.
        """
        processes = self._processes.scan()
        found = tuple(self._look(files, processes) for files in self._machines(processes))
        self._sampler.forget({(p.pid, p.create_ticks) for p in processes})
        return found

    def find(self, cluster_id: str, arch: str) -> VMSnapshot | None:
        """One machine now; None when nothing of it exists."""
        return next((vm for vm in self.snapshot() if (vm.cluster_id, vm.arch) == (cluster_id, arch)), None)

    def _machines(self, processes: Iterable[QemuProcess]) -> list[VMFiles]:
        """Every machine of which a disk, a PID file, a socket or a process exists."""
        keys: set[tuple[str, str]] = set()
        for directory, suffixes in (
            (self.data_dir / "vms", (IMAGE_SUFFIX,)),
            (self.runtime_dir / "vms", (PID_SUFFIX, CONSOLE_SUFFIX, QMP_SUFFIX)),
        ):
            with contextlib.suppress(OSError):
                for name in os.listdir(directory):  # noqa: PTH208 - names are all that is needed, thousands of them
                    keys.update(key for suffix in suffixes if (key := parse_stem(name, suffix)))
        image_dir = self.data_dir / "vms"
        for process in processes:
            for disk in process.disks:
                key = parse_stem(disk.name, IMAGE_SUFFIX)
                if key and os.path.normpath(disk.parent) == os.path.normpath(image_dir):
                    keys.add(key)
        return [VMFiles(arch, cluster_id, self.data_dir, self.runtime_dir) for cluster_id, arch in sorted(keys)]

    def _look(self, files: VMFiles, processes: Iterable[QemuProcess]) -> VMSnapshot:
        try:
            return self._examine(files, processes)
        except OSError as error:
            return VMSnapshot(files, State.BROKEN, problem=f"{error.filename or files.name}: {error.strerror}")

    def _examine(self, files: VMFiles, processes: Iterable[QemuProcess]) -> VMSnapshot:
        problems: list[str] = []
        image = _image(files, problems)
        pid_file: PIDFile | None = None
        pid_file_broken = False
        try:
            pid_file = PIDFile.read(files.pid_file)
        except CorruptFile as error:
            problems.append(str(error))
            pid_file_broken = True
        ports = Ports()
        process = _owner(files, pid_file, processes)
        try:
            ports = read_state_file(files.state_file)
        except CorruptFile as error:
            problems.append(str(error))
        vm = VMSnapshot(
            files,
            State.STOPPED,
            action=current_action(files.lock),
            disk_bytes=image.disk_bytes if image else None,
            disk_virtual_bytes=image.virtual_bytes if image else None,
        )
        if process is None:
            return _without_process(vm, pid_file, problems)
        named = pid_file is not None and pid_file.pid == process.pid
        if not named and not pid_file_broken:
            problems.append(f"QEMU runs as process {process.pid} without a PID file: adopt or stop it")
        return self._with_process(vm, process, ports, orphaned=not named, problems=problems)

    def _with_process(
        self, vm: VMSnapshot, process: QemuProcess, ports: Ports, *, orphaned: bool, problems: list[str]
    ) -> VMSnapshot:
        machine = read_machine(process.arguments)
        sample = self._sampler.sample(process)
        state = State.RUNNING
        if vm.action is not None and vm.action.verb in _VERB_STATES:
            state = _VERB_STATES[vm.action.verb]
        elif orphaned:
            state = State.ORPHANED
        elif self._paused(process, machine):
            state = State.PAUSED
        return replace(
            vm,
            state=state,
            problem="; ".join(problems) or None,
            pid=process.pid,
            started_at=process.started_at,
            cpu_percent=sample.cpu_percent if sample else None,
            memory_bytes=sample.memory_bytes if sample else None,
            memory_limit_bytes=machine.memory_bytes,
            cpus=machine.cpus,
            ports=ports,
            accelerator=machine.accelerator,
            arguments=process.arguments,
            console=machine.console,
            qmp=machine.qmp,
        )

    def _paused(self, process: QemuProcess, machine: Machine) -> bool:
        if machine.qmp is None:
            return False
        known = self._run_states.get(machine.qmp)
        now = time.monotonic()
        if known is None or known.ticks != process.create_ticks or now - known.asked_at > RUN_STATE_INTERVAL:
            try:
                state = qmp.run_state(machine.qmp)
            except QMPError:
                # Busy or hanging: what was true before is the best there is to say.
                state = known.state if known and known.ticks == process.create_ticks else ""
            known = _RunState(time.monotonic(), process.create_ticks, state)
            self._run_states[machine.qmp] = known
        return known.state == "paused"


_VERB_STATES = {
    "start": State.STARTING,
    "stop": State.STOPPING,
    "restart": State.STOPPING,
}


def _image(files: VMFiles, problems: list[str]) -> ImageInfo | None:
    """The disk's header; adds what is wrong with it to `problems`."""
    try:
        image = read_image(files.image)
    except InvalidImage as error:
        problems.append(str(error))
        return None
    if image.backing_file is not None and not backing_path(files.image, image.backing_file).exists():
        problems.append(f"the base image {image.backing_file} is gone: put it back or delete the machine")
    return image


def _owner(files: VMFiles, pid_file: PIDFile | None, processes: Iterable[QemuProcess]) -> QemuProcess | None:
    """The process of this machine: the one its PID file names if that is proved, else any that has its disk."""
    holders = [process for process in processes if process.has_disk(files.image)]
    for process in holders:
        if pid_file is not None and process.pid == pid_file.pid and process.matches(pid_file.data):
            return process
    return holders[0] if holders else None


def _without_process(vm: VMSnapshot, pid_file: PIDFile | None, problems: list[str]) -> VMSnapshot:
    files = vm.files
    if vm.action is not None and vm.action.verb in {"start", "restart"}:
        return replace(vm, state=State.STARTING)
    if problems:
        return replace(vm, state=State.BROKEN, problem="; ".join(problems))
    left = [path.name for path in (files.console, files.qmp) if os.path.lexists(path)]
    if pid_file is not None:
        left.insert(0, f"a PID file that names process {pid_file.pid}, which is not its QEMU")
    if left:
        return replace(vm, state=State.CRASHED, problem=f"QEMU is gone and left {', '.join(left)}: repair or start it")
    return vm
