"""CPU, memory and disk traffic of processes, as rates."""

from __future__ import annotations

from typing import NamedTuple

from podplane_tui.backend.host.processes import Usage, usage_of
from podplane_tui.backend.qemu.process import Clock, QemuProcess


class Sample(NamedTuple):
    """`cpu_percent` in per cent of one core, `memory_bytes` resident.

    The rates are what went to and from the storage, in bytes per second; None in a first sample, and where the system
    does not tell (macOS).
    """

    cpu_percent: float
    memory_bytes: int
    disk_read_rate: float | None = None
    disk_write_rate: float | None = None


class Sampler:
    """Samples processes: figures are since the previous sample of the same process, else, for the CPU, its start."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._previous: dict[tuple[int, str], tuple[float, Usage]] = {}

    def sample(self, process: QemuProcess) -> Sample | None:
        """The process now; None when it is gone."""
        key = (process.pid, process.create_ticks)
        used = usage_of(process.pid, process.create_ticks)
        if used is None:
            self._previous.pop(key, None)
            return None
        now = self._clock.monotonic()
        before = self._previous.get(key)
        self._previous[key] = (now, used)
        if before is None:
            elapsed, start = process.age(self._clock), Usage(0.0, 0, None)
        else:
            elapsed, start = now - before[0], before[1]
        reads = writes = None
        if used.disk is not None and start.disk is not None:
            reads, writes = (_rate(after - then, elapsed) for after, then in zip(used.disk, start.disk, strict=True))
        return Sample(100 * _rate(used.cpu - start.cpu, elapsed), used.resident, reads, writes)

    def forget(self, alive: set[tuple[int, str]]) -> None:
        """Drop what is kept of processes other than these `(pid, create_ticks)`."""
        for key in self._previous.keys() - alive:
            del self._previous[key]


def _rate(amount: float, seconds: float) -> float:
    return max(0.0, amount / seconds) if seconds > 0 else 0.0
