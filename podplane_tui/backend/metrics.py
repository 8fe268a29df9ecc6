"""CPU, memory and disk traffic of processes, from psutil."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podplane_tui.backend.process import Clock, QemuProcess

if TYPE_CHECKING:
    import psutil


class Sample(NamedTuple):
    """`cpu_percent` in per cent of one core, `memory_bytes` resident.

    The rates are what went to and from the storage, in bytes per second; None in a first sample, and where the system
    does not tell (macOS).
    """

    cpu_percent: float
    memory_bytes: int
    disk_read_rate: float | None = None
    disk_write_rate: float | None = None


class _Totals(NamedTuple):
    """What a process has used since its start: seconds of CPU, bytes read and written (None: unknown)."""

    cpu: float
    disk: tuple[int, int] | None


class Sampler:
    """Samples processes: figures are since the previous sample of the same process, else, for the CPU, its start."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._previous: dict[tuple[int, str], tuple[float, _Totals]] = {}

    def sample(self, process: QemuProcess) -> Sample | None:
        """The process now; None when it is gone."""
        import psutil  # noqa: PLC0415 - where nothing runs there is nothing to sample

        key = (process.pid, process.create_ticks)
        try:
            handle = psutil.Process(process.pid)
            with handle.oneshot():
                times, memory = handle.cpu_times(), handle.memory_info().rss
        except psutil.Error:
            self._previous.pop(key, None)
            return None
        now, used = self._clock.monotonic(), _Totals(times.user + times.system, _disk_traffic(handle))
        before = self._previous.get(key)
        self._previous[key] = (now, used)
        if before is None:
            elapsed, start = process.age(self._clock), _Totals(0.0, None)
        else:
            elapsed, start = now - before[0], before[1]
        reads = writes = None
        if used.disk is not None and start.disk is not None:
            reads, writes = (_rate(after - then, elapsed) for after, then in zip(used.disk, start.disk, strict=True))
        return Sample(100 * _rate(used.cpu - start.cpu, elapsed), memory, reads, writes)

    def forget(self, alive: set[tuple[int, str]]) -> None:
        """Drop what is kept of processes other than these `(pid, create_ticks)`."""
        for key in self._previous.keys() - alive:
            del self._previous[key]


def _rate(amount: float, seconds: float) -> float:
    return max(0.0, amount / seconds) if seconds > 0 else 0.0


def _disk_traffic(process: psutil.Process) -> tuple[int, int] | None:
    """Bytes read from and written to storage."""
    from psutil import Error  # noqa: PLC0415 - as above

    counters = getattr(process, "io_counters", None)  # macOS has none
    if counters is None:
        return None
    try:
        found = counters()
    except (Error, OSError):
        return None
    return found.read_bytes, found.write_bytes
