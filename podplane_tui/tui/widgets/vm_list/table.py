"""The list of machines: one line each, painted from cells that are kept by key; only what changed is painted again."""

import time
from typing import ClassVar, NamedTuple

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size, Spacing
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style as VisualStyle

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.tui.keys import bindings
from podplane_tui.tui.widgets.vm_list import line
from podplane_tui.tui.widgets.vm_list.order import LARGEST_FIRST, SORTABLE, Sorting, arranged, matching
from podplane_tui.tui.widgets.vm_list.row import (
    COLUMNS,
    MARK,
    METERED,
    Column,
    Row,
    name_of,
    row_of,
)

RESORT_INTERVAL = 5.0
"""Seconds without a key or a click, and since the last time, until rows move because their values have changed."""

_MINIMUM_NAME = 7
_MINIMUM_NOTE = 12
_WIDE = 100
"""Cells from which on bars are more than a hint."""
_HEADER = 1
"""Lines above the first row."""


class ListView(NamedTuple):
    """What somebody chose to see of the list: the order, and the columns left out."""

    sorting: Sorting = Sorting()
    hidden: frozenset[str] = frozenset()


class _Layout(NamedTuple):
    """The columns there is room for, their widths in cells, and the width of bars."""

    columns: tuple[Column, ...] = ()
    widths: tuple[int, ...] = ()
    bar_width: int = 0


class VMTable(ScrollView, can_focus=True):
    """Shows `vms` narrowed by `filter_text`; `selected` is the key of the row under the cursor.

    The cursor stays on its machine whatever comes and goes around it, and so do the marks. Rows move when something
    joins, when another order is chosen, and for changed values only while nobody touches anything. Among machines of
    another architecture than `arch` the name says so.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"vm-table--header", "vm-table--cursor", "vm-table--hover"}
    BINDINGS: ClassVar[list[BindingType]] = [*bindings.LIST]

    vms: var[tuple[VMStatus, ...] | None] = var(None)
    moment: var[float] = var(0.0, init=False)
    watched: var[frozenset[str]] = var(frozenset())
    """Keys of the machines in which a copy is kept up to date."""
    filter_text: var[str] = var("")
    selected: var[str | None] = var(None, init=False)
    marked: var[frozenset[str]] = var(frozenset(), init=False)
    """Keys of the marked machines, those the filter hides among them."""
    view: var[ListView] = var(ListView(), init=False)
    hovered: var[str | None] = var(None, init=False)
    """The key of the row under the mouse."""

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
        super().__init__(id=id)
        self._arch = arch
        self._wanted = select
        self._order: tuple[str, ...] = ()
        self._rows: dict[str, Row] = {}
        self._made: dict[str, tuple[tuple[VMStatus, str, int, int], Row]] = {}
        """Rows by key, with what each was made of."""
        self._lines: dict[str, Strip] = {}
        """Painted lines by key; what is not as it was when its line was painted is taken out."""
        self._styles: dict[str, Style] = {}
        self._text_styles: dict[str, Style] = {"": Style.null()}
        self._layout = _Layout()
        self._filled = 0.0
        self._touched = 0.0
        self._sorted = 0.0
        if view is not None:
            self.set_reactive(VMTable.view, view)

    def on_resize(self, _event: events.Resize) -> None:
        """Cut names and notes as the width allows."""
        self._fill()

    def on_key(self) -> None:
        """Somebody is at it."""
        self._touched = time.monotonic()

    # What is shown

    @property
    def order(self) -> tuple[str, ...]:
        """The keys of the machines in view, from the top."""
        return self._order

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of the columns there is room for."""
        return tuple(column.key for column in self._layout.columns)

    @property
    def cursor_row(self) -> int:
        """The number of the selected machine's row; 0 when there is none."""
        return self._order.index(self.selected) if self.selected in self._order else 0

    def row(self, key: str) -> Row:
        """The cells of one machine in view."""
        return self._rows[key]

    @property
    def matching(self) -> tuple[VMStatus, ...]:
        """The machines the filter lets through."""
        return matching(self.vms or (), self.filter_text)

    @property
    def hidden_marks(self) -> frozenset[str]:
        """The marked machines that the filter hides."""
        return self.marked - {vm.key for vm in self.matching}

    def watch_vms(self, vms: tuple[VMStatus, ...] | None) -> None:
        """Show what is new; who is gone is no longer marked."""
        self.marked &= {vm.key for vm in vms or ()}
        self._fill()

    def watch_moment(self, moment: float) -> None:
        """Uptimes move between two looks at the disk, too; values that change may change the order."""
        if self._filled < moment:  # else what a look found was shown just now
            self._fill()

    def watch_watched(self) -> None:
        """Mark what is watched."""
        self._fill()

    def watch_filter_text(self) -> None:
        """Show what matches."""
        self._fill()

    def watch_selected(self, before: str | None, selected: str | None) -> None:
        """Show it."""
        self._repaint(before, selected)

    def watch_hovered(self, before: str | None, hovered: str | None) -> None:
        """Show it."""
        self._repaint(before, hovered)

    def watch_marked(self) -> None:
        """Show it, and say so."""
        self._fill()
        self.post_message(self.MarksChanged())

    def watch_view(self, view: ListView) -> None:
        """Lay out anew, and say so."""
        self._order = ()
        self._fill()
        self.post_message(self.ViewChanged(view))

    # Mouse and keys

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Somebody is about to click."""
        self._touched = time.monotonic()
        self.hovered = self._key_at(event.y)

    def on_leave(self) -> None:
        """Nothing is under the mouse."""
        self.hovered = None

    def on_click(self, event: events.Click) -> None:
        """A header sorts by its column, once more: the other way round; a row is selected."""
        if event.y < _HEADER:
            number = line.column_at(event.x + self.scroll_offset.x, self._layout.widths)
            column = None if number is None else self._layout.columns[number].key
            if column in SORTABLE:
                self.view = self.view._replace(sorting=self.view.sorting.toggled(column))
        elif (key := self._key_at(event.y)) is not None:
            self.selected = key

    def _key_at(self, y: int) -> str | None:
        row = y - _HEADER + self.scroll_offset.y
        return self._order[row] if y >= _HEADER and row < len(self._order) else None

    def _go_to(self, row: int) -> None:
        if self._order:
            self.selected = self._order[min(max(row, 0), len(self._order) - 1)]
            self._scroll_to_cursor()

    def _scroll_to_cursor(self) -> None:
        region = Region(self.scroll_offset.x, self.cursor_row + _HEADER, 1, 1)
        self.scroll_to_region(region, spacing=Spacing(top=_HEADER), animate=False, force=True)

    def action_cursor_down(self) -> None:
        """The next machine."""
        self._go_to(self.cursor_row + 1)

    def action_cursor_up(self) -> None:
        """The machine before."""
        self._go_to(self.cursor_row - 1)

    def action_page_down(self) -> None:
        """As many further as there are in view."""
        self._go_to(self.cursor_row + max(1, self.size.height - _HEADER))

    def action_page_up(self) -> None:
        """As many back as there are in view."""
        self._go_to(self.cursor_row - max(1, self.size.height - _HEADER))

    def action_scroll_top(self) -> None:
        """The first machine."""
        self._go_to(0)

    def action_scroll_bottom(self) -> None:
        """The last machine."""
        self._go_to(len(self._order) - 1)

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
        columns = [key for key in self.columns if key in SORTABLE]
        now = self.view.sorting.column
        column = columns[(columns.index(now) + step) % len(columns)] if now in columns else columns[0]
        self.view = self.view._replace(sorting=Sorting(column, column in LARGEST_FIRST))

    def action_invert(self) -> None:
        """Sort the other way round."""
        sorting = self.view.sorting
        self.view = self.view._replace(sorting=sorting._replace(descending=not sorting.descending))

    # Rows

    def _fill(self) -> None:
        """Bring order, cells, columns and cursor in line with the machines there are; paint what is not as it was."""
        if not self.is_mounted:
            return
        self._filled = time.monotonic()
        old_row = self.cursor_row
        shown = self.matching
        columns, bar_width = self._columns_that_fit()
        rows, name_width, note_width = self._cells(shown, columns, bar_width)
        flexible = {"name": name_width, "note": note_width}
        widths = tuple(flexible.get(column.key, column.width or 0) for column in columns)
        before, self._rows = self._rows, rows
        layout, order = _Layout(columns, widths, bar_width), self._arrange(shown)
        # Before there is a size the width is a guess. One too large would show scrollbars in the first frame.
        width = line.width_of(columns, widths) if self.size.width else 0
        self.virtual_size = Size(width, len(order) + _HEADER)
        if (layout, order) != (self._layout, self._order):
            self._layout, self._order = layout, order
            self._lines.clear()
            self.refresh()
        else:
            self._repaint(*(key for key, row in rows.items() if row != before.get(key)))
        self._place_cursor(old_row)

    def _arrange(self, shown: tuple[VMStatus, ...]) -> tuple[str, ...]:
        """The order of the rows: another one only when something joined, was asked for, or nobody is at it."""
        now = time.monotonic()
        keys = {vm.key for vm in shown}
        if keys <= set(self._order) and now - max(self._touched, self._sorted) < RESORT_INTERVAL:
            return tuple(key for key in self._order if key in keys)
        self._sorted = now
        return tuple(vm.key for vm in arranged(shown, self.view.sorting))

    @property
    def _room(self) -> int:
        """Cells in a line: before there is anything to show, and so no size, those of the terminal."""
        return (self.size.width or self.app.size.width) - self.styles.scrollbar_size_vertical

    def _columns_that_fit(self) -> tuple[tuple[Column, ...], int]:
        bar_width = 5 if self._room >= _WIDE else 1
        columns = tuple(
            column._replace(width=column.width + bar_width + 1) if column.key in METERED and column.width else column
            for column in COLUMNS
            if column.key not in self.view.hidden
        )
        if _fixed_width(columns) + _MINIMUM_NAME + _MINIMUM_NOTE > self._room:
            columns = tuple(column for column in columns if column.key != "note")
        return columns, bar_width

    def _cells(
        self, shown: tuple[VMStatus, ...], columns: tuple[Column, ...], bar_width: int
    ) -> tuple[dict[str, Row], int, int]:
        """The rows, with names and notes as long as there is room for, and the widths of these two."""
        spare = self._room - _fixed_width(columns)
        mark_width = len(MARK) if self.marked else 0
        room = max(_MINIMUM_NAME, spare) - mark_width
        names = {vm.key: name_of(vm, host_arch=self._arch, room=room, watched=vm.key in self.watched) for vm in shown}
        name_width = max([_MINIMUM_NAME, *map(len, names.values())]) + mark_width
        note_width = max(0, spare - name_width)
        now = time.time()
        made = {}
        for vm in shown:
            name = (MARK if vm.key in self.marked else " " * mark_width) + names[vm.key]
            made_of = (vm, name, note_width, bar_width)
            known = self._made.get(vm.key)
            if known is None or vm.live or known[0] != made_of:  # what lives has an uptime
                known = made_of, row_of(vm, name=name, note_room=note_width, now=now, bar_width=bar_width)
            made[vm.key] = known
        self._made = made
        return {key: row for key, (_, row) in made.items()}, name_width, note_width

    def _place_cursor(self, old_row: int) -> None:
        """Put the cursor on the machine it was on, else where that stood, and note which it is now."""
        if not self._order:
            self.selected = None
            return
        known = {vm.key: vm.cluster_id for vm in self.vms or ()}
        wanted = self._wanted and next((key for key in self._order if self._wanted in {known.get(key), key}), None)
        if wanted:
            self._wanted = None
        key = wanted or self.selected
        if key not in self._rows:
            key = self._order[min(old_row, len(self._order) - 1)]
        moved = wanted or self._order.index(key) != old_row
        self.selected = key
        if moved:
            self._scroll_to_cursor()

    # Painting

    def notify_style_update(self) -> None:
        """Another theme, the focus, a class: every colour may be another."""
        self._styles.clear()
        self._text_styles = {"": Style.null()}
        self._lines.clear()
        super().notify_style_update()
        self.refresh()  # whether or not a rule has changed: lines that are not kept count as about to be painted

    def _repaint(self, *keys: str | None) -> None:
        """Paint the rows of these machines again."""
        for key in keys:
            if key is not None and self._lines.pop(key, None) is not None:
                y = self._order.index(key) + _HEADER - self.scroll_offset.y
                if _HEADER <= y < self.size.height:
                    self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        width, left = self.size.width, self.scroll_offset.x
        base = self._style("")
        if y < _HEADER:
            strip = self._header()
        elif (key := self._key_at(y)) is not None:
            strip = self._line(key, base)
            if key == self.selected:
                base = base + self._style("cursor")
        else:
            return Strip.blank(width, base)
        return strip.crop_extend(left, left + width, base)

    def _header(self) -> Strip:
        sorting, arrow = self.view.sorting, "▼" if self.view.sorting.descending else "▲"
        labels = [column.label + (arrow if column.key == sorting.column else "") for column in self._layout.columns]
        return line.header(self._layout.columns, self._layout.widths, labels, self._style("header"))

    def _line(self, key: str, base: Style) -> Strip:
        strip = self._lines.get(key)
        if strip is None:
            if key == self.selected:
                base = base + self._style("cursor")
            elif key == self.hovered:
                base = base + self._style("hover")
            layout = self._layout
            strip = line.line(self._rows[key], layout.columns, layout.widths, base, self._text_style)
            self._lines[key] = strip
        return strip

    def _style(self, name: str) -> Style:
        """The whole style of a component class, its background on that of the list; without a name, the list's own."""
        if name not in self._styles:
            self._styles[name] = self.get_component_rich_style(f"vm-table--{name}") if name else self.rich_style
        return self._styles[name]

    def _text_style(self, words: str) -> Style:
        """What is said about text, "" nothing: the row has the background."""
        if words not in self._text_styles:
            style = VisualStyle.parse(words)
            colour = style.foreground.rich_color if style.foreground is not None else None
            self._text_styles[words] = Style(color=colour, bold=style.bold)
        return self._text_styles[words]


def _fixed_width(columns: tuple[Column, ...]) -> int:
    """Cells that these columns take beside what names and notes do."""
    return line.width_of(columns, [column.width or 0 for column in columns])
