"""The QEMU processes of this user. Alive means the same process, not the same number.

A process is a QEMU when the file it executes has the name of one, whatever it calls itself. Whose QEMU it is, see
`podplane_tui.backend.qemu.ownership`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.errors import ForeignProcess
from podplane_tui.backend.host.holders import Listeners, Opened, opened_by, unix_listeners
from podplane_tui.backend.host.processes import (
    NO_PROCESS,
    SUSPENDED,
    Stat,
    age_of,
    arguments_of,
    directory_of,
    owner_of,
    pids,
    program_of,
    programs,
    since_boot,
    stat_of,
)
from podplane_tui.backend.qemu.arguments import disks_of, read_machine
from podplane_tui.backend.qemu.qmp import ControlSocket

TICKS_KEY = "create_ticks"
BOOT_ID_KEY = "boot_id"


class Clock(NamedTuple):
    """The clocks that processes are measured with, all in seconds."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    since_boot: Callable[[], float] = since_boot


class QemuProcess(NamedTuple):
    """A live QEMU of this user: its PID and its parent's, arguments (program included), and start.

    `disks` are the paths that its arguments name, which need not be what it has open.

    `create_ticks` is the start time in clock ticks since boot on Linux (proc(5), field 22), in microseconds since the
    epoch elsewhere; `started_at` is in seconds since the epoch, by the clock at the time of the first look.
    """

    pid: int
    create_ticks: str
    started_at: float
    arguments: tuple[str, ...]
    disks: tuple[Path, ...]
    parent: int = 0

    def names_disk(self, image: Path) -> bool:
        """Whether its arguments name the file `image` as a disk: it may have it open, or be about to open it."""
        for disk in self.disks:
            try:
                if disk.samefile(image):
                    return True
            except OSError:
                if os.path.normpath(disk) == os.path.normpath(image) and not image.exists():
                    return True
        return False

    @property
    def control(self) -> ControlSocket | None:
        """Its control socket, as its arguments name it; None when it was started without one."""
        path = read_machine(self.arguments).qmp
        if path is not None and not path.is_absolute():
            with contextlib.suppress(*NO_PROCESS):
                path = directory_of(self.pid) / path
        return None if path is None else ControlSocket(path, self.pid)

    def is_named(self, pid: int, data: Mapping[str, str] | None) -> bool:
        """Whether a PID file with this PID means it, and what the file recorded of its process, if anything, is true.

        A program that starts QEMU and waits for it has the PID that its own starter knows.
        """
        if pid == self.pid:
            return _agrees(data, self.create_ticks)
        return pid == self.parent and _agrees(data, create_ticks(pid))

    def alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        return create_ticks(self.pid) == self.create_ticks

    def suspended(self) -> bool:
        """Whether a signal (SIGSTOP, Ctrl-Z) or a debugger holds it: then QMP and the guest stand still."""
        stat = stat_of(self.pid)
        return stat is not None and stat.ticks == self.create_ticks and stat.state in SUSPENDED

    def age(self, clock: Clock) -> float:
        """Seconds since its start, whatever became of the system clock meanwhile."""
        return age_of(self.create_ticks, clock.wall(), clock.since_boot())

    def send(self, number: signal.Signals) -> bool:
        """Signal exactly this process. False when it is gone already.

        Where the kernel has process file descriptors the check and the signal can't be separated by a reused PID.
        Raises `ForeignProcess` when we are not allowed to.
        """
        try:
            if hasattr(os, "pidfd_open"):
                handle = os.pidfd_open(self.pid)
                try:
                    if not self.alive():
                        return False
                    signal.pidfd_send_signal(handle, number)
                finally:
                    os.close(handle)
            else:
                if not self.alive():
                    return False
                os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError as error:
            raise ForeignProcess(
                f"process {self.pid} belongs to another user and can't be signalled", hint="stop it as that user"
            ) from error
        return True


def _agrees(data: Mapping[str, str] | None, ticks: str | None) -> bool:
    recorded = data or {}
    boot = recorded.get(BOOT_ID_KEY)
    return recorded.get(TICKS_KEY, ticks) == ticks and (boot is None or boot == boot_id())


@cache
def boot_id() -> str:
    """What tells this boot of the host from any other; read once, for it is another program's after the next boot."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    import psutil  # noqa: PLC0415 - only where there is no such file

    return str(int(psutil.boot_time()))


def create_ticks(pid: int) -> str | None:
    """What to record of a process we started so that it can be recognised; None when it is gone."""
    stat = stat_of(pid)
    return None if stat is None else stat.ticks


def is_qemu_program(name: str) -> bool:
    """Whether a program of this name or path runs VMs (`qemu-img` and the like do not)."""
    base = name.rpartition("/")[2]
    return "qemu-system" in base or "qemu-kvm" in base


def look(pid: int) -> QemuProcess | None:
    """Process `pid` if it is a live QEMU of this user, else None. Raises `OSError` when the system tells nothing."""
    stat = stat_of(pid)
    return None if stat is None else _look(pid, stat, Clock())


def _look(pid: int, stat: Stat, clock: Clock) -> QemuProcess | None:
    try:
        if not is_qemu_program(program_of(pid)) or owner_of(pid) != os.getuid():
            return None
        arguments = arguments_of(pid)
        if not arguments:  # it is just being executed
            return None
        disks = tuple(Path(disk) for disk in disks_of(arguments))
        if any(not disk.is_absolute() for disk in disks):
            cwd = directory_of(pid)
            disks = tuple(cwd / disk for disk in disks)
    except NO_PROCESS:
        return None
    except ValueError:  # a disk whose name is none
        return None
    now = clock.wall()
    started_at = round(now - age_of(stat.ticks, now, clock.since_boot()), 2)
    return QemuProcess(pid, stat.ticks, started_at, arguments, disks, stat.parent)


def is_new(pid: int, clock: Clock) -> bool:
    """Whether process `pid` has only just begun, so that it may be about to execute another program."""
    stat = stat_of(pid)
    return stat is not None and age_of(stat.ticks, clock.wall(), clock.since_boot()) < _NEW


_NEW = 1.0
"""Seconds in which a process gets to execute its program."""


def qemus() -> Iterator[QemuProcess]:
    """The live QEMUs of this user, for who looks once. Raises `OSError` when the system tells nothing."""
    for pid, program in programs():
        if is_qemu_program(program):
            process = look(pid)
            if process is not None:
                yield process


def listening() -> Listeners:
    """`unix_listeners`, and none where the system does not tell of them. Raises `OSError` when it can't just now."""
    try:
        return unix_listeners()
    except NO_PROCESS:
        return {}


_SETTLING_LOOKS = 3
"""How often a process that is no QEMU is looked at again: between fork and exec it is not one yet."""

_YOUNG = 60.0
"""Seconds after its start within which a process is looked at in every scan: it may become another program."""

_TURNS = 5
"""Scans in which each older one that is no QEMU is looked at once."""

_OPENED_TURNS = 30
"""Scans in which what an older QEMU has open is looked at once."""


class _Known(NamedTuple):
    """A process when last looked at: `number` tells it from the next of its PID, `old_at` is seconds since boot."""

    number: int | None
    stat: Stat
    qemu: QemuProcess | None
    looks: int
    old_at: float


class ProcessTable:
    """The QEMU processes of this user. Kept between scans, so that a process is examined once, not every second."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._known: dict[int, _Known] = {}
        self._scans = 0
        self._opened: dict[tuple[int, str], Opened | None] = {}

    def scan(self) -> tuple[QemuProcess, ...]:
        """All of them now, by PID. Raises `OSError` when the system tells nothing (out of descriptors or memory)."""
        known: dict[int, _Known] = {}
        now = self._clock.since_boot()
        self._scans += 1
        for pid, number in pids().items():
            entry = self._known.get(pid)
            if (
                entry is None
                or entry.qemu is not None
                or number is None
                or number != entry.number
                or now < entry.old_at
                or (pid + self._scans) % _TURNS == 0
            ):
                entry = self._examined(pid, number, entry)
            if entry is not None:
                known[pid] = entry
        self._known = known
        self._look_at_opened(now)
        return tuple(entry.qemu for entry in known.values() if entry.qemu is not None)

    def _look_at_opened(self, now: float) -> None:
        """Find out what the QEMUs have open: the young ones, which are still opening it, at every scan."""
        opened: dict[tuple[int, str], Opened | None] = {}
        listeners: Listeners | None = None
        for pid, entry in self._known.items():
            if entry.qemu is None:
                continue
            key = (pid, entry.qemu.create_ticks)
            known = self._opened.get(key)
            if known is None or now < entry.old_at or (pid + self._scans) % _OPENED_TURNS == 0:
                with contextlib.suppress(OSError):  # out of descriptors: what was true before is the best there is
                    if listeners is None:
                        listeners = listening()
                    known = opened_by(pid, listeners) or known
            opened[key] = known
        self._opened = opened

    def opened(self, process: QemuProcess) -> Opened | None:
        """What `process` has open, as last looked at; None where that can't be told."""
        return self._opened.get((process.pid, process.create_ticks))

    def look(self, pid: int) -> QemuProcess | None:
        """Process `pid` if it is a live QEMU of this user, else None. Looks at no other; raises as `scan`."""
        entry = self._examined(pid, None, self._known.pop(pid, None))
        if entry is None:
            return None
        self._known[pid] = entry
        if entry.qemu is not None:
            self._opened[pid, entry.qemu.create_ticks] = opened_by(pid, listening())
        return entry.qemu

    def suspended(self, process: QemuProcess) -> bool:
        """`QemuProcess.suspended` as it was when the process was last looked at."""
        entry = self._known.get(process.pid)
        return entry is not None and entry.qemu is process and entry.stat.state in SUSPENDED

    def _examined(self, pid: int, number: int | None, entry: _Known | None) -> _Known | None:
        """The process now, None when it is gone. Its arguments are read only where it may have become another one."""
        stat = stat_of(pid)
        if stat is None:
            return None
        if entry is None or (entry.stat.ticks, entry.stat.name) != (stat.ticks, stat.name):
            since_boot = self._clock.since_boot()
            old_at = since_boot + _YOUNG - age_of(stat.ticks, self._clock.wall(), since_boot)
            return _Known(number, stat, _look(pid, stat, self._clock), 1, old_at)
        if entry.qemu is None and entry.looks < _SETTLING_LOOKS:
            return entry._replace(number=number, stat=stat, qemu=_look(pid, stat, self._clock), looks=entry.looks + 1)
        return entry._replace(number=number, stat=stat)
