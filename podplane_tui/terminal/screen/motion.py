"""Cursor movement, tab stops, saved cursors.

Event methods have pyte's names where pyte has the event. Counts arrive as sent: 0 and missing mean 1.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from podplane_tui.terminal.buffer.grid import Grid
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, Style


@dataclass(frozen=True, slots=True)
class SavedCursor:
    """What DECSC saves."""

    x: int = 0
    y: int = 0
    pending_wrap: bool = False
    style: Style = DEFAULT_STYLE
    origin: bool = False
    charsets: tuple[str, ...] = ("B", "B", "B", "B")
    shift: int = 0
    protection: str = "off"


class Motion(Grid):
    """Where the cursor goes. `cursor.x` is always inside the screen; `pending_wrap` marks a full line."""

    autowrap: bool
    origin: bool
    reverse_wrap: bool
    newline: bool
    charsets: list[str]
    shift: int
    protection: str
    saved: dict[bool, SavedCursor]
    _stops: list[int]  # the columns of the tab stops, sorted

    def place(self, x: int, y: int) -> None:
        """Put the cursor on a cell, clamped to the screen."""
        cursor = self.cursor
        cursor.x = 0 if x < 0 else min(x, self.columns - 1)
        cursor.y = 0 if y < 0 else min(y, self.lines - 1)
        self.pending_wrap = False

    def address(self, line: int, column: int) -> None:
        """Put the cursor on a 0-based position that origin mode makes relative to the margins."""
        if self.origin:
            left, right = (self.left, self.right) if self.side_margins else (0, self.columns - 1)
            self.place(min(left + column, right), min(self.top + line, self.bottom))
        else:
            self.place(column, line)

    @property
    def position(self) -> tuple[int, int]:
        """0-based `(line, column)` as origin mode has it: what reports say."""
        x, y = self.cursor.x, self.cursor.y
        if self.origin:
            return y - self.top, x - (self.left if self.side_margins else 0)
        return y, x

    def cursor_position(self, line: int | None = None, column: int | None = None) -> None:
        """CUP, HVP."""
        self.address((line or 1) - 1, (column or 1) - 1)

    def cursor_to_column(self, column: int | None = None) -> None:
        """CHA, HPA."""
        self.address(self.position[0], (column or 1) - 1)

    def cursor_to_line(self, line: int | None = None) -> None:
        """VPA."""
        self.address((line or 1) - 1, self.position[1])

    def column_relative(self, count: int | None = None) -> None:
        """HPR: not stopped by margins, unlike CUF."""
        self.address(self.position[0], self.position[1] + (count or 1))

    def line_relative(self, count: int | None = None) -> None:
        """VPR."""
        self.address(self.position[0] + (count or 1), self.position[1])

    def cursor_up(self, count: int | None = None) -> None:
        y = self.cursor.y
        limit = self.top if y >= self.top else 0
        self.place(self.cursor.x, max(limit, y - (count or 1)))

    def cursor_down(self, count: int | None = None) -> None:
        y = self.cursor.y
        limit = self.bottom if y <= self.bottom else self.lines - 1
        self.place(self.cursor.x, min(limit, y + (count or 1)))

    def cursor_forward(self, count: int | None = None) -> None:
        x = self.cursor.x
        limit = self.right if self.side_margins and x <= self.right else self.columns - 1
        self.place(min(limit, x + (count or 1)), self.cursor.y)

    def cursor_back(self, count: int | None = None) -> None:
        """CUB and BS; with reverse wraparound it goes on at the end of the line above."""
        count = count or 1
        x, y = self.cursor.x, self.cursor.y
        left = self.left if self.side_margins and x >= self.left else 0
        if not (self.reverse_wrap and self.autowrap):
            self.place(max(left, x - count), y)
            return
        if self.pending_wrap:
            count -= 1
        right = self.right if self.side_margins else self.columns - 1
        count = min(count, self.columns * self.lines)
        if count > x - left:
            wrapped, count = divmod(count - (x - left + 1), right + 1 - (self.left if self.side_margins else 0))
            x, y = right, self._lines_back(y, wrapped + 1)
        self.place(x - count, y)

    def _lines_back(self, y: int, count: int) -> int:
        """The line `count` above `y`, where above the top margin is the bottom margin and above the first the last."""
        straight = (y - self.top) % self.lines
        if count <= straight:
            return (y - count) % self.lines
        return self.bottom - (count - straight - 1) % (self.bottom + 1 - self.top)

    def backspace(self) -> None:
        self.cursor_back(1)

    def cursor_down1(self, count: int | None = None) -> None:
        """CNL."""
        self.cursor_down(count)
        self.carriage_return()

    def cursor_up1(self, count: int | None = None) -> None:
        """CPL."""
        self.cursor_up(count)
        self.carriage_return()

    def carriage_return(self) -> None:
        left = self.left if self.side_margins and (self.origin or self.cursor.x >= self.left) else 0
        self.place(left, self.cursor.y)

    def index(self) -> None:
        """IND: down one line, scrolling at the bottom margin."""
        cursor = self.cursor
        if cursor.y == self.bottom and (not self.side_margins or self.in_columns(cursor.x)):
            self.shift_up(1, top=self.top, save=True)
            self.pending_wrap = False
        else:
            self.cursor_down(1)

    def reverse_index(self) -> None:
        """RI: up one line, scrolling at the top margin."""
        cursor = self.cursor
        if cursor.y == self.top and (not self.side_margins or self.in_columns(cursor.x)):
            self.shift_down(1, top=self.top)
            self.pending_wrap = False
        else:
            self.cursor_up(1)

    def next_line(self) -> None:
        """NEL."""
        self.index()
        self.carriage_return()

    def linefeed(self) -> None:
        """LF, VT, FF."""
        self.index()
        if self.newline:
            self.carriage_return()

    # -- tab stops ----------------------------------------------------------------------------------------------

    def tab(self) -> None:
        """HT."""
        cursor = self.cursor
        limit = self.right if self.side_margins and cursor.x <= self.right else self.columns - 1
        cursor.x = self._stop(cursor.x, 1, limit)

    def forward_tabs(self, count: int | None = None) -> None:
        """CHT."""
        self.tab()
        if count and count > 1:
            x = self.cursor.x
            limit = self.right if self.side_margins and x <= self.right else self.columns - 1
            self.cursor.x = self._stop(x, count - 1, limit)

    def backward_tabs(self, count: int | None = None) -> None:
        """CBT."""
        stops = self._stops
        index = bisect_left(stops, self.cursor.x) - (count or 1)
        self.place(stops[index] if index >= 0 else 0, self.cursor.y)

    def _stop(self, x: int, count: int, limit: int) -> int:
        """The column of the tab stop that is `count` to the right of `x`; where `limit` comes first, that."""
        stops = self._stops
        index = bisect_right(stops, x) + count - 1
        limit = max(limit, x)
        return min(stops[index], limit) if index < len(stops) else limit

    def set_tab_stop(self) -> None:
        """HTS."""
        x, stops = self.cursor.x, self._stops
        index = bisect_left(stops, x)
        if stops[index : index + 1] != [x]:
            stops.insert(index, x)

    def clear_tab_stop(self, how: int = 0) -> None:
        """TBC."""
        if how == 0:
            x, stops = self.cursor.x, self._stops
            index = bisect_left(stops, x)
            if stops[index : index + 1] == [x]:
                del stops[index]
        elif how == 3:
            self._stops.clear()

    def tab_control(self, how: int = 0) -> None:
        """CTC."""
        if how == 0:
            self.set_tab_stop()
        elif how == 2:
            self.clear_tab_stop(0)
        elif how in {4, 5}:
            self.clear_tab_stop(3)

    def default_tabs(self, how: int = 0) -> None:
        """DECST8C."""
        if how == 5:
            self._stops = list(range(8, self.columns, 8))

    # -- margins ------------------------------------------------------------------------------------------------

    def set_margins(self, top: int | None = None, bottom: int | None = None) -> None:
        """DECSTBM."""
        top = (top or 1) - 1
        bottom = min(bottom or self.lines, self.lines) - 1
        if top < bottom:
            self.top, self.bottom = top, bottom
            self.address(0, 0)

    def set_side_margins(self, left: int = 0, right: int = 0) -> None:
        """DECSLRM."""
        left = max(1, left) - 1
        right = min(right or self.columns, self.columns) - 1
        if left < right:
            self.left, self.right = left, right
            self.address(0, 0)

    # -- saved cursor -------------------------------------------------------------------------------------------

    def save_cursor(self) -> None:
        """DECSC: one cursor for each of the two screens."""
        self.saved[self.alternate] = SavedCursor(
            self.cursor.x,
            self.cursor.y,
            self.pending_wrap,
            self.style,
            self.origin,
            tuple(self.charsets),
            self.shift,
            self.protection,
        )

    def restore_cursor(self) -> None:
        """DECRC. The saved cursor stays saved; without one, the cursor goes home with everything at its default."""
        saved = self.saved.get(self.alternate, SavedCursor())
        self.style = saved.style
        self.charsets[:] = saved.charsets
        self.shift = saved.shift
        self.protection = saved.protection
        self.set_origin(active=saved.origin)
        self.place(saved.x, saved.y)
        self.pending_wrap = saved.pending_wrap and self.cursor.x == saved.x

    def set_origin(self, *, active: bool) -> None:
        self.origin = active
