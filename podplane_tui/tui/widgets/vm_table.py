"""The table of machines: one row each, kept by key, cells changed in place."""

import time
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import DataTable

from podplane_tui.backend.snapshot import State, VMSnapshot
from podplane_tui.backend.text import one_line
from podplane_tui.tui.text import UNKNOWN, format_duration, format_usage

SYMBOLS = {
    State.STOPPED: "○",
    State.STARTING: "◐",
    State.RUNNING: "●",
    State.STOPPING: "◑",
    State.PAUSED: "‖",
    State.CRASHED: "✗",
    State.ORPHANED: "◇",
    State.BROKEN: "!",
}
"""One per state, beside the word and the colour: no information by colour alone."""

_COLUMNS = (
    ("state", "STATE", 10),
    ("cpu", " CPU %", 6),
    ("memory", "    MEMORY", 10),
    ("disk", "      DISK", 10),
    ("uptime", " UPTIME", 7),
    ("ssh", "  SSH", 5),
)
_PADDING = 2
_MINIMUM_NAME = 7


class NameCell(Text):
    """The first cell of a row, which knows the row's key: it may be cut, the key is not."""

    def __init__(self, text: str, key: str, *, style: str = "") -> None:
        super().__init__(text, style=style, no_wrap=True, overflow="ellipsis")
        self.key = key


class VMTable(DataTable[Text]):
    """Shows `snapshots` narrowed by `filter_text`; `selected` is the key of the row under the cursor.

    The cursor stays on its machine whatever comes and goes around it.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "vm-table--dim",
        "vm-table--name",
        *(f"vm-table--{state}" for state in State),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.type_into_console", "Console", show=False, id="console.enter"),
        Binding("j", "cursor_down", "Down", show=False, id="table.down"),
        Binding("k", "cursor_up", "Up", show=False, id="table.up"),
    ]

    snapshots: reactive[tuple[VMSnapshot, ...] | None] = reactive(None)
    filter_text: reactive[str] = reactive("")
    selected: reactive[str | None] = reactive(None)

    class SelectionChanged(Message):
        """Another machine is under the cursor."""

        def __init__(self, key: str | None) -> None:
            self.key = key
            super().__init__()

    def __init__(self, *, arch: str, select: str | None = None, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._arch = arch
        self._wanted = select
        self._shown: dict[str, tuple[tuple[str, str], ...]] = {}
        self.cursor_foreground_priority = "renderable"

    def on_mount(self) -> None:
        """Lay out the columns."""
        self.add_column("CLUSTER", key="name")
        for key, label, width in _COLUMNS:
            self.add_column(Text(label, no_wrap=True), key=key, width=width)
        self.set_interval(1.0, self._show_uptimes)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._restyle())

    def on_resize(self, _event: events.Resize) -> None:
        """Cut the names as the width allows."""
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
        """The machines the filter lets through."""
        words = self.filter_text.lower().split()
        return tuple(
            vm
            for vm in self.snapshots or ()
            if all(word in f"{vm.cluster_id} {vm.arch} {vm.state}".lower() for word in words)
        )

    def _fill(self) -> None:
        if not self.columns:
            return
        shown = self.matching
        keys = {vm.key for vm in shown}
        old_row = self.cursor_row
        with self.prevent(DataTable.RowHighlighted):
            for key in [key for key in self._shown if key not in keys]:
                self.remove_row(key)
                del self._shown[key]
            added = False
            for vm in shown:
                cells = self._cells(vm)
                if vm.key not in self._shown:
                    self.add_row(*map(self._render_cell_text, cells, (vm.key,) * len(cells)), key=vm.key)
                    added = True
                else:
                    self._update_cells(vm.key, cells)
                self._shown[vm.key] = cells
            if added:
                self.sort("name", key=lambda cell: (isinstance(cell, NameCell) and cell.key) or "")
            self._place_cursor(shown, old_row)

    def _place_cursor(self, shown: tuple[VMSnapshot, ...], old_row: int) -> None:
        """Put the cursor on the machine it was on, else where that stood, and note which it is now."""
        wanted = self._wanted and next((vm.key for vm in shown if self._wanted in {vm.cluster_id, vm.key}), None)
        if wanted:
            self._wanted = None
        key = wanted or self.selected
        if not shown:
            self.selected = None
            return
        if key not in self._shown:
            key = self.get_row_at_key(min(old_row, len(shown) - 1))
        row = self.get_row_index(key)
        if row != self.cursor_row:
            self.move_cursor(row=row, animate=False, scroll=bool(wanted))
        self.selected = key

    def get_row_at_key(self, row: int) -> str:
        """The key of the row at index `row`."""
        return str(self.coordinate_to_cell_key((row, 0)).row_key.value)  # type: ignore[arg-type]

    def select(self, cluster: str) -> None:
        """Move to this cluster id or key, now or as soon as it appears."""
        self._wanted = cluster
        self._fill()

    def _update_cells(self, key: str, cells: tuple[tuple[str, str], ...]) -> None:
        names = ("name", *(name for name, _, _ in _COLUMNS))
        for name, cell, before in zip(names, cells, self._shown[key], strict=True):
            if cell != before:
                self.update_cell(key, name, self._render_cell_text(cell, key), update_width=name == "name")

    def _render_cell_text(self, cell: tuple[str, str], key: str) -> Text:
        text, component = cell
        style = self.get_component_rich_style(f"vm-table--{component}", partial=True) if component else ""
        if component == "name":
            return NameCell(text, key)
        is_state = component in set(State)
        return Text(text, style=style, justify="left" if is_state else "right", no_wrap=True)

    def _cells(self, vm: VMSnapshot) -> tuple[tuple[str, str], ...]:
        """Text and component class of each cell."""
        fixed = sum(width + _PADDING for _, _, width in _COLUMNS) + _PADDING + self.styles.scrollbar_size_vertical
        room = max(_MINIMUM_NAME, self.size.width - fixed)
        foreign = "" if vm.arch == self._arch else f" {vm.arch}"
        name = one_line(vm.cluster_id, limit=max(1, room - len(foreign))) + foreign
        values = (
            UNKNOWN if vm.cpu_percent is None else f"{vm.cpu_percent:.1f}",
            format_usage(vm.memory_bytes, vm.memory_limit_bytes),
            format_usage(vm.disk_bytes, vm.disk_virtual_bytes),
            _uptime(vm),
            UNKNOWN if vm.ports.ssh is None else str(vm.ports.ssh),
        )
        return (
            (name, "name"),
            (f"{SYMBOLS[vm.state]} {vm.state}", str(vm.state)),
            *((value, "dim" if value == UNKNOWN else "") for value in values),
        )

    def _show_uptimes(self) -> None:
        for vm in self.snapshots or ():
            if vm.key in self._shown and vm.started_at is not None:
                cells = self._cells(vm)
                self._update_cells(vm.key, cells)
                self._shown[vm.key] = cells

    def _restyle(self) -> None:
        """Colours come from the theme: write every cell again."""
        for key in self._shown:
            self._shown[key] = tuple(("", "") for _ in range(len(_COLUMNS) + 1))
        self._fill()


def _uptime(vm: VMSnapshot) -> str:
    return UNKNOWN if vm.started_at is None or not vm.live else format_duration(time.time() - vm.started_at)
