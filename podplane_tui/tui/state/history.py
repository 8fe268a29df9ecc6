"""The last minutes of every machine's figures, for plots; and the plots, as rows of block characters."""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from podplane_tui.backend.core.status import VMStatus

SPAN = 300.0
"""Seconds kept."""

_MAX_POINTS = 600
_BLOCKS = " ▁▂▃▄▅▆▇█"


class Point(NamedTuple):
    """One look at one machine, `at` in seconds of one clock; None is not known."""

    at: float
    cpu: float | None
    memory: float | None
    read: float | None
    write: float | None


class History:
    """Points by machine, the oldest first."""

    def __init__(self) -> None:
        self._points: dict[str, deque[Point]] = {}

    def add(self, vms: Iterable[VMStatus], now: float) -> None:
        """Note a look; machines that are gone are forgotten."""
        keys = set()
        for vm in vms:
            keys.add(vm.key)
            points = self._points.setdefault(vm.key, deque(maxlen=_MAX_POINTS))
            points.append(Point(now, vm.cpu_percent, vm.memory_bytes, vm.disk_read_rate, vm.disk_write_rate))
            while points[0].at < now - SPAN:
                points.popleft()
        for key in self._points.keys() - keys:
            del self._points[key]

    def of(self, key: str) -> Sequence[Point]:
        """What is known of one machine."""
        return self._points.get(key, ())


def plot(points: Sequence[Point], name: str, *, width: int, now: float, top: float | None = None) -> str:
    """The mean of `name` over time in `width` cells, now at the right; blank where nothing is known.

    `top` is the value of a full cell; without it, that of the largest.
    """
    span = SPAN / width
    last = math.floor(now / span)  # cells stay what they are while time goes by
    sums: dict[int, list[float]] = {}
    for point in points:
        value = getattr(point, name)
        if value is not None:
            sums.setdefault(width - 1 - (last - math.floor(point.at / span)), []).append(value)
    means = {cell: sum(values) / len(values) for cell, values in sums.items() if 0 <= cell < width}
    full = top or max(means.values(), default=0.0)
    return "".join(_block(means[cell] / full if full else 0.0) if cell in means else " " for cell in range(width))


def _block(share: float) -> str:
    return _BLOCKS[min(max(math.ceil(share * 8), 1), 8)]
