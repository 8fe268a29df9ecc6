"""The list of VMs: one line each; only what changed is painted again."""

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

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.tui.keys import bindings
from podplane_tui.tui.widgets.vm_list import line
from podplane_tui.tui.widgets.vm_list.cursor import Cursor, placed
from podplane_tui.tui.widgets.vm_list.order import SORTABLE, RowOrder, Sorting, matching
from podplane_tui.tui.widgets.vm_list.painter import Painter, Part
from podplane_tui.tui.widgets.vm_list.row import Row
from podplane_tui.tui.widgets.vm_list.rows import Layout, RowMaker, room_in

_HEADER = 1
"""Lines above the first row."""


class ListView(NamedTuple):
    """What somebody chose to see of the list: the order, and the columns left out."""

    sorting: Sorting = Sorting()
    hidden: frozenset[str] = frozenset()


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
        self._wanted = select
        self._order = RowOrder()
        self.arch = arch
        self._maker = RowMaker(arch)
        self._rows: dict[str, Row] = {}
        self._layout = Layout()
        self._painter = Painter(self._style_of)
        self._filled = 0.0
        if view is not None:
            self.set_reactive(VMTable.view, view)

    def on_resize(self, _event: events.Resize) -> None:
        """Cut names and notes as the width allows."""
        self._fill()

    def on_key(self) -> None:
        """Somebody is at it."""
        self._order.touch(time.monotonic())

    # What is shown

    @property
    def order(self) -> tuple[str, ...]:
        """The keys of the machines in view, from the top."""
        return self._order.keys

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of the columns there is room for."""
        return tuple(column.key for column in self._layout.columns)

    @property
    def cursor_row(self) -> int:
        """The number of the selected machine's row; 0 when there is none."""
        return self._order.row_of(self.selected)

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
        self._order.restart()
        self._fill()
        self.post_message(self.ViewChanged(view))

    # Mouse and keys

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Somebody is about to click."""
        self._order.touch(time.monotonic())
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
        return self._order.at(y - _HEADER + self.scroll_offset.y) if y >= _HEADER else None

    def _go_to(self, row: int) -> None:
        if (key := self._order.nearest(row)) is not None:
            self.selected = key
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
        self._go_to(len(self.order) - 1)

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
        self.view = self.view._replace(sorting=self.view.sorting.beside(self.columns, step))

    def action_invert(self) -> None:
        """Sort the other way round."""
        self.view = self.view._replace(sorting=self.view.sorting.inverted())

    # Rows

    def _fill(self) -> None:
        """Bring order, cells, columns and cursor in line with the machines there are; paint what is not as it was."""
        if not self.is_mounted:
            return
        now = self._filled = time.monotonic()
        cursor = Cursor(self.selected, self.cursor_row, self._wanted)
        shown, before = self.matching, self._rows
        self._rows, layout = self._maker.make(
            shown,
            room_in(self._line_width, hidden=self.view.hidden),
            marked=self.marked,
            watched=self.watched,
            now=time.time(),
        )
        moved = self._order.update(shown, self.view.sorting, now)
        # Before there is a size the width is a guess. One too large would show scrollbars in the first frame.
        self.virtual_size = Size(layout.width if self.size.width else 0, len(self.order) + _HEADER)
        if moved or layout != self._layout:
            self._layout = layout
            self._painter.forget_all()
            self.refresh()
        else:
            self._repaint(*(key for key, row in self._rows.items() if row != before.get(key)))
        self._place(cursor, placed(cursor, self.order, shown))

    @property
    def _line_width(self) -> int:
        """Cells in a line: before there is anything to show, and so no size, those of the terminal."""
        return (self.size.width or self.app.size.width) - self.styles.scrollbar_size_vertical

    def _place(self, before: Cursor, cursor: Cursor) -> None:
        self._wanted = cursor.wanted
        self.selected = cursor.key
        if (cursor.row, cursor.wanted) != (before.row, before.wanted):
            self._scroll_to_cursor()

    # Painting

    def notify_style_update(self) -> None:
        """Another theme, the focus, a class: every colour may be another."""
        self._painter.restyle()
        super().notify_style_update()
        self.refresh()  # whether or not a rule has changed: lines that are not kept count as about to be painted

    def _repaint(self, *keys: str | None) -> None:
        """Paint the rows of these machines again."""
        for key in self._painter.forget(key for key in keys if key is not None):
            y = self._order.row_of(key) + _HEADER - self.scroll_offset.y
            if _HEADER <= y < self.size.height:
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        width, left = self.size.width, self.scroll_offset.x
        base = self._painter.style("")
        if y < _HEADER:
            strip = self._painter.header(self._layout, self.view.sorting)
        elif (key := self._key_at(y)) is not None:
            strip = self._line(key)
            if key == self.selected:
                base = self._painter.ground("cursor")
        else:
            return Strip.blank(width, base)
        return strip.crop_extend(left, left + width, base)

    def _line(self, key: str) -> Strip:
        if (kept := self._painter.kept(key)) is not None:
            return kept
        part: Part = "cursor" if key == self.selected else "hover" if key == self.hovered else ""
        return self._painter.line(key, self._rows[key], self._layout, part=part)

    def _style_of(self, part: Part) -> Style:
        """The whole style of a part, its background on that of the list."""
        return self.get_component_rich_style(f"vm-table--{part}") if part else self.rich_style
