"""Which machines a list shows, and in which order: pure functions of their statuses."""

from collections.abc import Callable, Iterable
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


class Sorting(NamedTuple):
    """The column rows are sorted by, and which way."""

    column: str = "name"
    descending: bool = False

    def toggled(self, column: str) -> "Sorting":
        """Sorted by `column`; the other way round when that is so already."""
        if column == self.column:
            return Sorting(column, not self.descending)
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
