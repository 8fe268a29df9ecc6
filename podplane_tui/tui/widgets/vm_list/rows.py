"""The rows of all VMs in a list, and the columns there is room for: names as long as needed, notes in what is left."""

from collections.abc import Sequence
from typing import NamedTuple

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.tui.widgets.vm_list import line
from podplane_tui.tui.widgets.vm_list.row import COLUMNS, MARK, METERED, Column, Row, name_of, row_of

_MINIMUM_NAME = 7
_MINIMUM_NOTE = 12
_WIDE = 100
"""Cells from which on bars are more than a hint."""


class Layout(NamedTuple):
    """The columns of a list, their widths in cells, and the width of bars."""

    columns: tuple[Column, ...] = ()
    widths: tuple[int, ...] = ()
    bar_width: int = 0

    @property
    def width(self) -> int:
        """Cells that a line takes."""
        return line.width_of(self.columns, self.widths)


class Room(NamedTuple):
    """The columns that fit into a line, the width of bars, and the cells that are left for names and notes."""

    columns: tuple[Column, ...]
    bar_width: int
    spare: int

    def layout(self, *, name: int, note: int) -> Layout:
        """The widths of all columns, with those of names and notes."""
        flexible = {"name": name, "note": note}
        widths = tuple(flexible.get(column.key, column.width or 0) for column in self.columns)
        return Layout(self.columns, widths, self.bar_width)


def room_in(cells: int, *, hidden: frozenset[str]) -> Room:
    """What fits into a line of so many cells without the `hidden` columns; notes are left out where it is narrow."""
    bar_width = 5 if cells >= _WIDE else 1
    columns = tuple(
        column._replace(width=column.width + bar_width + 1) if column.key in METERED and column.width else column
        for column in COLUMNS
        if column.key not in hidden
    )
    if _fixed_width(columns) + _MINIMUM_NAME + _MINIMUM_NOTE > cells:
        columns = tuple(column for column in columns if column.key != "note")
    return Room(columns, bar_width, cells - _fixed_width(columns))


def _fixed_width(columns: Sequence[Column]) -> int:
    """Cells that these columns take beside what names and notes do."""
    return line.width_of(columns, [column.width or 0 for column in columns])


class RowMaker:
    """Makes rows and keeps them: one is made again when what it is made of has changed, or its uptime has.

    Names of VMs of another architecture than `arch` say so.
    """

    def __init__(self, arch: str) -> None:
        self._arch = arch
        self._made: dict[str, tuple[tuple[VMStatus, str, int, int], Row]] = {}
        """Rows by key, with what each was made of."""

    def make(
        self,
        vms: Sequence[VMStatus],
        room: Room,
        *,
        marked: frozenset[str],
        watched: frozenset[str],
        now: float,
    ) -> tuple[dict[str, Row], Layout]:
        """The rows of these VMs by key at `now` (seconds since the epoch), and the layout that shows them.

        `marked` and `watched` are keys: of VMs with a mark, and of those in which a copy is kept up to date.
        """
        mark_width = len(MARK) if marked else 0
        cells = max(_MINIMUM_NAME, room.spare) - mark_width
        names = {vm.key: name_of(vm, host_arch=self._arch, room=cells, watched=vm.key in watched) for vm in vms}
        name_width = max([_MINIMUM_NAME, *map(len, names.values())]) + mark_width
        note_width = max(0, room.spare - name_width)
        made = {}
        for vm in vms:
            name = (MARK if vm.key in marked else " " * mark_width) + names[vm.key]
            made_of = (vm, name, note_width, room.bar_width)
            known = self._made.get(vm.key)
            if known is None or vm.live or known[0] != made_of:
                known = made_of, row_of(vm, name=name, note_room=note_width, now=now, bar_width=room.bar_width)
            made[vm.key] = known
        self._made = made
        return {key: row for key, (_, row) in made.items()}, room.layout(name=name_width, note=note_width)
