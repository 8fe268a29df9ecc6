"""What VMs there are and what each is doing: disk and processes → frozen values. Writes nothing, never raises.

The image and PID directories say which machines exist; the process table says which of them live. Whatever is wrong
with one of them, it is still a row, and its `problem` says what. A look costs two directory listings, one `stat` per
disk and the small files that are there; headers of disks are read again only when the disk has changed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from podplane_tui.backend.core.errors import CorruptFile, InvalidImage
from podplane_tui.backend.core.paths import (
    CONSOLE_SUFFIX,
    IMAGE_SUFFIX,
    LOCK_SUFFIX,
    PID_SUFFIX,
    QMP_SUFFIX,
    RESERVED_CLUSTER_IDS,
    VMFiles,
    parse_stem,
)
from podplane_tui.backend.core.status import Action, Ports, State, VMStatus
from podplane_tui.backend.images.qcow2 import ImageInfo, missing_base, read_image
from podplane_tui.backend.qemu import qmp
from podplane_tui.backend.qemu.arguments import Machine, read_machine
from podplane_tui.backend.qemu.metrics import Sampler
from podplane_tui.backend.qemu.process import Clock, ProcessTable, QemuProcess
from podplane_tui.backend.recording.shutdown import POWERED_OFF, powered_off
from podplane_tui.backend.runtime.local_server import LocalServer, read_local_server
from podplane_tui.backend.runtime.lock import current_action
from podplane_tui.backend.runtime.pidfile import PIDFile
from podplane_tui.backend.runtime.ports import ports_of, read_state_file

T = TypeVar("T")

RUN_STATE_INTERVAL = 3.0
"""Seconds a QMP answer is good for: a machine is paused rarely, and every question occupies its one client's place."""

RUN_STATE_PATIENCE = 0.4
"""Seconds a look waits for all those answers together."""

SERVER_DOWN = "podplane's local server, which its Kubernetes needs, is down: podplane-tui server start, or L here"
"""The hint of a cluster that runs without it."""

_LONGEST_INTERVAL = 60.0
"""Seconds until a machine that does not answer is asked again, at most; the interval doubles until then."""


class _RunState(NamedTuple):
    """What QMP last said of a process, when it is to be asked again (monotonic seconds), and how patiently."""

    ticks: str
    state: str
    ask_at: float
    interval: float


class _Disk(NamedTuple):
    """A disk's header, or what is wrong with it, for as long as `version` is that of the file."""

    version: tuple[int, int, int, int]
    image: ImageInfo | None
    problem: str


class _Ending(NamedTuple):
    """Whether the guest of the QEMU that a PID file names was found to have powered off, asked again at `ask_at`."""

    pid_file: PIDFile
    powered_off: bool
    ask_at: float


class _Names:
    """One machine's files, with the names that every pass looks for, and what the small ones held."""

    __slots__ = ("_kept", "console", "files", "image", "lock", "pid_file", "qmp", "state_file")

    def __init__(self, files: VMFiles) -> None:
        self.files = files
        self.image, self.pid_file = files.stem + IMAGE_SUFFIX, files.stem + PID_SUFFIX
        self.console, self.qmp = files.stem + CONSOLE_SUFFIX, files.stem + QMP_SUFFIX
        self.lock, self.state_file = files.stem + LOCK_SUFFIX, files.state_file.name
        self._kept: dict[str, tuple[tuple[int, ...], Any]] = {}

    def kept(self, path: str, read: Callable[[Path], T]) -> T:
        """What `read` makes of this file; read again when it is not as it was. Raises what `read` does."""
        try:
            info = os.lstat(path)
        except OSError:  # whatever is the matter, it is for `read` to say
            return read(Path(path))
        version = (info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        known = self._kept.get(path)
        if known is None or known[0] != version:
            known = self._kept[path] = (version, read(Path(path)))
        value: T = known[1]
        return value


class _Look(NamedTuple):
    """What one pass has gathered before it turns to single machines. `ours` have a disk below our directory."""

    disks: dict[str, os.DirEntry[str]]
    runtime: frozenset[str]
    states: frozenset[str]
    by_file: dict[tuple[int, int], list[QemuProcess]]
    by_path: dict[str, list[QemuProcess]]
    ours: tuple[QemuProcess, ...]
    bases: dict[str, str | None]


class Inventory:
    """Looks at all machines below podplane's data and runtime directories. Belongs to one thread.

    `state_dir` is our own, None for the usual one. `clock` is what CPU shares and start times are measured by.
    """

    def __init__(
        self, data_dir: Path, runtime_dir: Path, *, state_dir: Path | None = None, clock: Clock | None = None
    ) -> None:
        self.data_dir = Path(os.path.abspath(data_dir))  # noqa: PTH100 - links are kept
        self.runtime_dir = Path(os.path.abspath(runtime_dir))  # noqa: PTH100
        self.state_dir = None if state_dir is None else Path(os.path.abspath(state_dir))  # noqa: PTH100
        self._image_dir = os.path.normpath(self.data_dir / "vms")
        self._pid_dir = os.path.normpath(self.runtime_dir / "vms")
        self._state_file_dir = os.path.normpath(self.runtime_dir / "local")
        self._clock = clock or Clock()
        self._processes = ProcessTable(self._clock)
        self._alive: tuple[QemuProcess, ...] = ()
        self._sampler = Sampler(self._clock)
        self._run_states: dict[Path, _RunState] = {}
        self._doubted = False
        self._names: dict[tuple[str, str], _Names] = {}
        self._disks: dict[str, _Disk] = {}
        self._stopped: dict[str, tuple[_Disk, int, VMStatus]] = {}
        self._endings: dict[str, _Ending] = {}
        self.local_server: LocalServer | None = None
        """podplane's local server as the latest pass found it."""

    def statuses(self) -> tuple[VMStatus, ...]:
        """Every machine now, by cluster id and architecture.

        `cpu_percent` is over the time since this inventory's previous pass, in the first since the VM's start.
        """
        with contextlib.suppress(OSError):  # out of descriptors or memory: what was true before is the best there is
            self._alive = self._processes.scan()
        processes = self._alive
        look = self._gather(processes)
        self.local_server = read_local_server(self.runtime_dir)
        machines = self._machines(look)
        self._ask_run_states(look.ours)
        found = tuple(self._look(names, look) for names in machines)
        self._sampler.forget({(p.pid, p.create_ticks) for p in processes})
        self._forget(machines)
        return found

    def doubt(self) -> None:
        """Something was done to a VM: the next pass asks QEMU again, however fresh its answers. Any thread."""
        self._doubted = True

    def find(self, cluster_id: str, arch: str) -> VMStatus | None:
        """One machine now; None when nothing of it exists."""
        return next((vm for vm in self.statuses() if (vm.cluster_id, vm.arch) == (cluster_id, arch)), None)

    # Once per pass

    def _gather(self, processes: Iterable[QemuProcess]) -> _Look:
        disks: dict[str, os.DirEntry[str]] = {}
        with contextlib.suppress(OSError), os.scandir(self._image_dir) as entries:
            disks = {entry.name: entry for entry in entries if entry.name.endswith(IMAGE_SUFFIX)}
        by_file: dict[tuple[int, int], list[QemuProcess]] = {}
        by_path: dict[str, list[QemuProcess]] = {}
        ours: dict[int, QemuProcess] = {}
        for process in processes:
            for disk in process.disks:
                path = os.path.normpath(disk)
                by_path.setdefault(path, []).append(process)
                if os.path.dirname(path) == self._image_dir:  # noqa: PTH120 - a path that is no `Path` takes a tenth
                    ours[process.pid] = process
                with contextlib.suppress(OSError, ValueError):
                    info = disk.stat()  # not of the normal path: links may be in it
                    by_file.setdefault((info.st_dev, info.st_ino), []).append(process)
        runtime, states = _names(self._pid_dir), _names(self._state_file_dir)
        return _Look(disks, runtime, states, by_file, by_path, tuple(ours.values()), {})

    def _machines(self, look: _Look) -> list[_Names]:
        """Every machine of which a disk, a PID file, a socket or a process exists."""
        keys = {key for name in look.disks if (key := _parse(name, IMAGE_SUFFIX))}
        for name in look.runtime:
            keys.update(key for suffix in (PID_SUFFIX, CONSOLE_SUFFIX, QMP_SUFFIX) if (key := _parse(name, suffix)))
        for path in look.by_path:
            folder, name = os.path.split(path)
            if folder == self._image_dir and (key := _parse(name, IMAGE_SUFFIX)):
                keys.add(key)
        for key in keys - self._names.keys():
            files = VMFiles(key[1], key[0], self.data_dir, self.runtime_dir, self.state_dir)
            self._names[key] = _Names(files)
        return [self._names[key] for key in sorted(keys)]

    def _ask_run_states(self, processes: Iterable[QemuProcess]) -> None:
        """Ask those whose last answer is old, all at once; who does not answer is asked again later and later."""
        now = self._clock.monotonic()
        doubted, self._doubted = self._doubted, False
        due: dict[Path, QemuProcess] = {}
        for process in processes:
            socket = read_machine(process.arguments).qmp
            if socket is None or self._processes.suspended(process) or not os.path.exists(socket):  # noqa: PTH110 - never raises
                continue
            known = self._run_states.get(socket)
            if doubted or known is None or known.ticks != process.create_ticks or now >= known.ask_at:
                due[socket] = process
        if not due:
            return
        answers = qmp.run_states(tuple(due), timeout=RUN_STATE_PATIENCE)
        for socket, process in due.items():
            known = self._run_states.get(socket)
            if known is not None and known.ticks != process.create_ticks:
                known = None
            answer, interval = answers.get(socket), RUN_STATE_INTERVAL
            if answer is None:
                # Busy or hanging: what was true before is the best there is to say.
                answer = known.state if known else ""
                interval = min(_LONGEST_INTERVAL, known.interval * 2 if known else RUN_STATE_INTERVAL)
            ask_at = self._clock.monotonic() + interval
            self._run_states[socket] = _RunState(process.create_ticks, answer, ask_at, interval)

    def _forget(self, machines: list[_Names]) -> None:
        """Drop what is kept of machines that are gone."""
        if len(machines) == len(self._names):
            return
        images = {names.image for names in machines}
        for key, names in list(self._names.items()):
            if names.image not in images:
                del self._names[key]
                self._stopped.pop(names.image, None)
                self._disks.pop(names.image, None)
                self._endings.pop(names.image, None)

    # Once per machine

    def _look(self, names: _Names, look: _Look) -> VMStatus:
        try:
            return self._examine(names, look)
        except (OSError, ValueError) as error:
            files, words = names.files, error.strerror if isinstance(error, OSError) else str(error)
            return VMStatus(files, State.BROKEN, problem=f"{files.name} can't be looked at: {words}; repair it")

    def _examine(self, names: _Names, look: _Look) -> VMStatus:
        files = names.files
        entry = look.disks.get(names.image)
        info = _stat(entry) if entry is not None else None
        disk = self._disk(names, info, look)
        holders = (
            look.by_file.get((info.st_dev, info.st_ino), [])
            if info is not None
            else look.by_path.get(str(files.image), [])
        )
        runtime = look.runtime
        has_pid_file, has_lock = names.pid_file in runtime, names.lock in runtime
        has_state = names.state_file in look.states
        left = tuple(name for name in (names.console, names.qmp) if name in runtime)
        quiet = not (holders or left or has_pid_file or has_lock or has_state)
        blocks = info.st_blocks if info else 0
        if quiet:
            known = self._stopped.get(names.image)
            if known is not None and known[1] == blocks and (known[0] is disk or known[0] == disk):
                return known[2]
        problems = [disk.problem] if disk.problem else []
        pid_file, pid_file_broken, ports = None, False, Ports()
        try:
            pid_file = names.kept(f"{self._pid_dir}/{names.pid_file}", PIDFile.read) if has_pid_file else None
        except CorruptFile as error:
            problems.append(str(error))
            pid_file_broken = True
        process = _owner(pid_file, holders)
        try:
            path = f"{self._state_file_dir}/{names.state_file}"
            ports = names.kept(path, read_state_file) if has_state else Ports()
        except CorruptFile as error:
            problems.append(str(error))
        vm = VMStatus(
            files,
            State.STOPPED,
            action=current_action(files.lock) if has_lock else None,
            disk_bytes=info.st_blocks * 512 if info and disk.image else None,
            disk_virtual_bytes=disk.image.virtual_bytes if disk.image else None,
        )
        if process is None:
            by_guest = pid_file is not None and not left and self._powered_off(names, pid_file)
            vm = _without_process(vm, pid_file, left, problems, by_guest=by_guest)
            if quiet:
                self._stopped[names.image] = (disk, blocks, vm)
            return vm
        named = pid_file is not None and pid_file.pid == process.pid and process.matches(pid_file.data)
        if not named and not pid_file_broken:
            problems.append(f"QEMU runs as process {process.pid} without a PID file: adopt or stop it")
        return self._with_process(vm, process, ports, orphaned=not named, problems=problems)

    def _powered_off(self, names: _Names, pid_file: PIDFile) -> bool:
        """See `powered_off`: a yes is for good, a no for a while, since who records a console may be late."""
        known, now = self._endings.get(names.image), self._clock.monotonic()
        if known is None or known.pid_file != pid_file or (not known.powered_off and now >= known.ask_at):
            known = _Ending(pid_file, powered_off(names.files, pid_file), now + RUN_STATE_INTERVAL)
            self._endings[names.image] = known
        return known.powered_off

    def _disk(self, names: _Names, info: os.stat_result | None, look: _Look) -> _Disk:
        """The disk's header, read anew when the file has changed, and whether the file it is based on is there."""
        files = names.files
        if info is None:
            return _Disk((0, 0, 0, 0), None, f"there is no image {files.image}: put it back, or delete the machine")
        version = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns)
        disk = self._disks.get(names.image)
        if disk is None or disk.version != version:
            try:
                disk = _Disk(version, read_image(files.image), "")
            except InvalidImage as error:
                disk = _Disk(version, None, str(error))
            self._disks[names.image] = disk
        backing = disk.image.backing_file if disk.image else None
        if backing is None:
            return disk
        if backing not in look.bases:
            look.bases[backing] = missing_base(files.image, backing)
        gone = look.bases[backing]
        return disk._replace(problem=gone) if gone else disk

    def _with_process(
        self, vm: VMStatus, process: QemuProcess, ports: Ports, *, orphaned: bool, problems: list[str]
    ) -> VMStatus:
        machine = read_machine(process.arguments)
        sample = self._sampler.sample(process)
        state = State.RUNNING
        suspended = self._processes.suspended(process)
        if suspended:
            problems.append(f"a signal has suspended QEMU, process {process.pid}: resume it, or stop it")
        if vm.action is not None and _verb_state(vm.action) is not None:
            state = _verb_state(vm.action) or state
        elif orphaned:
            state = State.ORPHANED
        elif suspended or self._paused(process, machine):
            state = State.PAUSED
        return replace(
            vm,
            state=state,
            problem="; ".join(problems) or None,
            pid=process.pid,
            started_at=process.started_at,
            cpu_percent=sample.cpu_percent if sample else None,
            memory_bytes=sample.memory_bytes if sample else None,
            disk_read_rate=sample.disk_read_rate if sample else None,
            disk_write_rate=sample.disk_write_rate if sample else None,
            memory_limit_bytes=machine.memory_bytes,
            cpus=machine.cpus,
            ports=ports if any(ports.items()) else ports_of(process.arguments),
            accelerator=machine.accelerator,
            arguments=process.arguments,
            console=machine.console,
            qmp=machine.qmp,
            hint=self._hint(vm.files),
        )

    def _hint(self, files: VMFiles) -> str | None:
        down = self.local_server is not None and not self.local_server.running
        return SERVER_DOWN if down and files.made_by_podplane else None

    def _paused(self, process: QemuProcess, machine: Machine) -> bool:
        known = self._run_states.get(machine.qmp) if machine.qmp is not None else None
        return known is not None and known.ticks == process.create_ticks and known.state == "paused"


def status_of(files: VMFiles) -> VMStatus | None:
    """The VM of `files` now; None when nothing of it exists. Never raises."""
    inventory = Inventory(files.data_dir, files.runtime_dir, state_dir=files.state_dir)
    return inventory.find(files.cluster_id, files.arch)


@lru_cache(maxsize=2**15)
def _parse(name: str, suffix: str) -> tuple[str, str] | None:
    """Whose file it is; None for a name that no machine can have."""
    key = parse_stem(name, suffix)
    return None if key is None or key[0] in RESERVED_CLUSTER_IDS else key


def _names(directory: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(directory))  # noqa: PTH208 - names are all that is needed, thousands of them
    except OSError:
        return frozenset()


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:
        return None  # gone since it was listed, or a link that leads nowhere


def _verb_state(action: Action) -> State | None:
    """The state that a verb in progress puts a live machine in; None for verbs that change none."""
    verb = action.phase or action.verb
    return {"start": State.STARTING, "stop": State.STOPPING, "restart": State.STOPPING}.get(verb)


def _owner(pid_file: PIDFile | None, holders: list[QemuProcess]) -> QemuProcess | None:
    """Of those that have the disk, the one its PID file names if that is proved, else any."""
    for process in holders:
        if pid_file is not None and process.pid == pid_file.pid and process.matches(pid_file.data):
            return process
    return holders[0] if holders else None


def _without_process(
    vm: VMStatus, pid_file: PIDFile | None, sockets: tuple[str, ...], problems: list[str], *, by_guest: bool
) -> VMStatus:
    if vm.action is not None and vm.action.verb in {"start", "restart"}:
        return replace(vm, state=State.STARTING)
    if problems:
        return replace(vm, state=State.BROKEN, problem="; ".join(problems))
    if by_guest:
        return replace(vm, hint=POWERED_OFF)
    left = [", ".join(sockets)] if sockets else []
    if pid_file is not None:
        left.append(f"a PID file that names process {pid_file.pid}, which is not its QEMU")
    if left:
        problem = f"QEMU is gone and left {' and '.join(left)}: repair or start it"
        return replace(vm, state=State.CRASHED, problem=problem)
    return vm
