"""CPU and memory of processes, from psutil."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from podplane_tui.backend.process import Clock, QemuProcess


@dataclass(frozen=True, slots=True)
class Sample:
    """`cpu_percent` in per cent of one core, `memory_bytes` resident."""

    cpu_percent: float
    memory_bytes: int


class Sampler:
    """Samples processes; the CPU share is that since the previous sample of the same process, else since its start."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._previous: dict[tuple[int, str], tuple[float, float]] = {}

    def sample(self, process: QemuProcess) -> Sample | None:
        """The process now; None when it is gone."""
        key = (process.pid, process.create_ticks)
        try:
            handle = psutil.Process(process.pid)
            with handle.oneshot():
                times, memory = handle.cpu_times(), handle.memory_info().rss
        except psutil.Error:
            self._previous.pop(key, None)
            return None
        now, used = self._clock.monotonic(), times.user + times.system
        before = self._previous.get(key)
        self._previous[key] = (now, used)
        if before is None:
            elapsed, spent = process.age(self._clock), used
        else:
            elapsed, spent = now - before[0], used - before[1]
        return Sample(max(0.0, 100 * spent / elapsed) if elapsed > 0 else 0.0, memory)

    def forget(self, alive: set[tuple[int, str]]) -> None:
        """Drop what is kept of processes other than these `(pid, create_ticks)`."""
        for key in self._previous.keys() - alive:
            del self._previous[key]
