"""Erasing, inserting, deleting and scrolling; rectangles (DEC STD 070 chapters on editing and on VT400 rectangles)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from podplane_tui.terminal.buffer.recipe import CLEAR, SET, TOGGLE, Attributes, Recipe, attributes
from podplane_tui.terminal.buffer.row import Row
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, Style
from podplane_tui.terminal.screen.printing import Writing

_COPYING: Final = 96
"""What copying a part of a row costs, in cells that are worked on one by one."""


class Editing(Writing):
    """Changes cells without printing."""

    spared: dict[int, tuple[Row, int, int, int, Style]]  # of each line, the last selective erasure and its outcome
    extent: int  # DECSACE: 2 means rectangles, all else streams of characters

    # -- erasing ------------------------------------------------------------------------------------------------

    def _erase(self, y: int, start: int, end: int, *, selective: bool) -> None:
        """Blank cells; `selective` spares protected ones."""
        if selective and (row := self.row_at(y)).length > start:
            known = self.spared.get(y)
            if known is None or known[0] is not row or known[1:] != (row.version, start, end, self.blank):
                row.erase_unprotected(start, end, self.blank)
                self.spared[y] = row, row.version, start, end, self.blank
            return
        if start == 0 and end == self.columns:
            self.replace_rows(y, y + 1)
        elif start < end:
            row = self.row_at(y)
            if end == self.columns:
                row.truncate(start)
                if row.wrapped:
                    row.wrapped = False
            style = self.blank
            if style is not DEFAULT_STYLE or start < row.length:
                row.fill(start, end, " ", style)

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        """EL, DECSEL."""
        selective = self.protection != "off" if private else self.protection == "iso"
        x, y = self.cursor.x, self.cursor.y
        self.pending_wrap = False
        if how == 0:
            self._erase(y, x, self.columns, selective=selective)
        elif how == 1:
            self._erase(y, 0, x + 1, selective=selective)
        elif how == 2:
            self._erase(y, 0, self.columns, selective=selective)

    def erase_in_display(self, how: int = 0, private: bool = False) -> None:
        """ED, DECSED."""
        selective = self.protection != "off" if private else self.protection == "iso"
        y = self.cursor.y
        if how == 0:
            self.erase_in_line(0, private)
            self._erase_rows(y + 1, self.lines, selective=selective)
        elif how == 1:
            self._erase_rows(0, y, selective=selective)
            self.erase_in_line(1, private)
        elif how == 2:
            self._erase_rows(0, self.lines, selective=selective)
            self.pending_wrap = False
        elif how == 3 and not private:
            self.scrollback.clear()

    def _erase_rows(self, top: int, bottom: int, *, selective: bool) -> None:
        if not selective:
            self.replace_rows(top, bottom)
        elif top < bottom:
            columns, style = self.columns, self.blank
            self._put_off_rationed(top, bottom, lambda recipe: recipe.erase_unprotected(0, columns, style))

    def erase_characters(self, count: int | None = None) -> None:
        """ECH."""
        x = self.cursor.x
        end = min(self.columns, x + (count or 1))
        self.pending_wrap = False
        self._erase(self.cursor.y, x, end, selective=self.protection == "iso")

    # -- inserting, deleting, scrolling -------------------------------------------------------------------------

    def _span(self) -> tuple[int, int] | None:
        """The columns editing is confined to, None when the cursor stands outside the left/right margins."""
        if not self.side_margins:
            return 0, self.columns
        return (self.left, self.right + 1) if self.in_columns(self.cursor.x) else None

    def insert_characters(self, count: int | None = None) -> None:
        """ICH."""
        span = self._span()
        self.pending_wrap = False
        if span:
            self.row_at(self.cursor.y).insert(self.cursor.x, count or 1, span[1], self.blank)

    def delete_characters(self, count: int | None = None) -> None:
        """DCH."""
        span = self._span()
        self.pending_wrap = False
        if span:
            self.row_at(self.cursor.y).delete(self.cursor.x, count or 1, span[1], self.blank)

    def insert_lines(self, count: int | None = None) -> None:
        """IL: the cursor goes to the line's start, as DEC STD 070 has it."""
        if self.in_rows(self.cursor.y) and self._span():
            self.shift_down(count or 1, top=self.cursor.y)
            self.place(self.left if self.side_margins else 0, self.cursor.y)

    def delete_lines(self, count: int | None = None) -> None:
        """DL."""
        if self.in_rows(self.cursor.y) and self._span():
            self.shift_up(count or 1, top=self.cursor.y, save=False)
            self.place(self.left if self.side_margins else 0, self.cursor.y)

    def scroll_up(self, count: int | None = None) -> None:
        """SU."""
        self.shift_up(count or 1, top=self.top, save=True)

    def scroll_down(self, count: int | None = None) -> None:
        """SD."""
        self.shift_down(count or 1, top=self.top)

    def _columns(self, x: int, count: int, *, insert: bool) -> None:
        """Insert or delete columns at `x` in all lines between the margins, if the cursor is between them."""
        span = self._span()
        if not span or not self.in_rows(self.cursor.y):
            return
        style = self.blank
        self.pending_wrap = False
        change = Recipe.insert if insert else Recipe.delete
        self._put_off_rationed(self.top, self.bottom + 1, lambda recipe: change(recipe, x, count, span[1], style))

    def insert_columns(self, count: int | None = None) -> None:
        """DECIC."""
        self._columns(self.cursor.x, count or 1, insert=True)

    def delete_columns(self, count: int | None = None) -> None:
        """DECDC."""
        self._columns(self.cursor.x, count or 1, insert=False)

    def scroll_left(self, count: int | None = None) -> None:
        """SL."""
        self._columns(self.left if self.side_margins else 0, count or 1, insert=False)

    def scroll_right(self, count: int | None = None) -> None:
        """SR."""
        self._columns(self.left if self.side_margins else 0, count or 1, insert=True)

    def back_index(self) -> None:
        """DECBI."""
        if self.cursor.x == (self.left if self.side_margins else 0):
            self.scroll_right(1)
        elif self.cursor.x > 0:
            self.place(self.cursor.x - 1, self.cursor.y)

    def forward_index(self) -> None:
        """DECFI."""
        if self.cursor.x == (self.right if self.side_margins else self.columns - 1):
            self.scroll_left(1)
        else:
            self.place(self.cursor.x + 1, self.cursor.y)

    def _put_off_rationed(
        self, top: int, bottom: int, work: Callable[[Recipe], None], at_once: Callable[[Row], None] | None = None
    ) -> None:
        """Put off work on many cells, unless the program has no more to spend on it: then nothing is done."""
        if self.ration.spend(self.cost_of_putting_off(top, bottom)):
            self.put_off(top, bottom, work, at_once)

    # -- rectangles ---------------------------------------------------------------------------------------------

    def area(self, numbers: tuple[int, ...]) -> tuple[int, int, int, int] | None:
        """`Pt;Pl;Pb;Pr` as 0-based top, left and exclusive bottom, right; None if there is no such rectangle."""
        top, left, bottom, right = (*numbers, 0, 0, 0, 0)[:4]
        first_y = first_x = 0
        end_y, end_x = self.lines, self.columns
        if self.origin:
            first_y, end_y = self.top, self.bottom + 1
            if self.side_margins:
                first_x, end_x = self.left, self.right + 1
        y0, x0 = first_y + max(1, top) - 1, first_x + max(1, left) - 1
        y1 = min(first_y + bottom, end_y) if bottom else end_y
        x1 = min(first_x + right, end_x) if right else end_x
        return (y0, x0, y1, x1) if y0 < y1 and x0 < x1 else None

    def fill_area(self, char: int = 0, *area: int) -> None:
        """DECFRA."""
        place = self.area(area)
        if place and (0x20 <= char <= 0x7E or 0xA0 <= char <= 0xFF):
            self._fill(place, chr(char), self.style)

    def erase_area(self, *area: int) -> None:
        """DECERA."""
        if place := self.area(area):
            self._fill(place, " ", self.blank)

    def _fill(self, place: tuple[int, int, int, int], char: str, style: Style) -> None:
        top, left, bottom, right = place
        fill = partial(Recipe.fill, start=left, end=right, char=char, style=style)
        self._put_off_rationed(top, bottom, fill, lambda row: row.fill(left, right, char, style))

    def selective_erase_area(self, *area: int) -> None:
        """DECSERA."""
        if place := self.area(area):
            top, left, bottom, right = place
            style = self.blank
            if self.protection == "dec":
                self._put_off_rationed(top, bottom, lambda recipe: recipe.erase_unprotected(left, right, style))
            elif left == 0 and right == self.columns:
                self.replace_rows(top, bottom)
            else:
                self._put_off_rationed(top, bottom, lambda recipe: recipe.erase(left, right, style))

    def copy_area(self, *numbers: int) -> None:
        """DECCRA: `Pt;Pl;Pb;Pr;page;Pt;Pl;page`; there is one page."""
        source = self.area(numbers[:4])
        target = self.area((*(*numbers, 0, 0, 0, 0, 0, 0, 0, 0)[5:7], 0, 0))
        if not source or not target:
            return
        height = min(source[2] - source[0], target[2] - target[0])
        width = min(source[3] - source[1], target[3] - target[1])
        if source[:2] == target[:2] and width == self.columns:
            return  # onto itself
        if source[0] == target[0]:
            work = partial(Recipe.repeat, start=source[1], target=target[1], width=width)
            self._put_off_rationed(source[0], source[0] + height, work)
            return
        if not self.ration.spend(height * _COPYING):
            return
        copies = [self.row_at(source[0] + y).copy(source[1], source[1] + width) for y in range(height)]
        for y, cells in enumerate(copies):
            self.row_at(target[0] + y).paste(target[1], cells)

    def set_extent(self, how: int = 0) -> None:
        """DECSACE."""
        self.extent = how

    def change_attributes(self, *numbers: int) -> None:
        """DECCARA."""
        self._attributes(numbers, reverse=False)

    def reverse_attributes(self, *numbers: int) -> None:
        """DECRARA."""
        self._attributes(numbers, reverse=True)

    def _attributes(self, numbers: tuple[int, ...], *, reverse: bool) -> None:
        place = self.area(numbers[:4])
        if not place:
            return
        change = _change(frozenset(numbers[4:]) or frozenset({0}), reverse=reverse)
        top, left, bottom, right = place
        if self.extent == 2 or bottom == top + 1:
            parts = [(top, bottom, left, right)]
        else:
            first = [(top, top + 1, left, self.columns)] if left else []
            last = [(bottom - 1, bottom, 0, right)] if right < self.columns else []
            parts = [*first, (top + len(first), bottom - len(last), 0, self.columns), *last]
        for y, end_y, x, end_x in parts:
            self._put_off_rationed(y, end_y, partial(Recipe.restyle, start=x, end=end_x, change=change))

    # -- protection ---------------------------------------------------------------------------------------------

    def set_protection(self, how: int = 0) -> None:
        """DECSCA."""
        self.protection = "dec"
        self.style = self.style.replace(protected=how == 1)

    def start_protected_area(self) -> None:
        """SPA."""
        self.protection = "iso"
        self.style = self.style.replace(protected=True)

    def end_protected_area(self) -> None:
        """EPA."""
        self.style = self.style.replace(protected=False)


_CODES: Final = {1: "bold", 4: "underline", 5: "blink", 7: "reverse"}


@lru_cache(maxsize=64)
def _change(codes: frozenset[int], *, reverse: bool) -> Attributes:
    """What DECCARA or DECRARA with these SGR codes does; 0 means all four attributes they know."""
    changes = {}
    for code, name in _CODES.items():
        if code in codes:
            changes[name] = TOGGLE if reverse else SET
        elif reverse:
            if 0 in codes:
                changes[name] = TOGGLE
        elif 0 in codes or code + 20 in codes or (code == 1 and 22 in codes):
            changes[name] = CLEAR
    return attributes(**changes)
