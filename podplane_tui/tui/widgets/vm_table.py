"""The table of machines: one row each, kept by key, cells changed in place."""

import time
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import DataTable

from podplane_tui.backend.snapshot import State, VMSnapshot
from podplane_tui.tui.widgets.vm_order import LARGEST_FIRST, SORTABLE, Sorting, arranged, matching
from podplane_tui.tui.widgets.vm_row import COLUMNS, MARK, METERED, Column, Row, name_of, row_of

TYPE_TOOLTIP = "Type into the selected VM's console"

RESORT_INTERVAL = 5.0
"""Seconds without a key or a click, and since the last time, until rows move because their values have changed."""

_PADDING = 2
_MINIMUM_NAME = 7
_MINIMUM_NOTE = 12
_WIDE = 100
"""Cells from which on bars are more than a hint."""


@dataclass(frozen=True, slots=True)
class ListView:
    """What somebody chose to see of the list: the order, and the columns left out."""

    sorting: Sorting = Sorting()  # noqa: RUF009 - frozen
    hidden: frozenset[str] = frozenset()


class NameCell(Text):
    """The first cell of a row, which knows whose it is: it may be cut, the order must not be."""

    def __init__(self, text: str, *, style: Style, key: str) -> None:
        super().__init__(text, style=style, no_wrap=True)
        self.key = key


class VMTable(DataTable[Text]):
    """Shows `snapshots` narrowed by `filter_text`; `selected` is the key of the row under the cursor.

    The cursor stays on its machine whatever comes and goes around it, and so do the marks. Rows move when something
    joins, when another order is chosen, and for changed values only while nobody touches anything. Among machines of
    another architecture than `arch` the name says so.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"vm-table--{name}" for name in ("name", "dim", "note", "bar", *State)}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.enter", show=False, id="view.enter", tooltip="Go into the panel below"),
        Binding("down,j", "cursor_down", show=False, id="list.down", tooltip="Next VM"),
        Binding("up,k", "cursor_up", show=False, id="list.up", tooltip="Previous VM"),
        Binding("home,g", "scroll_top", show=False, id="list.first", tooltip="First VM"),
        Binding("end,G", "scroll_bottom", show=False, id="list.last", tooltip="Last VM"),
        Binding("space", "mark", show=False, id="list.mark", tooltip="Mark the VM; verbs then act on all marked ones"),
        Binding("asterisk", "mark_all", show=False, key_display="*", id="list.mark_all", tooltip="Mark all, or none"),
        Binding(
            "less_than_sign", "sort_by(-1)", show=False, key_display="<", id="list.sort_left", tooltip="Sort by column"
        ),
        Binding(
            "greater_than_sign",
            "sort_by(1)",
            show=False,
            key_display=">",
            id="list.sort_right",
            tooltip="Sort by column",
        ),
        Binding("I", "invert", show=False, id="list.invert", tooltip="Sort the other way round"),
    ]

    snapshots: reactive[tuple[VMSnapshot, ...] | None] = reactive(None)
    watched: reactive[frozenset[str]] = reactive(frozenset())
    """Keys of the machines in which a copy is kept up to date."""
    filter_text: reactive[str] = reactive("")
    selected: reactive[str | None] = reactive(None, init=False)
    marked: reactive[frozenset[str]] = reactive(frozenset(), init=False)
    """Keys of the marked machines, those the filter hides among them."""
    view: reactive[ListView] = reactive(ListView(), init=False)

    class SelectionChanged(Message):
        """Another machine is under the cursor."""

        def __init__(self, key: str | None) -> None:
            self.key = key
            super().__init__()

    class MarksChanged(Message):
        """`marked` did."""

    class ViewChanged(Message):
        """The order or the columns were changed by hand."""

        def __init__(self, view: ListView) -> None:
            self.view = view
            super().__init__()

    def __init__(
        self,
        *,
        arch: str,
        select: str | None = None,
        view: ListView | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id, cursor_type="row", cursor_foreground_priority="renderable")
        self._arch = arch
        self._wanted = select
        self._shown: dict[str, Row] = {}
        self._layout: tuple[tuple[Column, ...], int] = ((), 0)
        self._touched = 0.0
        self._sorted = 0.0
        if view is not None:
            self.set_reactive(VMTable.view, view)

    def on_mount(self) -> None:
        """Uptimes move between two looks at the disk, too; values that change may change the order."""
        self.set_interval(1.0, self._fill)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._lay_out())

    def on_resize(self, _event: events.Resize) -> None:
        """Cut names and notes as the width allows."""
        self._fill()

    def on_key(self) -> None:
        """Somebody is at it."""
        self._touched = time.monotonic()

    def on_mouse_move(self) -> None:
        """Somebody is about to click."""
        self._touched = time.monotonic()

    def watch_snapshots(self, snapshots: tuple[VMSnapshot, ...] | None) -> None:
        """Show what is new; who is gone is no longer marked."""
        self.marked &= {vm.key for vm in snapshots or ()}
        self._fill()

    def watch_watched(self) -> None:
        """Mark what is watched."""
        self._fill()

    def watch_filter_text(self) -> None:
        """Show what matches."""
        self._fill()

    def watch_selected(self, selected: str | None) -> None:
        """Say so."""
        self.post_message(self.SelectionChanged(selected))

    def watch_marked(self) -> None:
        """Show it, and say so."""
        self._fill()
        self.post_message(self.MarksChanged())

    def watch_view(self, view: ListView) -> None:
        """Lay out anew, and say so."""
        self._lay_out()
        self.post_message(self.ViewChanged(view))

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """The user moved the cursor."""
        event.stop()
        if event.row_key.value in self._shown:
            self.selected = event.row_key.value

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """Sort by it; once more: the other way round."""
        event.stop()
        if event.column_key.value in SORTABLE:
            self.view = replace(self.view, sorting=self.view.sorting.toggled(event.column_key.value))

    @property
    def matching(self) -> tuple[VMSnapshot, ...]:
        """The machines the filter lets through."""
        return matching(self.snapshots or (), self.filter_text)

    @property
    def hidden_marks(self) -> frozenset[str]:
        """The marked machines that the filter hides."""
        return self.marked - {vm.key for vm in self.matching}

    def select(self, cluster: str) -> None:
        """Put the cursor on this cluster id or key, now or as soon as it appears."""
        self._wanted = cluster
        self._fill()

    def action_mark(self) -> None:
        """Mark the machine under the cursor, or no longer, and go on to the next."""
        if self.selected is not None:
            self.marked ^= {self.selected}
            self.action_cursor_down()

    def action_mark_all(self) -> None:
        """Mark every machine in view; when they all are, none."""
        keys = {vm.key for vm in self.matching}
        self.marked = frozenset() if keys <= self.marked else self.marked | keys

    def action_sort_by(self, step: int) -> None:
        """Sort by the column to the left or right of the present one."""
        columns = [column.key for column in self._layout[0] if column.key in SORTABLE]
        now = self.view.sorting.column
        column = columns[(columns.index(now) + step) % len(columns)] if now in columns else columns[0]
        self.view = replace(self.view, sorting=Sorting(column, column in LARGEST_FIRST))

    def action_invert(self) -> None:
        """Sort the other way round."""
        sorting = self.view.sorting
        self.view = replace(self.view, sorting=replace(sorting, descending=not sorting.descending))

    # Columns

    def _lay_out(self) -> None:
        """Write everything again: other columns, another order, other colours."""
        self._layout = ((), 0)
        self._fill()

    def _fit_columns(self) -> None:
        """Have the columns and bars there is room for; a change empties the table."""
        bar_width = 5 if self._room >= _WIDE else 1
        widths = {
            column.key: column.width + bar_width + 1 for column in COLUMNS if column.key in METERED and column.width
        }
        columns = tuple(
            column._replace(width=widths.get(column.key, column.width))
            for column in COLUMNS
            if column.key not in self.view.hidden
        )
        if self._fixed_width(columns) + _MINIMUM_NAME + _MINIMUM_NOTE > self._room:
            columns = tuple(column for column in columns if column.key != "note")
        if (columns, bar_width) == self._layout:
            return
        self._layout = (columns, bar_width)
        self._shown = {}
        self._sorted = 0.0
        self.clear(columns=True)
        for column in columns:
            label = column.label
            if column.key == self.view.sorting.column:
                label += "▼" if self.view.sorting.descending else "▲"
            self.add_column(
                Text(label.rjust(column.width) if column.right and column.width else label),
                key=column.key,
                width=column.width,
            )

    @property
    def _room(self) -> int:
        """Cells in a line: before there is anything to show, and so no size, those of the terminal."""
        return self.size.width or self.app.size.width

    def _fixed_width(self, columns: tuple[Column, ...]) -> int:
        fixed = sum(column.width for column in columns if column.width is not None)
        return fixed + _PADDING * len(columns) + self.styles.scrollbar_size_vertical

    # Rows

    def _fill(self) -> None:
        if not self.is_mounted:
            return
        old_row = self.cursor_row
        with self.prevent(DataTable.RowHighlighted):
            self._fit_columns()
            shown = self.matching
            rows = self._rows(shown)
            for key in [key for key in self._shown if key not in rows]:
                self.remove_row(key)
                del self._shown[key]
            added = False
            for vm in shown:
                if vm.key in self._shown:
                    self._update_row(vm, rows[vm.key])
                else:
                    self.add_row(
                        *(self._render_cell_text(vm, rows[vm.key], column) for column in self._layout[0]), key=vm.key
                    )
                    added = True
                self._shown[vm.key] = rows[vm.key]
            self._sort(shown, must=added)
            self._place_cursor(old_row)

    def _sort(self, shown: tuple[VMSnapshot, ...], *, must: bool) -> None:
        now = time.monotonic()
        if not must and now - max(self._touched, self._sorted) < RESORT_INTERVAL:
            return
        self._sorted = now
        order = [vm.key for vm in arranged(shown, self.view.sorting)]
        if order != [row.key.value for row in self.ordered_rows]:
            rank = {key: number for number, key in enumerate(order)}
            self.sort("name", key=lambda cell: rank[cell.key])

    def _rows(self, shown: tuple[VMSnapshot, ...]) -> dict[str, Row]:
        """The rows, with names and notes as long as there is room for."""
        columns, bar_width = self._layout
        spare = self._room - self._fixed_width(columns)
        mark_width = len(MARK) if self.marked else 0
        room = max(_MINIMUM_NAME, spare) - mark_width
        names = {vm.key: name_of(vm, host_arch=self._arch, room=room, watched=vm.key in self.watched) for vm in shown}
        note_room = spare - mark_width - max([_MINIMUM_NAME, *map(len, names.values())])
        now = time.time()
        return {
            vm.key: row_of(
                vm,
                name=(MARK if vm.key in self.marked else " " * mark_width) + names[vm.key],
                note_room=note_room,
                now=now,
                bar_width=bar_width,
            )
            for vm in shown
        }

    def _place_cursor(self, old_row: int) -> None:
        """Put the cursor on the machine it was on, else where that stood, and note which it is now."""
        order = [row.key.value or "" for row in self.ordered_rows]
        if not order:
            self.selected = None
            return
        known = {vm.key: vm.cluster_id for vm in self.snapshots or ()}
        wanted = self._wanted and next((key for key in order if self._wanted in {known.get(key), key}), None)
        if wanted:
            self._wanted = None
        key = wanted or self.selected
        if key not in self._shown:
            key = order[min(old_row, len(order) - 1)]
        row = self.get_row_index(key)
        if row != self.cursor_row:
            self.move_cursor(row=row, animate=False, scroll=True)
        self.selected = key

    def _update_row(self, vm: VMSnapshot, row: Row) -> None:
        before = self._shown[vm.key]
        for column in self._layout[0]:
            if row[column.key] != before.get(column.key):
                cell = self._render_cell_text(vm, row, column)
                self.update_cell(vm.key, column.key, cell, update_width=column.width is None)

    def _render_cell_text(self, vm: VMSnapshot, row: Row, column: Column) -> Text:
        text, component, bar = row[column.key]
        style = self._component_style(component)
        if column.key == "name":
            return NameCell(text, style=style, key=vm.key)
        cell = Text(text, style=style, justify="right" if column.right else "left", no_wrap=True)
        return cell.append(bar, self._component_style("bar")) if bar else cell

    def _component_style(self, name: str) -> Style:
        return self.get_component_rich_style(f"vm-table--{name}", partial=True) if name else Style.null()
