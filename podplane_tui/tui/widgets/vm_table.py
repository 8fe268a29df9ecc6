"""The table of machines: one row each, kept by key, cells changed in place."""

import time
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import DataTable

from podplane_tui.backend.snapshot import State, VMSnapshot
from podplane_tui.tui.widgets.vm_row import COLUMNS, FIXED_WIDTH, Column, Row, name_of, row_of

TYPE_TOOLTIP = "Type into the selected VM's console"

_PADDING = 2
_MINIMUM_NAME = 7


class NameCell(Text):
    """The first cell of a row, which knows where its row belongs: it may be cut, the order must not be."""

    def __init__(self, text: str, *, style: Style, order: tuple[str, str]) -> None:
        super().__init__(text, style=style, no_wrap=True)
        self.order = order


class VMTable(DataTable[Text]):
    """Shows `snapshots` narrowed by `filter_text`; `selected` is the key of the row under the cursor.

    The cursor stays on its machine whatever comes and goes around it. Among machines of another architecture than
    `arch` the name says so.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"vm-table--{name}" for name in ("name", "dim", "note", *State)}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.enter", show=False, id="view.enter", tooltip="Go into the panel below"),
        Binding("down,j", "cursor_down", show=False, id="view.down", tooltip="Next VM"),
        Binding("up,k", "cursor_up", show=False, id="view.up", tooltip="Previous VM"),
        Binding("home,g", "scroll_top", show=False, id="view.first", tooltip="First VM"),
        Binding("end,G", "scroll_bottom", show=False, id="view.last", tooltip="Last VM"),
    ]

    snapshots: reactive[tuple[VMSnapshot, ...] | None] = reactive(None)
    filter_text: reactive[str] = reactive("")
    selected: reactive[str | None] = reactive(None, init=False)

    class SelectionChanged(Message):
        """Another machine is under the cursor."""

        def __init__(self, key: str | None) -> None:
            self.key = key
            super().__init__()

    def __init__(self, *, arch: str, select: str | None = None, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, cursor_type="row", cursor_foreground_priority="renderable")
        self._arch = arch
        self._wanted = select
        self._shown: dict[str, Row] = {}

    def on_mount(self) -> None:
        """Lay out the columns; uptimes move between two looks at the disk, too."""
        for key, label, width, right in COLUMNS:
            self.add_column(Text(label.rjust(width) if right and width else label), key=key, width=width)
        self.set_interval(1.0, self._show_uptimes)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._restyle())

    def on_resize(self, _event: events.Resize) -> None:
        """Cut names and notes as the width allows."""
        self._fill()

    def watch_snapshots(self) -> None:
        """Show what is new."""
        self._fill()

    def watch_filter_text(self) -> None:
        """Show what matches."""
        self._fill()

    def watch_selected(self, selected: str | None) -> None:
        """Say so."""
        self.post_message(self.SelectionChanged(selected))

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """The user moved the cursor."""
        event.stop()
        if event.row_key.value in self._shown:
            self.selected = event.row_key.value

    @property
    def matching(self) -> tuple[VMSnapshot, ...]:
        """The machines the filter lets through: every word of it occurs in the row's name or state."""
        words = self.filter_text.lower().split()
        return tuple(
            vm
            for vm in self.snapshots or ()
            if all(word in f"{vm.cluster_id} {vm.arch} {vm.state}".lower() for word in words)
        )

    def select(self, cluster: str) -> None:
        """Put the cursor on this cluster id or key, now or as soon as it appears."""
        self._wanted = cluster
        self._fill()

    def _fill(self) -> None:
        if not self.columns:
            return
        shown = self.matching
        rows = self._rows(shown)
        old_row = self.cursor_row
        with self.prevent(DataTable.RowHighlighted):
            for key in [key for key in self._shown if key not in rows]:
                self.remove_row(key)
                del self._shown[key]
            added = False
            for vm in shown:
                if vm.key in self._shown:
                    self._update_row(vm, rows[vm.key])
                else:
                    self.add_row(*(self._render_cell_text(vm, rows[vm.key], column) for column in COLUMNS), key=vm.key)
                    added = True
                self._shown[vm.key] = rows[vm.key]
            if added:
                self.sort("name", key=lambda cell: cell.order)
            self._place_cursor(shown, old_row)

    def _rows(self, shown: tuple[VMSnapshot, ...]) -> dict[str, Row]:
        """The rows, with names and notes as long as there is room for."""
        spare = self.size.width - FIXED_WIDTH - _PADDING * len(COLUMNS) - self.styles.scrollbar_size_vertical
        room = max(_MINIMUM_NAME, spare)
        names = {vm.key: name_of(vm, host_arch=self._arch, room=room) for vm in shown}
        note_room = spare - max([_MINIMUM_NAME, *map(len, names.values())])
        now = time.time()
        return {vm.key: row_of(vm, name=names[vm.key], note_room=note_room, now=now) for vm in shown}

    def _place_cursor(self, shown: tuple[VMSnapshot, ...], old_row: int) -> None:
        """Put the cursor on the machine it was on, else where that stood, and note which it is now."""
        if not shown:
            self.selected = None
            return
        wanted = self._wanted and next((vm.key for vm in shown if self._wanted in {vm.cluster_id, vm.key}), None)
        if wanted:
            self._wanted = None
        key = wanted or self.selected
        if key not in self._shown:
            key = shown[min(old_row, len(shown) - 1)].key
        row = self.get_row_index(key)
        if row != self.cursor_row:
            self.move_cursor(row=row, animate=False, scroll=True)
        self.selected = key

    def _update_row(self, vm: VMSnapshot, row: Row) -> None:
        before = self._shown[vm.key]
        for column in COLUMNS:
            if row[column.key] != before.get(column.key):
                cell = self._render_cell_text(vm, row, column)
                self.update_cell(vm.key, column.key, cell, update_width=column.width is None)

    def _render_cell_text(self, vm: VMSnapshot, row: Row, column: Column) -> Text:
        text, component = row[column.key]
        style = self.get_component_rich_style(f"vm-table--{component}", partial=True) if component else Style.null()
        if column.key == "name":
            return NameCell(text, style=style, order=(vm.cluster_id, vm.arch))
        return Text(text, style=style, justify="right" if column.right else "left", no_wrap=True)

    def _show_uptimes(self) -> None:
        rows = self._rows(self.matching)
        for vm in self.matching:
            if vm.live and vm.key in self._shown:
                self._update_row(vm, rows[vm.key])
                self._shown[vm.key] = rows[vm.key]

    def _restyle(self) -> None:
        """Colours come from the theme: write every cell again."""
        self._shown = {key: {} for key in self._shown}
        self._fill()
