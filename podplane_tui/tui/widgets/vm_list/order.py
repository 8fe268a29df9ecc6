"""Which VMs a list shows, and in which order: by their statuses, and without moving under a hand."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from podplane_tui.backend.core.status import VMStatus

_VALUES: dict[str, Callable[[VMStatus], float | str | None]] = {
    "name": lambda vm: vm.cluster_id,
    "state": lambda vm: str(vm.state),
    "cpu": lambda vm: vm.cpu_percent,
    "memory": lambda vm: vm.memory_bytes,
    "disk": lambda vm: vm.disk_bytes,
    "uptime": lambda vm: -vm.started_at if vm.live and vm.started_at is not None else None,
    "ssh": lambda vm: vm.ports.ssh,
}
"""What each column is sorted by."""

SORTABLE = tuple(_VALUES)
LARGEST_FIRST = frozenset({"cpu", "memory", "disk", "uptime"})
"""Columns whose large values are what one looks for."""

RESORT_INTERVAL = 5.0
"""Seconds without a key or a click, and since the last time, until rows move because their values have changed."""


class Sorting(NamedTuple):
    """The column rows are sorted by, and which way."""

    column: str = "name"
    descending: bool = False

    def toggled(self, column: str) -> "Sorting":
        """Sorted by `column`; the other way round when that is so already."""
        return self.inverted() if column == self.column else Sorting(column, column in LARGEST_FIRST)

    def inverted(self) -> "Sorting":
        """The other way round."""
        return self._replace(descending=not self.descending)

    def beside(self, columns: Sequence[str], step: int) -> "Sorting":
        """Sorted by the column so many `step`s to the right, or to the left, of the present one.

        `columns` are those in view. After the last that can be sorted by comes the first, as for one not in view.
        """
        choices = [column for column in columns if column in SORTABLE]
        in_view = self.column in choices
        column = choices[(choices.index(self.column) + step) % len(choices)] if in_view else choices[0]
        return Sorting(column, column in LARGEST_FIRST)


def arranged(vms: Iterable[VMStatus], sorting: Sorting) -> list[VMStatus]:
    """The machines in order; those whose value is not known last, equals by name."""
    value = _VALUES[sorting.column]
    by_name = sorted(vms, key=lambda vm: (vm.cluster_id, vm.arch))
    known = [(found, vm) for vm in by_name if (found := value(vm)) is not None]
    known.sort(key=lambda pair: pair[0], reverse=sorting.descending)
    return [vm for _, vm in known] + [vm for vm in by_name if value(vm) is None]


def matching(vms: Iterable[VMStatus], text: str) -> tuple[VMStatus, ...]:
    """The machines that every word of `text` lets through, capitals or not.

    A word has to occur in the name or the state or be the architecture; `state:run` looks at the state alone, and a
    `!` in front of a word turns it round.
    """
    words = text.lower().split()
    return tuple(vm for vm in vms if all(_lets_through(word, vm) for word in words))


def _lets_through(word: str, vm: VMStatus) -> bool:
    wanted = word.removeprefix("!")
    if wanted.startswith("state:"):
        found = str(vm.state).startswith(wanted.removeprefix("state:"))
    else:
        found = wanted in vm.cluster_id.lower() or wanted in vm.state or wanted == vm.arch
    return found != word.startswith("!") or not wanted


class RowOrder:
    """The keys of the rows in view, from the top.

    Rows move when something joins, when another order is chosen, and for changed values only while nobody touches
    anything. Times are seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        self.keys: tuple[str, ...] = ()
        self._touched = 0.0
        self._sorted = 0.0

    def touch(self, now: float) -> None:
        """Somebody is at it."""
        self._touched = now

    def restart(self) -> None:
        """Sort at the next update in any case."""
        self.keys = ()

    def update(self, shown: Sequence[VMStatus], sorting: Sorting, now: float) -> bool:
        """Have the rows of these VMs; returns whether they are others or elsewhere."""
        before, keys = self.keys, {vm.key for vm in shown}
        if keys <= set(before) and now - max(self._touched, self._sorted) < RESORT_INTERVAL:
            self.keys = tuple(key for key in before if key in keys)
        else:
            self._sorted = now
            self.keys = tuple(vm.key for vm in arranged(shown, sorting))
        return self.keys != before

    def row_of(self, key: str | None) -> int:
        """The number of a row; 0 for one that is not there."""
        return self.keys.index(key) if key in self.keys else 0

    def at(self, row: int) -> str | None:
        """The key of a row; None below the last."""
        return self.keys[row] if row < len(self.keys) else None

    def nearest(self, row: int) -> str | None:
        """The key of a row, of the first or the last one when the number is beyond; None without rows."""
        return self.keys[min(max(row, 0), len(self.keys) - 1)] if self.keys else None
