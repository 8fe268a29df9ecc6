"""What the system tells of processes: Linux in /proc, others through psutil.

/proc is read directly because it is asked of every process every second, and because importing psutil takes longer than
a whole look at machines of which none runs.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import NamedTuple


class Stat(NamedTuple):
    """What tells a process from others, and its state.

    `ticks` is the start time in clock ticks since boot on Linux (proc(5), field 22), in microseconds since the epoch
    elsewhere.
    """

    ticks: str
    name: str
    state: str


if sys.platform == "linux":
    SUSPENDED = frozenset({"T", "t"})
    NO_PROCESS: tuple[type[Exception], ...] = (FileNotFoundError, ProcessLookupError, PermissionError)
    """Raised when there is no such process, or it is not for us to look at.

    Other refusals (no more descriptors, no memory) say nothing about the process: they are passed on.
    """
    _TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
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

    def pids() -> list[int]:
        """The processes there are, in order. Raises `OSError`."""
        return sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208 - names alone

    def stat_of(pid: int) -> Stat | None:
        """Process `pid`; None when there is none or it is a zombie. Raises `OSError`."""
        try:
            stat = _read(f"/proc/{pid}/stat")
        except NO_PROCESS:
            return None
        # The program's name stands in parentheses and may hold anything: count from the last one.
        end = stat.rfind(b")")
        fields = stat[end + 2 :].split()
        if fields[0] in {b"Z", b"X"}:
            return None
        name = stat[stat.find(b"(") + 1 : end].decode("utf-8", "replace")
        return Stat(fields[19].decode("ascii"), name, fields[0].decode("ascii"))

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

    def pids() -> list[int]:
        return psutil.pids()

    def stat_of(pid: int) -> Stat | None:
        try:
            process = psutil.Process(pid)
            state = process.status()
            if state == psutil.STATUS_ZOMBIE:
                return None
            return Stat(str(int(process.create_time() * 1_000_000)), process.name(), state)
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
