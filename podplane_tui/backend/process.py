"""Which QEMU process is whose. Alive means the same process, not the same number.

A process is a machine's QEMU when its program is a QEMU, it is run by this user, and its arguments open the machine's
disk (the same file, however the path is spelled). Where its PID file recorded start ticks and boot id, they must agree
too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import psutil

from podplane_tui.backend.arguments import disks_of
from podplane_tui.backend.errors import ForeignProcess

TICKS_KEY = "create_ticks"
BOOT_ID_KEY = "boot_id"

_SUSPENDED = frozenset({"T", "t", psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP})


def _since_boot() -> float:
    """Seconds since the host booted, sleep included. The system clock may jump; this does not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.time() - psutil.boot_time()


class Clock(NamedTuple):
    """The clocks that processes are measured with, all in seconds."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    since_boot: Callable[[], float] = _since_boot


class QemuProcess(NamedTuple):
    """A live QEMU of this user: its PID, arguments (program included), disks and start.

    `create_ticks` is the start time in clock ticks since boot on Linux (proc(5), field 22), in microseconds since the
    epoch elsewhere; `started_at` is in seconds since the epoch, by the clock at the time of the first look.
    """

    pid: int
    create_ticks: str
    started_at: float
    arguments: tuple[str, ...]
    disks: tuple[Path, ...]

    def has_disk(self, image: Path) -> bool:
        """Whether `image` is one of its disks. A disk removed under it still counts by its path."""
        for disk in self.disks:
            try:
                if disk.samefile(image):
                    return True
            except OSError:
                if os.path.normpath(disk) == os.path.normpath(image) and not image.exists():
                    return True
        return False

    def matches(self, data: Mapping[str, str] | None) -> bool:
        """Whether what a PID file recorded of its process, if anything, is true of this one."""
        recorded = data or {}
        ticks, boot = recorded.get(TICKS_KEY), recorded.get(BOOT_ID_KEY)
        return (ticks is None or ticks == self.create_ticks) and (boot is None or boot == boot_id())

    def alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        return create_ticks(self.pid) == self.create_ticks

    def suspended(self) -> bool:
        """Whether a signal (SIGSTOP, Ctrl-Z) or a debugger holds it: then QMP and the guest stand still."""
        stat = _stat(self.pid)
        return stat is not None and stat.ticks == self.create_ticks and stat.state in _SUSPENDED

    def age(self, clock: Clock) -> float:
        """Seconds since its start, whatever became of the system clock meanwhile."""
        if sys.platform == "linux":
            return clock.since_boot() - int(self.create_ticks) / _TICKS_PER_SECOND
        return clock.wall() - self.started_at

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
                f"not allowed to signal process {self.pid}: it belongs to another user, who has to stop it"
            ) from error
        return True


_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@cache
def boot_id() -> str:
    """What tells this boot of the host from any other; read once, for it is another program's after the next boot."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return str(int(psutil.boot_time()))


# Other refusals (no more descriptors, no memory) say nothing about the process: they are passed on.
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


_PIECE = 16 * 1024


def _read(path: str) -> bytes:
    """A file of /proc, at a third of what `open` costs: there is one for every process every second."""
    handle = os.open(path, os.O_RDONLY)
    try:
        content = piece = os.read(handle, _PIECE)
        while len(piece) == _PIECE:
            piece = os.read(handle, _PIECE)
            content += piece
        return content
    finally:
        os.close(handle)


class _Stat(NamedTuple):
    ticks: str
    name: str
    state: str


def _stat(pid: int) -> _Stat | None:
    """What tells process `pid` from others, and its state; None when there is none or it is a zombie."""
    if sys.platform == "linux":
        try:
            stat = _read(f"/proc/{pid}/stat")
        except _GONE:
            return None
        # The program's name stands in parentheses and may hold anything: count from the last one.
        end = stat.rfind(b")")
        fields = stat[end + 2 :].split()
        if fields[0] in {b"Z", b"X"}:
            return None
        name = stat[stat.find(b"(") + 1 : end].decode("utf-8", "replace")
        return _Stat(fields[19].decode("ascii"), name, fields[0].decode("ascii"))
    try:
        process = psutil.Process(pid)
        state = process.status()
        if state == psutil.STATUS_ZOMBIE:
            return None
        return _Stat(str(int(process.create_time() * 1_000_000)), process.name(), state)
    except psutil.Error:
        return None


def create_ticks(pid: int) -> str | None:
    """What to record of a process we started so that it can be recognised; None when it is gone."""
    stat = _stat(pid)
    return None if stat is None else stat.ticks


def is_qemu_program(name: str) -> bool:
    """Whether a program of this name runs machines (`qemu-img` and the like do not)."""
    base = name.rpartition("/")[2]
    return "qemu-system" in base or "qemu-kvm" in base


def look(pid: int, clock: Clock | None = None) -> QemuProcess | None:
    """Process `pid` if it is a live QEMU of this user, else None. Raises `OSError` when the system tells nothing."""
    ticks = create_ticks(pid)
    return None if ticks is None else _look(pid, ticks, clock or Clock())


def _look(pid: int, ticks: str, clock: Clock) -> QemuProcess | None:
    try:
        arguments = _arguments(pid)
        if not arguments or not is_qemu_program(arguments[0]):
            return None
        process = psutil.Process(pid)
        with process.oneshot():
            if process.uids().real != os.getuid():
                return None
            disks = tuple(Path(disk) for disk in disks_of(arguments))
            if any(not disk.is_absolute() for disk in disks):
                cwd = Path(process.cwd())
                disks = tuple(cwd / disk for disk in disks)
            if sys.platform == "linux":
                # psutil adds the boot time, which follows every jump of the system clock.
                started_at = round(clock.wall() - (clock.since_boot() - int(ticks) / _TICKS_PER_SECOND), 2)
            else:
                started_at = process.create_time()
    except (psutil.Error, *_GONE, ValueError):
        return None
    return QemuProcess(pid, ticks, started_at, arguments, disks)


def qemus() -> Iterator[QemuProcess]:
    """The live QEMUs of this user, for who looks once. Raises `OSError` when the system tells nothing."""
    for pid in psutil.pids():
        try:
            arguments = _arguments(pid)
        except (psutil.Error, *_GONE):
            continue
        if arguments and is_qemu_program(arguments[0]):
            process = look(pid)
            if process is not None:
                yield process


def _arguments(pid: int) -> tuple[str, ...]:
    if sys.platform == "linux":
        # As psutil, at a tenth of the cost: this is asked of every process there is.
        return tuple(os.fsdecode(_read(f"/proc/{pid}/cmdline")).split("\0")[:-1])
    return tuple(psutil.Process(pid).cmdline())


_SETTLING_LOOKS = 3
"""How often a process that is no QEMU is looked at again: between fork and exec it is not one yet."""


class ProcessTable:
    """The QEMU processes of this user. Kept between scans, so that a process is examined once, not every second."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        # PID → what identified the process, the QEMU found in it, and how often it was looked at.
        self._known: dict[int, tuple[tuple[str, str], QemuProcess | None, int]] = {}

    def scan(self) -> tuple[QemuProcess, ...]:
        """All of them now, by PID. Raises `OSError` when the system tells nothing (out of descriptors or memory)."""
        known: dict[int, tuple[tuple[str, str], QemuProcess | None, int]] = {}
        for pid in psutil.pids():
            stat = _stat(pid)
            if stat is None:
                continue
            identity = (stat.ticks, stat.name)
            entry = self._known.get(pid)
            if entry is None or entry[0] != identity:
                entry = (identity, _look(pid, stat.ticks, self._clock), 1)
            elif entry[1] is None and entry[2] < _SETTLING_LOOKS:
                entry = (identity, _look(pid, stat.ticks, self._clock), entry[2] + 1)
            known[pid] = entry
        self._known = known
        return tuple(entry[1] for entry in known.values() if entry[1] is not None)
