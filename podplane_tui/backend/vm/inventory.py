"""What VMs there are and what each is doing: disk and processes → frozen values. Writes nothing, never raises.

The image and PID directories say which VMs exist, the process table which of them live. A look gathers the facts of
each; `classify` decides what they mean. Whatever is wrong with a VM, it is still a row, and its `problems` say what.

A look at all costs two directory listings, one `stat` per disk and the small files that are there; headers of disks are
read again only when the disk has changed. A look at one VM touches only its own files, and no process but its QEMU
where the PID file proves which that is.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from podplane_tui.backend.core.errors import CorruptFile, InvalidImage
from podplane_tui.backend.core.files import ASIDE
from podplane_tui.backend.core.paths import (
    ARCHITECTURES,
    CONSOLE_SUFFIX,
    IMAGE_SUFFIX,
    LOCK_SUFFIX,
    PID_SUFFIX,
    QMP_SUFFIX,
    RESERVED_CLUSTER_IDS,
    VM_PREFIX,
    VMFiles,
    parse_stem,
)
from podplane_tui.backend.core.run_states import INTERNAL_ERROR, IO_ERROR
from podplane_tui.backend.core.status import Problem, VMStatus
from podplane_tui.backend.host.filesystems import room_of
from podplane_tui.backend.host.holders import Lock, image_lock
from podplane_tui.backend.images.qcow2 import missing_base, read_image
from podplane_tui.backend.qemu import qmp
from podplane_tui.backend.qemu.log import reason_in_log
from podplane_tui.backend.qemu.metrics import Sampler
from podplane_tui.backend.qemu.ownership import Marks, answers_as_own, is_settling, owns
from podplane_tui.backend.qemu.process import Clock, ProcessTable, QemuProcess, is_new
from podplane_tui.backend.recording.shutdown import powered_off
from podplane_tui.backend.runtime.local_server import LocalServer, read_local_server
from podplane_tui.backend.runtime.lock import current_action
from podplane_tui.backend.runtime.pidfile import PIDFile
from podplane_tui.backend.runtime.ports import read_state_file
from podplane_tui.backend.vm.classify import Disk, Facts, Running, classify
from podplane_tui.backend.vm.in_use import MOMENT, Use, use_of

T = TypeVar("T")

_Key = tuple[str, str]
"""Cluster id and architecture."""

RUN_STATE_INTERVAL = 3.0
"""Seconds a QMP answer is good for: a machine is paused rarely, and every question occupies its one client's place."""

RUN_STATE_PATIENCE = 0.4
"""Seconds a look waits for all those answers together."""

ENDING = 0.5
"""Seconds after its QEMU was last seen in which a VM is shown as stopping, before it is called crashed."""

_LONGEST_INTERVAL = 60.0
"""Seconds until a machine that does not answer is asked again, at most; the interval doubles until then."""


class _RunState(NamedTuple):
    """What QMP last said of a process, when it is to be asked again (monotonic seconds), and how patiently."""

    ticks: str
    state: str
    ask_at: float
    interval: float


class _RunStates:
    """What QMP says of processes: asked seldom, all that are due at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[qmp.ControlSocket, _RunState] = {}
        self._doubted = False

    def doubt(self) -> None:
        """Whatever is known has to be asked again. Any thread."""
        self._doubted = True

    def ask(self, processes: Iterable[QemuProcess]) -> None:
        """Ask those whose last answer is old, all at once; who does not answer is asked again later and later."""
        now = self._clock.monotonic()
        if self._doubted:
            self._doubted = False
            self._known = {control: known._replace(ask_at=now) for control, known in self._known.items()}
        due: dict[qmp.ControlSocket, QemuProcess] = {}
        for process in processes:
            control = process.control
            if control is None or not os.path.exists(control.path):  # noqa: PTH110 - never raises
                continue
            known = self._of(process, control)
            if known is None or now >= known.ask_at:
                due[control] = process
        if not due:
            return
        answers = qmp.run_states(tuple(due), timeout=RUN_STATE_PATIENCE)
        for control, process in due.items():
            known = self._of(process, control)
            answer, interval = answers.get(control), RUN_STATE_INTERVAL
            if answer is None:
                # Busy or hanging: what was true before is the best there is to say.
                answer = known.state if known else ""
                interval = min(_LONGEST_INTERVAL, known.interval * 2 if known else RUN_STATE_INTERVAL)
            ask_at = self._clock.monotonic() + interval
            self._known[control] = _RunState(process.create_ticks, answer, ask_at, interval)

    def latest(self, process: QemuProcess) -> str:
        """Its latest answer; "" where there was none."""
        control = process.control
        known = None if control is None else self._of(process, control)
        return "" if known is None else known.state

    def _of(self, process: QemuProcess, control: qmp.ControlSocket) -> _RunState | None:
        known = self._known.get(control)
        return known if known is not None and known.ticks == process.create_ticks else None


class _KnownDisk(NamedTuple):
    """What a disk's header says, and the file it is based on, for as long as `version` is that of the file."""

    version: tuple[int, int, int, int, int]
    disk: Disk
    backing: str | None


class _Ending(NamedTuple):
    """Whether the guest of the QEMU that a PID file names was found to have powered off, asked again at `ask_at`."""

    pid_file: PIDFile
    powered_off: bool
    ask_at: float


class _Names:
    """One VM's files, with the names that every pass looks for, and what the small ones held."""

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


class _Existing(NamedTuple):
    """Which files exist, by their names: disks, what is in the PID directory, and state files."""

    disks: Mapping[str, os.DirEntry[str] | Path]
    runtime: Set[str]
    states: Set[str]


class _Look(NamedTuple):
    """What one pass has gathered before it turns to single VMs: files, and every QEMU by what it has open.

    `users` are by device and inode of a file, `removed` by the path of one that is gone, `listeners` by that of a
    socket, whose directory is spelled without links, as is `pid_dir`; the `hidden` do not tell. `owners` are the own
    QEMUs of the VMs that were asked about so far, by the name of the disk.
    """

    existing: _Existing
    processes: Sequence[QemuProcess]
    users: Mapping[tuple[int, int], list[QemuProcess]]
    removed: Mapping[str, list[QemuProcess]]
    listeners: Mapping[str, list[QemuProcess]]
    pid_dir: str
    hidden: Sequence[QemuProcess]
    owners: dict[str, QemuProcess | None]
    bases: dict[str, str | None]
    uses: Mapping[str, Use]


class Inventory:
    """Looks at the VMs below podplane's data and runtime directories. Belongs to one thread.

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
        self._run_states = _RunStates(self._clock)
        self._names: dict[_Key, _Names] = {}
        self._disks: dict[str, _KnownDisk] = {}
        self._endings: dict[str, _Ending] = {}
        self._uses: dict[str, Use] = {}
        self._lived: set[str] = set()
        self._gone: dict[str, float] = {}
        self._answered: dict[tuple[int, str], Path] = {}
        self._latest: dict[str, tuple[Facts, VMStatus]] = {}
        self.local_server: LocalServer | None = None
        """podplane's local server as the latest pass found it."""

    def statuses(self) -> tuple[VMStatus, ...]:
        """Every VM now, by cluster id and architecture.

        `cpu_percent` is over the time since this inventory last looked at the VM, at first since the VM's start.
        """
        look = self._gather(self._all_existing(), self._scan())
        everyone = self._everyone(look)
        locks = self._locks(everyone, look)
        if self._are_new(locks) or self._is_one_beginning(everyone, look):
            time.sleep(MOMENT)  # somebody reads a header, or a QEMU has begun since the processes were looked at
            look = self._gather(self._all_existing(), self._scan())
            everyone = self._everyone(look)
            locks = self._locks(everyone, look)
        found = self._statuses(everyone, look, locks)
        self._forget(everyone)
        return found

    def doubt(self) -> None:
        """Something was done to a VM: the next pass asks QEMU again, however fresh its answers. Any thread."""
        self._run_states.doubt()

    def of_cluster(self, cluster_id: str) -> tuple[VMStatus, ...]:
        """One cluster's VMs now, by architecture."""
        return self._those([(cluster_id, arch) for arch in ARCHITECTURES])

    def find(self, cluster_id: str, arch: str) -> VMStatus | None:
        """One VM now; None when nothing of it exists."""
        return next(iter(self._those([(cluster_id, arch)])), None)

    def _those(self, keys: Iterable[_Key]) -> tuple[VMStatus, ...]:
        """Those of these VMs of which anything exists. Nothing of the others is looked at, not even their names."""
        wanted = [self._names_of(key) for key in keys if _parse(_stem(key) + IMAGE_SUFFIX, IMAGE_SUFFIX) == key]
        existing = self._existing_of(wanted)
        look = self._gather(existing, self._named_processes(wanted, existing))
        if not all(self._is_proved(names, look) for names in wanted):
            # There may be others that have the disk, and only the process table tells.
            look = self._gather(existing, self._scan())
            if self._are_new(self._locks(wanted, look)) or self._is_one_beginning(wanted, look):
                time.sleep(MOMENT)
                look = self._gather(self._existing_of(wanted), self._scan())
        return self._statuses(
            [names for names in self._everyone(look) if names in wanted], look, self._locks(wanted, look)
        )

    # Once per pass

    def _scan(self) -> tuple[QemuProcess, ...]:
        """Every QEMU of this user."""
        with contextlib.suppress(OSError):  # out of descriptors or memory: what was true before is the best there is
            self._alive = self._processes.scan()
        self._sampler.forget({(p.pid, p.create_ticks) for p in self._alive})
        return self._alive

    def _named_processes(self, wanted: Iterable[_Names], existing: _Existing) -> list[QemuProcess]:
        """The QEMUs that the PID files of these VMs name."""
        processes: dict[int, QemuProcess] = {}
        for names in wanted:
            pid_file, _ = self._pid_file(names, existing)
            with contextlib.suppress(OSError):
                process = None if pid_file is None else self._processes.look(pid_file.pid)
                if process is not None:
                    processes[process.pid] = process
        return list(processes.values())

    def _is_proved(self, names: _Names, look: _Look) -> bool:
        """Whether the PID file names the VM's own QEMU."""
        pid_file, _ = self._pid_file(names, look.existing)
        return _is_named(pid_file, self._owner(names, look))

    def _owner(self, names: _Names, look: _Look) -> QemuProcess | None:
        """The VM's own QEMU, the one that the PID file names first."""
        if names.image in look.owners:
            return look.owners[names.image]
        info, pid_file = _info(names, look), self._pid_file(names, look.existing)[0]
        if info is None:
            found = look.removed.get(os.path.realpath(names.files.image), ()) if look.removed else ()
        else:
            found = look.users.get((info.st_dev, info.st_ino), ())
        owner = None
        if found:
            disk = None if info is None else (info.st_dev, info.st_ino)
            marks = Marks(names.files.image, disk, (names.files.console, names.files.qmp))
            for process in sorted(found, key=lambda process: not _is_named(pid_file, process)):
                recorded = pid_file.data if pid_file is not None and pid_file.pid == process.pid else None
                if owns(process, self._processes.opened(process), marks, recorded):
                    owner = process
                    break
        owner = owner or next((process for process in look.hidden if self._answers(process, names.files)), None)
        look.owners[names.image] = owner
        return owner

    def _answers(self, process: QemuProcess, files: VMFiles) -> bool:
        """See `answers_as_own`; asked again only after a no."""
        key = (process.pid, process.create_ticks)
        if self._answered.get(key) == files.image:
            return True
        if not answers_as_own(process, files, polling=True):
            return False
        self._answered[key] = files.image
        return True

    def _settling(self, names: _Names, look: _Look, pid_file: PIDFile | None) -> QemuProcess | None:
        """A QEMU that has just been started with the disk, and is named by the PID file."""
        if pid_file is None:
            return None
        named = (process for process in look.processes if _is_named(pid_file, process))
        with contextlib.suppress(OSError):
            return next((each for each in named if is_settling(each, names.files, self._clock)), None)
        return None

    def _stranger(self, names: _Names, look: _Look) -> QemuProcess | None:
        """A QEMU that listens on the VM's sockets. Asked for where the VM has none of its own."""
        sockets = (f"{look.pid_dir}/{names.console}", f"{look.pid_dir}/{names.qmp}")
        return next((process for path in sockets for process in look.listeners.get(path, ())), None)

    def _all_existing(self) -> _Existing:
        disks: dict[str, os.DirEntry[str] | Path] = {}
        with contextlib.suppress(OSError), os.scandir(self._image_dir) as entries:
            disks = {entry.name: entry for entry in entries if entry.name.endswith(IMAGE_SUFFIX)}
        return _Existing(disks, _listed(self._pid_dir), _listed(self._state_file_dir))

    def _existing_of(self, wanted: Iterable[_Names]) -> _Existing:
        disks: dict[str, os.DirEntry[str] | Path] = {}
        runtime: set[str] = set()
        states: set[str] = set()
        for names in wanted:
            if os.path.lexists(names.files.image):
                disks[names.image] = names.files.image
            runtime.update(
                name
                for name in (names.pid_file, names.console, names.qmp, names.lock)
                if os.path.lexists(f"{self._pid_dir}/{name}")
            )
            if os.path.lexists(names.files.state_file):
                states.add(names.state_file)
        return _Existing(disks, runtime, states)

    def _gather(self, existing: _Existing, processes: Iterable[QemuProcess]) -> _Look:
        processes = tuple(processes)
        users: dict[tuple[int, int], list[QemuProcess]] = {}
        removed: dict[str, list[QemuProcess]] = {}
        listeners: dict[str, list[QemuProcess]] = {}
        hidden: list[QemuProcess] = []
        real = lru_cache(maxsize=None)(os.path.realpath)  # for this pass: what a link leads to may change
        for process in processes:
            opened = self._processes.opened(process)
            if opened is None:
                hidden.append(process)
            else:
                for file in opened.writes | opened.reads:
                    users.setdefault(file, []).append(process)
                for path in opened.removed:
                    removed.setdefault(path, []).append(process)
                for path in opened.listens:
                    directory, name = os.path.split(path)
                    listeners.setdefault(f"{real(directory)}/{name}", []).append(process)
        return _Look(existing, processes, users, removed, listeners, real(self._pid_dir), hidden, {}, {}, {})

    def _everyone(self, look: _Look) -> list[_Names]:
        """Every VM of which the look has a disk, also one that was removed from under its QEMU, or a PID file.

        Sockets alone are no VM: podplane's own stop and delete leave them.
        """
        keys = {key for name in look.existing.disks if (key := _parse(name, IMAGE_SUFFIX))}
        keys.update(key for name in look.existing.runtime if (key := _parse(name, PID_SUFFIX)))
        image_dir = os.path.realpath(self._image_dir) if look.removed else ""
        for path in look.removed:
            folder, name = os.path.split(path)
            if folder == image_dir and (key := _parse(name, IMAGE_SUFFIX)):
                keys.add(key)
        return [self._names_of(key) for key in sorted(keys)]

    def _names_of(self, key: _Key) -> _Names:
        names = self._names.get(key)
        if names is None:
            files = VMFiles(key[1], key[0], self.data_dir, self.runtime_dir, self.state_dir)
            names = self._names[key] = _Names(files)
        return names

    def _statuses(self, machines: Iterable[_Names], look: _Look, locks: Mapping[str, Lock]) -> tuple[VMStatus, ...]:
        self.local_server = read_local_server(self.runtime_dir)
        machines = tuple(machines)
        own = [process for names in machines if (process := self._owner(names, look)) is not None]
        self._run_states.ask(process for process in own if not self._processes.suspended(process))
        self._uses = self._uses_of(locks)
        look = look._replace(uses=self._uses)
        return tuple(self._status(names, look) for names in machines)

    def _locks(self, machines: Iterable[_Names], look: _Look) -> dict[str, Lock]:
        """By the name of the disk what it is locked for, of those that somebody has locked and no QEMU of ours has."""
        locks = {}
        for names in machines:
            info = _info(names, look)
            if info is not None and self._owner(names, look) is None:
                lock = image_lock(names.files.image)
                if lock > Lock.NONE:
                    locks[names.image] = lock
        return locks

    def _is_one_beginning(self, machines: Iterable[_Names], look: _Look) -> bool:
        """Whether a PID file names a process that has only just begun, and is not seen to be a QEMU yet."""
        for names in machines:
            if names.pid_file in look.existing.runtime and self._owner(names, look) is None:
                pid_file, _ = self._pid_file(names, look.existing)
                known = {process.pid for process in look.processes}
                if pid_file is not None and pid_file.pid not in known and is_new(pid_file.pid, self._clock):
                    return True
        return False

    def _are_new(self, locks: Mapping[str, Lock]) -> bool:
        """Whether a disk is locked that was not in the pass before."""
        return not locks.keys() <= self._uses.keys()

    def _uses_of(self, locks: Mapping[str, Lock]) -> dict[str, Use]:
        """Who uses the disks that are locked. Who that is is found out once: it takes a look at every process."""
        uses = {}
        for name, lock in locks.items():
            known = self._uses.get(name)
            if known is not None and known.lock is lock:
                uses[name] = known
            else:
                with contextlib.suppress(OSError):
                    uses[name] = use_of(Path(self._image_dir, name), lock)
        return uses

    def _forget(self, machines: list[_Names]) -> None:
        """Drop what is kept of VMs that are gone."""
        if len(machines) == len(self._names):
            return
        images = {names.image for names in machines}
        for key, names in list(self._names.items()):
            if names.image not in images:
                del self._names[key]
                self._latest.pop(names.image, None)
                self._disks.pop(names.image, None)
                self._endings.pop(names.image, None)
                self._lived.discard(names.image)
                self._gone.pop(names.image, None)

    # Once per VM

    def _status(self, names: _Names, look: _Look) -> VMStatus:
        try:
            facts = self._facts(names, look)
        except (OSError, ValueError) as error:
            facts = Facts(names.files, refusal=str(error.strerror if isinstance(error, OSError) else error))
        latest = self._latest.get(names.image)
        if latest is None or latest[0] != facts:
            latest = self._latest[names.image] = (facts, classify(facts))
        return latest[1]

    def _facts(self, names: _Names, look: _Look) -> Facts:
        runtime, info = look.existing.runtime, _info(names, look)
        pid_file, pid_file_problem = self._pid_file(names, look.existing)
        sockets = tuple([name for name in (names.console, names.qmp) if name in runtime])
        process, settling, stranger = self._owner(names, look), None, None
        if process is None:
            settling = self._settling(names, look, pid_file)
            stranger = self._stranger(names, look)
        running, ended_by_guest, server_needed = None, False, False
        if process is not None:
            running = self._running(names, process, named=_is_named(pid_file, process))
            server_needed = self._server_is_down() and names.files.made_by_podplane
        elif settling is not None:
            running = self._running(names, settling, named=True)._replace(settled=False)
        elif pid_file is not None and not sockets:
            ended_by_guest = self._powered_off(names, pid_file)
        return Facts(
            names.files,
            None if info is None else self._disk(names, look, info),
            pid_file,
            pid_file_problem,
            self._state_file_problem(names, look.existing),
            None if process is not None else self._socket_problem(sockets),
            sockets,
            current_action(names.files.lock) if names.lock in runtime else None,
            running,
            look.uses.get(names.image),
            stranger,
            self._is_ending(names, running),
            ended_by_guest,
            server_needed,
        )

    def _is_ending(self, names: _Names, running: Running | None) -> bool:
        """Whether the VM's QEMU was there a moment ago: whoever has ended it gets to clear what it left."""
        now = self._clock.monotonic()
        if running is not None:
            self._gone.pop(names.image, None)
            self._lived.add(names.image)
        elif names.image in self._lived:
            self._lived.discard(names.image)
            self._gone[names.image] = now
        return now - self._gone.get(names.image, -ENDING) < ENDING

    def _pid_file(self, names: _Names, existing: _Existing) -> tuple[PIDFile | None, Problem | None]:
        """What the PID file says, or what is wrong with it."""
        if names.pid_file not in existing.runtime:
            return None, None
        try:
            return names.kept(f"{self._pid_dir}/{names.pid_file}", PIDFile.read), None
        except CorruptFile as error:
            return None, Problem.of(error)

    def _state_file_problem(self, names: _Names, existing: _Existing) -> Problem | None:
        """What is wrong with the state file, if anything. Which ports it names counts for nothing here."""
        if names.state_file not in existing.states:
            return None
        try:
            names.kept(f"{self._state_file_dir}/{names.state_file}", read_state_file)
        except CorruptFile as error:
            return Problem.of(error)
        return None

    def _socket_problem(self, sockets: Iterable[str]) -> Problem | None:
        """What stands where a socket has to be, and is none: it would be in the way of a start."""
        for name in sockets:
            with contextlib.suppress(OSError):
                if not stat.S_ISSOCK(os.lstat(f"{self._pid_dir}/{name}").st_mode):
                    return Problem(f"{self._pid_dir}/{name} is not a socket", ASIDE)
        return None

    def _powered_off(self, names: _Names, pid_file: PIDFile) -> bool:
        """See `powered_off`: a yes is for good, a no for a while, since who records a console may be late."""
        known, now = self._endings.get(names.image), self._clock.monotonic()
        if known is None or known.pid_file != pid_file or (not known.powered_off and now >= known.ask_at):
            known = _Ending(pid_file, powered_off(names.files, pid_file), now + RUN_STATE_INTERVAL)
            self._endings[names.image] = known
        return known.powered_off

    def _disk(self, names: _Names, look: _Look, info: os.stat_result) -> Disk:
        """The disk's header, read anew when the file has changed, and whether the file it is based on is there."""
        version = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_blocks)
        known = self._disks.get(names.image)
        if known is None or known.version != version:
            try:
                image = read_image(names.files.image)
                known = _KnownDisk(version, Disk(info.st_blocks * 512, image.virtual_bytes), image.backing_file)
            except InvalidImage as error:
                known = _KnownDisk(version, Disk(None, None, Problem.of(error)), None)
            self._disks[names.image] = known
        if known.backing is None:
            return known.disk
        if known.backing not in look.bases:
            look.bases[known.backing] = missing_base(names.files.image, known.backing)
        gone = look.bases[known.backing]
        return known.disk._replace(problem=Problem(gone)) if gone else known.disk

    def _running(self, names: _Names, process: QemuProcess, *, named: bool) -> Running:
        run_state = self._run_states.latest(process)
        return Running(
            process,
            named,
            suspended=self._processes.suspended(process),
            run_state=run_state,
            room=room_of(names.files.image) if run_state == IO_ERROR else None,
            words=names.kept(str(names.files.qemu_log), reason_in_log) if run_state == INTERNAL_ERROR else "",
            sample=self._sampler.sample(process),
        )

    def _server_is_down(self) -> bool:
        return self.local_server is not None and not self.local_server.running


def status_of(files: VMFiles) -> VMStatus | None:
    """The VM of `files` now; None when nothing of it exists. Never raises."""
    inventory = Inventory(files.data_dir, files.runtime_dir, state_dir=files.state_dir)
    return inventory.find(files.cluster_id, files.arch)


@lru_cache(maxsize=2**15)
def _parse(name: str, suffix: str) -> _Key | None:
    """Whose file it is; None for a name that no VM can have."""
    key = parse_stem(name, suffix)
    return None if key is None or key[0] in RESERVED_CLUSTER_IDS else key


def _stem(key: _Key) -> str:
    return f"{VM_PREFIX}{key[0]}.{key[1]}"


def _listed(directory: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(directory))  # noqa: PTH208 - names are all that is needed, thousands of them
    except OSError:
        return frozenset()


def _info(names: _Names, look: _Look) -> os.stat_result | None:
    """What the VM's disk is. None without one, also where it is gone since it was listed, or a link to nowhere."""
    entry = look.existing.disks.get(names.image)
    try:
        return None if entry is None else entry.stat()
    except OSError:
        return None


def _is_named(pid_file: PIDFile | None, process: QemuProcess | None) -> bool:
    return pid_file is not None and process is not None and process.is_named(pid_file.pid, pid_file.data)
