"""What the system tells of processes: Linux in /proc, others through psutil.

/proc is read directly because it is asked of every process every second, and because importing psutil takes longer than
a whole look at machines of which none runs.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Stat(NamedTuple):
    """What tells a process from others, its state, and the process that started it.

    `ticks` is the start time in clock ticks since boot on Linux (proc(5), field 22), in microseconds since the epoch
    elsewhere. `parent` is a PID: 1, or that of a subreaper, once the starter has ended.
    """

    ticks: str
    name: str
    state: str
    parent: int = 0


class Usage(NamedTuple):
    """What a process has used since its start, in seconds of CPU, and the bytes it has resident.

    `disk` is what it read from and wrote to the storage, in bytes; None where the system does not tell (macOS).
    """

    cpu: float
    resident: int
    disk: tuple[int, int] | None


if sys.platform == "linux":
    SUSPENDED = frozenset({"T", "t"})
    NO_PROCESS: tuple[type[Exception], ...] = (FileNotFoundError, ProcessLookupError, PermissionError)
    """Raised when there is no such process, or it is not for us to look at.

    Other refusals (no more descriptors, no memory) say nothing about the process: they are passed on.
    """
    _TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
    _PAGE = os.sysconf("SC_PAGE_SIZE")
    _TRAFFIC = re.compile(rb"^read_bytes: (\d+)\nwrite_bytes: (\d+)$", re.MULTILINE)
    _PIECE = 16 * 1024

    def _read(path: str) -> bytes:
        """A file of /proc, at a third of what `open` costs."""
        handle = os.open(path, os.O_RDONLY)
        try:
            content = piece = os.read(handle, _PIECE)
            while len(piece) == _PIECE:
                piece = os.read(handle, _PIECE)
                content += piece
            return content
        finally:
            os.close(handle)

    def since_boot() -> float:
        """Seconds since the host booted, sleep included. The system clock may jump; this does not."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def pids() -> dict[int, int | None]:
        """The processes there are, in order, each with a number that the next one of its PID will not have.

        That is the inode of its directory; None where there is no such thing. Raises `OSError`.
        """
        with os.scandir("/proc") as entries:
            return dict(sorted((int(entry.name), entry.inode()) for entry in entries if entry.name.isdecimal()))

    def programs() -> Iterator[tuple[int, str]]:
        """The processes there are, each with its program as `program_of` gives it. Raises `OSError`.

        Without those that have none or are not for us to look at.
        """
        for name in os.listdir("/proc"):  # noqa: PTH208 - names alone
            if name.isdecimal():
                try:
                    yield int(name), program_of(int(name))
                except NO_PROCESS:
                    continue

    def program_of(pid: int) -> str:
        """The file that it executes, whatever its arguments say. Raises `NO_PROCESS`, `OSError`.

        The kernel adds ` (deleted)` when that file is no longer there, as after an upgrade. Of a program that has
        capabilities of its own, or may not be read, it tells nobody: then it is what the arguments say.
        """
        try:
            return os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - not relative to anything
        except PermissionError:
            return next(iter(arguments_of(pid)), "")

    def _stat(pid: int) -> tuple[bytes, list[bytes]]:
        """Its program's name, and the fields behind that: the first of them is the third of proc(5)."""
        stat = _read(f"/proc/{pid}/stat")
        # The name stands in parentheses and may hold anything: count from the last one.
        end = stat.rfind(b")")
        return stat[stat.find(b"(") + 1 : end], stat[end + 2 :].split()

    def stat_of(pid: int) -> Stat | None:
        """Process `pid`; None when there is none or it is a zombie. Raises `OSError`."""
        try:
            name, fields = _stat(pid)
        except NO_PROCESS:
            return None
        if fields[0] in {b"Z", b"X"}:
            return None
        state, parent = fields[0].decode("ascii"), int(fields[1])
        return Stat(fields[19].decode("ascii"), name.decode("utf-8", "replace"), state, parent)

    def usage_of(pid: int, ticks: str) -> Usage | None:
        """What the process of that start has used; None when it is gone. Raises `OSError`."""
        try:
            _, fields = _stat(pid)
            resident = int(_read(f"/proc/{pid}/statm").split(maxsplit=2)[1]) * _PAGE
        except NO_PROCESS:
            return None
        if fields[19] != ticks.encode("ascii"):
            return None
        try:
            traffic = _TRAFFIC.search(_read(f"/proc/{pid}/io"))
        except NO_PROCESS:
            traffic = None
        cpu = (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
        return Usage(cpu, resident, (int(traffic[1]), int(traffic[2])) if traffic else None)

    def arguments_of(pid: int) -> tuple[str, ...]:
        """Its program and arguments. Raises `NO_PROCESS`, `OSError`."""
        return tuple(os.fsdecode(_read(f"/proc/{pid}/cmdline")).split("\0")[:-1])

    def owner_of(pid: int) -> int:
        """Its real user. Raises `NO_PROCESS`, `OSError`."""
        real = _read(f"/proc/{pid}/status").partition(b"\nUid:")[2]  # the effective one and two others follow
        return int(real.split(maxsplit=1)[0])

    def directory_of(pid: int) -> Path:
        """Its working directory. Raises `NO_PROCESS`, `OSError`."""
        return Path(os.readlink(f"/proc/{pid}/cwd"))  # noqa: PTH115 - not relative to anything

    def age_of(ticks: str, _now: float, since_boot: float) -> float:
        """Seconds since the start at `ticks`, whatever became of the system clock meanwhile."""
        return since_boot - int(ticks) / _TICKS_PER_SECOND

else:
    import psutil

    SUSPENDED = frozenset({psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP})
    NO_PROCESS = (psutil.Error, FileNotFoundError, ProcessLookupError, PermissionError)

    def since_boot() -> float:
        return time.time() - psutil.boot_time()

    def pids() -> dict[int, int | None]:
        return dict.fromkeys(psutil.pids())

    def programs() -> Iterator[tuple[int, str]]:
        for pid in psutil.pids():
            try:
                yield pid, program_of(pid)
            except NO_PROCESS:
                continue

    def program_of(pid: int) -> str:
        return psutil.Process(pid).exe()

    def stat_of(pid: int) -> Stat | None:
        try:
            process = psutil.Process(pid)
            state = process.status()
            if state == psutil.STATUS_ZOMBIE:
                return None
            return Stat(_ticks(process), process.name(), state, process.ppid())
        except psutil.Error:
            return None

    def _ticks(process: psutil.Process) -> str:
        return str(int(process.create_time() * 1_000_000))

    def usage_of(pid: int, ticks: str) -> Usage | None:
        try:
            process = psutil.Process(pid)
            if _ticks(process) != ticks:
                return None
            with process.oneshot():
                times = process.cpu_times()
                return Usage(times.user + times.system, process.memory_info().rss, None)
        except psutil.Error:
            return None

    def arguments_of(pid: int) -> tuple[str, ...]:
        return tuple(psutil.Process(pid).cmdline())

    def owner_of(pid: int) -> int:
        return psutil.Process(pid).uids().real

    def directory_of(pid: int) -> Path:
        return Path(psutil.Process(pid).cwd())

    def age_of(ticks: str, now: float, _since_boot: float) -> float:
        return now - int(ticks) / 1_000_000
