"""The grid of rows under the screen: margins, scrolling, scrollback, the alternate screen.

Storage is our own: pyte's `buffer` is not maintained. Visible rows are `Row` objects or, while nobody has looked at
them, the text that makes them (see `compact_row`); everything here that writes to a row goes through `row_at`, which
makes it a `Row`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import pyte

from podplane_tui.terminal.buffer.band import Band
from podplane_tui.terminal.buffer.compact_row import Pattern, StoredRow, length_of, row_of, text_of, wraps
from podplane_tui.terminal.buffer.ration import LEAST, Ration
from podplane_tui.terminal.buffer.recipe import Recipe
from podplane_tui.terminal.buffer.row import Cells, Row, Run, blanks
from podplane_tui.terminal.buffer.scrollback import Scrollback
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, Style

_PUTTING_OFF: Final = LEAST
"""What changing a recipe costs, in cells that are worked on one by one."""
_MOST_BANDS: Final = 4
"""Bands of columns that are apart at a time: panes side by side."""
_FEW: Final = 3
"""Rows that are rather changed at once than given recipes of their own."""


class Grid(pyte.Screen):
    """Rows, margins and scrolling. Margins are 0-based and inclusive; left/right ones count only with DECLRMM."""

    columns: int
    lines: int
    top: int
    bottom: int
    left: int
    right: int
    side_margins: bool
    pending_wrap: bool
    alternate: bool
    style: Style

    def __init__(self, columns: int, lines: int, scrollback: int = 10_000) -> None:
        self.scrollback = Scrollback(scrollback)
        columns, lines = max(1, columns), max(1, lines)
        self.alternate = False
        self._visible: list[StoredRow] = [""] * lines
        self.ration = Ration(columns, lines)
        self._blank_row: tuple[Style, int, Pattern] | None = None
        """The last blank row in a colour: its style, its columns, and itself."""
        self._bands: list[Band] = []
        """What scrolls between left and right margins: bands of columns with others between them."""
        self._put_off: list[Recipe | None] | None = None
        """Of each visible row, what is still to be done to it; None if nothing is to any. Never beside a band."""
        self._sharing: tuple[int, int] | None = None
        """The rows that share a recipe no other row has, where that is known."""
        self.hidden: list[StoredRow] = [""] * lines
        super().__init__(columns, lines)

    @property
    def blank(self) -> Style:
        """The style of erased cells: the background colour only (BCE)."""
        return self.style.erased

    @property
    def visible(self) -> list[StoredRow]:
        """The visible rows as they are stored, top first."""
        if self._bands or self._put_off is not None:
            self._settle()
        return self._visible

    @visible.setter
    def visible(self, rows: list[StoredRow]) -> None:
        self._bands.clear()
        self._put_off = self._sharing = None
        self._visible = rows

    def row_at(self, y: int) -> Row:
        """The visible row `y`, to be written to."""
        row = self._own_row(y)
        for band in self._bands:
            band.give_back(y, row)
        if self._put_off is not None and (recipe := self._put_off[y]) is not None:
            self._put_off[y] = self._sharing = None
            recipe.carry_out(row)
        return row

    def _own_row(self, y: int) -> Row:
        """The visible row `y` without what is apart from it."""
        row = self._visible[y]
        if isinstance(row, str):
            row = self._visible[y] = row_of(row)
        return row

    @property
    def rows(self) -> list[Row]:
        """The visible rows, top first."""
        self._settle()
        return [self.row_at(y) for y in range(self.lines)]

    @property
    def display(self) -> list[str]:
        """The visible text, each line padded to the width of the screen."""
        return [
            (text_of(row) if isinstance(row, str) else row.full_text()) + " " * (self.columns - length_of(row))
            for row in self.visible
        ]

    # -- margins ------------------------------------------------------------------------------------------------

    def reset_margins(self) -> None:
        """Full-screen margins, left/right margin mode off."""
        self.top, self.bottom = 0, self.lines - 1
        self.side_margins = False
        self.left, self.right = 0, self.columns - 1

    @property
    def narrow(self) -> bool:
        """Whether left/right margins restrict what scrolls."""
        return self.side_margins and (self.left > 0 or self.right < self.columns - 1)

    def in_rows(self, y: int) -> bool:
        return bool(self.top <= y <= self.bottom)

    def in_columns(self, x: int) -> bool:
        return bool(self.left <= x <= self.right)

    # -- scrolling ----------------------------------------------------------------------------------------------

    def blank_rows(self, count: int) -> list[StoredRow]:
        """New rows as scrolling brings them in."""
        style = self.blank
        if style is DEFAULT_STYLE:
            return [""] * count
        known = self._blank_row
        if known is None or known[0] is not style or known[1] != self.columns:
            known = self._blank_row = style, self.columns, Pattern.of([(blanks(self.columns), style)])
        return [known[2]] * count

    def shift_up(self, count: int, *, top: int, save: bool) -> None:
        """Move the rows from `top` to the bottom margin up by `count`; `save`: what leaves the screen is kept."""
        bottom = self.bottom
        count = min(count, bottom + 1 - top)
        if count <= 0:
            return
        if self.narrow:
            self._scroll_band(top, count, up=True)
            return
        if save and top == 0 and not self.alternate:
            rows = self._rows_up_to(count)
            if count == 1:
                self.scrollback.push(rows[0])
            else:
                self.scrollback.extend(rows[:count])
        self._replace(top, top + count, bottom + 1 - count, self.blank_rows(count), blank=self.blank)

    def shift_down(self, count: int, *, top: int) -> None:
        """Move the rows from `top` to the bottom margin down by `count`."""
        bottom = self.bottom
        count = min(count, bottom + 1 - top)
        if count <= 0:
            return
        if self.narrow:
            self._scroll_band(top, count, up=False)
            return
        self._replace(bottom + 1 - count, bottom + 1, top, self.blank_rows(count), blank=self.blank)

    def _rows_up_to(self, end: int) -> list[StoredRow]:
        """The visible rows as they are stored, of which those before `end` are looked at."""
        put_off, bands = self._put_off, self._bands
        for y in range(end if bands or put_off is not None else 0):
            if (put_off is not None and put_off[y] is not None) or any(band.cells[y] is not None for band in bands):
                self.row_at(y)
        return self._visible

    def _replace(self, first: int, end: int, at: int, rows: list[StoredRow], *, blank: Style | None = None) -> None:
        """Take the rows `first` to `end` (exclusive) away and put others in, `at` counting without those.

        `blank` is the style of those that are nothing but blanks.
        """
        visible = self._visible
        if self._put_off is not None:
            self._sharing = None
            del self._put_off[first:end]
            self._put_off[at:at] = [None] * len(rows)
            if not any(self._put_off):
                self._put_off = None
        for band in self._bands:
            band.replace_rows(first, end, at, len(rows), blank)
        del visible[first:end]
        visible[at:at] = rows

    def cost_of_putting_off(self, top: int, bottom: int) -> int:
        """What `put_off` costs with what is to be done when the rows are looked at, in cells worked on one by one."""
        if self._put_off is None:
            settling = self.lines * _PUTTING_OFF if self._bands else 0
            return settling + (bottom - top) * self.columns + _PUTTING_OFF
        if self._sharing == (top, bottom):
            return _PUTTING_OFF
        concerned = self._put_off[top:bottom]
        settled = concerned.count(None)
        if settled > _FEW:
            settled *= self.columns // _PUTTING_OFF + 1
        return (settled + len(set(concerned))) * _PUTTING_OFF

    def put_off(
        self, top: int, bottom: int, work: Callable[[Recipe], None], at_once: Callable[[Row], None] | None = None
    ) -> None:
        """Do something to the rows `top` to `bottom` (exclusive) as soon as they are looked at.

        `at_once` does the same to a row. A few rows that are looked at all the time are better off with it.
        """
        if self._bands:
            self._settle()
        if self._put_off is None:
            self._put_off = [None] * self.lines
        recipes = self._put_off
        if self._sharing == (top, bottom) and (known := recipes[top]) is not None:
            work(known)
            return
        concerned = recipes[top:bottom]
        settled = concerned.count(None)
        few = at_once is not None and settled <= _FEW < bottom - top
        for recipe in set(concerned):
            if recipe is None:
                if few and at_once is not None:
                    for y in range(top, bottom):
                        if recipes[y] is None:
                            at_once(self.row_at(y))
                    continue
                changed = Recipe(self.columns)
            elif concerned.count(recipe) < recipes.count(recipe):
                changed = recipe.copy()  # other rows have it, too
            else:
                work(recipe)
                continue
            work(changed)
            recipes[top:bottom] = [changed if one is recipe else one for one in recipes[top:bottom]]
        whole = recipes[top] is not None and recipes.count(recipes[top]) == bottom - top
        self._sharing = (top, bottom) if whole else None

    def _scroll_band(self, first: int, count: int, *, up: bool) -> None:
        """Scroll between left and right margins: rows stay, cells move."""
        if (band := self._between_sides()) is not None:
            band.scroll(first, self.bottom + 1, count, self.blank, self._own_row, up=up)

    def _between_sides(self) -> Band | None:
        """The cells between left and right margins; None if a program wants them taken out of their rows too often."""
        left, end = self.left, self.right + 1
        for band in self._bands:
            if band.left == left and band.end == end:
                return band
        crowded = len(self._bands) >= _MOST_BANDS or not all(b.end < left or end < b.left for b in self._bands)
        if not self.ration.spend(self.lines * _PUTTING_OFF * (2 if crowded else 1)):
            return None
        if crowded or self._put_off is not None:
            self._settle()
        self._bands.append(Band(left, end, self.lines))
        return self._bands[-1]

    def fill_lines(self, y: int, count: int, char: str, style: Style, *, wide: bool) -> int:
        """What `count` lines full of one character make of what is below row `y`, where a line has just been filled.

        A line is as long as the margins allow, and goes on in the next one. Returns the row of the last one.
        """
        left, columns = (self.left, self.right + 1 - self.left) if self.side_margins else (0, self.columns)
        per_line = columns // 2 if wide else columns
        goes_on = not self.side_margins
        down = min(count, self.bottom - y)
        up = count - down
        height = self.bottom + 1 - self.top
        line: list[Run] = [(char * per_line, style)]
        odd = wide and columns % 2
        if odd and self.blank is not DEFAULT_STYLE:
            line.append((" ", self.blank))  # a wide character leaves the last of an odd number of cells
        if goes_on:
            self.row_at(y).wrapped = True
        if self.narrow and not odd:
            if (band := self._between_sides()) is not None:
                band.put(y + 1, y + 1 + down, _cells_of(tuple(line), columns))
        elif goes_on and not odd:
            pattern = Pattern.of(line, wrapped=True)
            self._replace(y + 1, y + 1 + down, y + 1, [pattern] * down)
        else:
            for below in range(y + 1, y + 1 + down):
                row = self.row_at(below)
                (row.put_wide if wide else row.put)(left, char * per_line, style)
                row.wrapped = row.wrapped or goes_on
        if up and self.narrow:
            cells = _cells_of(tuple(line), columns)
            if (band := self._between_sides()) is not None:
                band.scroll(self.top, self.bottom + 1, min(up, height), cells, self._own_row, up=True)
        elif up:
            scrolled, new = min(up, height), Pattern.of(line, wrapped=goes_on)
            if self.top == 0 and not self.alternate:
                self.scrollback.extend(self._rows_up_to(scrolled)[:scrolled])
                self.scrollback.extend_lines([new] * (up - scrolled))
            self._replace(self.top, self.top + scrolled, self.bottom + 1 - scrolled, [new] * scrolled)
        return y + down

    def _settle(self) -> None:
        """Give all rows the cells that were scrolled apart from them, and do to them what was put off."""
        if self._bands or self._put_off is not None:
            for y in range(self.lines):
                self.row_at(y)
            self._bands.clear()
            self._put_off = self._sharing = None

    # -- whole screens ------------------------------------------------------------------------------------------

    def replace_rows(self, top: int, bottom: int) -> None:
        """Blank the rows `top` to `bottom` (exclusive) by putting new ones in their place."""
        # The text above does not go on any more.
        if top > 0:
            if wraps(above := self._visible[top - 1]):
                above = self._visible[top - 1] = row_of(above)
                above.wrapped = False
        elif self.scrollback and not self.alternate and wraps(self.scrollback.stored[-1]):
            self.scrollback[-1].wrapped = False
        self._replace(top, bottom, top, self.blank_rows(bottom - top), blank=self.blank)

    def use_alternate(self, active: bool) -> None:
        """Show the alternate screen or the main one."""
        if active != self.alternate:
            self.alternate = active
            self.visible, self.hidden = self.hidden, self.visible


@lru_cache(maxsize=8)
def _cells_of(line: tuple[Run, ...], columns: int) -> Cells:
    """The cells of a line between margins."""
    return row_of(Pattern.of(line)).copy(0, columns)
