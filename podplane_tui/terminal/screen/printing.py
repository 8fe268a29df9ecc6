"""Printing: character sets, widths, wrapping, insert mode, repetition.

This is the complete path. `parser.plain_path` does the same for the plain cases and comes here for the others.
"""

from __future__ import annotations

from typing import Final

from podplane_tui.terminal.buffer.style import DEFAULT_STYLE
from podplane_tui.terminal.buffer.width import CLASSES, CONTROL, MAX_CELL_LENGTH, NARROW, WIDE, class_runs
from podplane_tui.terminal.screen.charsets import TABLES
from podplane_tui.terminal.screen.motion import Motion

_A_LINE: Final = 64
"""What printing a line of repeated characters costs that can't be filled, in cells that are worked on one by one."""
_ALIKE: Final = 16
"""The same of a line that can."""


class Writing(Motion):
    """Prints text at the cursor."""

    insert: bool
    more_fix: bool
    single_shift: int
    last_char: str

    @property
    def translation(self) -> dict[int, str] | None:
        """What the active character set makes of ASCII; None if nothing."""
        return TABLES.get(self.charsets[self.shift])

    @property
    def plain(self) -> bool:
        """Whether printing is nothing but putting characters one after the other, with automatic wrap.

        Not while rows are not what they seem.
        """
        special = self.insert or self.side_margins or self.single_shift or self._put_off or self._bands
        return self.autowrap and not special

    def define_charset(self, code: str, mode: str) -> None:
        """SCS: designate G0..G3, `mode` being one of `()*+` (94 characters) or `-./` (96)."""
        self.charsets[{"(": 0, ")": 1, "*": 2, "+": 3, "-": 1, ".": 2, "/": 3}[mode]] = code

    def shift_in(self) -> None:
        self.shift = 0

    def shift_out(self) -> None:
        self.shift = 1

    def draw(self, data: str) -> None:
        """Print text. Control characters are not looked for: they print as U+FFFD."""
        if self.single_shift and data:
            table = TABLES.get(self.charsets[self.single_shift])
            self.single_shift = 0
            self._draw(data[0].translate(table) if table else data[0])
            data = data[1:]
        table = self.translation
        self._draw(data.translate(table) if table else data)

    def _draw(self, data: str) -> None:
        if data.isascii() and data.isprintable():
            self._print(data)
            return
        for kind, text in class_runs(data):
            if kind == NARROW:
                self._print(text)
            elif kind == WIDE:
                self._print_wide(text)
            elif kind == CONTROL:
                self._print("\ufffd")
            else:
                self._combine(text)

    def _print(self, text: str) -> None:
        """Print one-cell characters."""
        if not text:
            return
        self.last_char = text[-1]
        cursor = self.cursor
        start, count = 0, len(text)
        while start < count:
            if self.pending_wrap and self.autowrap:
                self._wrap()
            x = cursor.x
            end = self._line_end()
            part = text[start : start + end - x]
            start += len(part)
            if start < count and not self.autowrap:
                part = part[:-1] + text[-1]
                start = count
            if x == 0 and self.style is DEFAULT_STYLE and self.plain and self.visible[cursor.y] == "":
                self.visible[cursor.y] = part
            elif self.insert or not any(band.print(cursor.y, x, part, self.style) for band in self._bands):
                row = self.row_at(cursor.y)
                if self.insert:
                    row.insert(x, len(part), end, DEFAULT_STYLE)
                row.put(x, part, self.style)
            self._advance(x + len(part), end)

    def _print_wide(self, text: str) -> None:
        """Print two-cell characters. One that does not fit is not printed unless it can wrap."""
        if not text:
            return
        self.last_char = text[-1]
        cursor = self.cursor
        start, count = 0, len(text)
        while start < count:
            if self.pending_wrap and self.autowrap:
                self._wrap()
            x = cursor.x
            end = self._line_end()
            room = (end - x) // 2
            if room == 0:
                if not self.autowrap or end - (self.left if self.side_margins else 0) < 2:
                    return
                self._wrap()
                continue
            part = text[start : start + room]
            start += len(part)
            row = self.row_at(cursor.y)
            if self.insert:
                row.insert(x, 2 * len(part), end, DEFAULT_STYLE)
            row.put_wide(x, part, self.style)
            self._advance(x + 2 * len(part), end)
            if not self.autowrap and self.pending_wrap:
                return

    def _combine(self, marks: str) -> None:
        """Add combining characters to the character before the cursor, if there is one on this line."""
        x = self.cursor.x if self.pending_wrap else self.cursor.x - 1
        if x >= 0:
            self.row_at(self.cursor.y).combine(x, marks[:MAX_CELL_LENGTH], limit=MAX_CELL_LENGTH)

    def _line_end(self) -> int:
        """The column (exclusive) where text wraps."""
        if self.side_margins and self.cursor.x <= self.right:
            return self.right + 1
        return self.columns

    def _advance(self, x: int, end: int) -> None:
        if x >= end:
            self.cursor.x = end - 1
            self.pending_wrap = True
        else:
            self.cursor.x = x

    def _wrap(self) -> None:
        """Go on at the start of the next line; the row remembers that its text goes on there."""
        if not self.side_margins:
            self.row_at(self.cursor.y).wrapped = True
        self.index()
        self.cursor.x = self.left if self.side_margins else 0
        self.pending_wrap = False

    def tab(self) -> None:
        """HT. With mode 41 a wrap that is pending comes first, else it stays pending."""
        if self.pending_wrap and self.more_fix:
            self._wrap()
        super().tab()

    def repeat(self, count: int | None = None) -> None:
        """REP: no more than the cells of the screen. Whole lines of it are filled at once."""
        char = self.last_char
        if not char:
            return
        wide = CLASSES[ord(char)] == WIDE
        draw = self._print_wide if wide else self._print
        columns = self.right + 1 - self.left if self.side_margins else self.columns
        size = 2 if wide else 1
        per_line = columns // size
        count = min(count or 1, self.columns * self.lines if self.autowrap else self.columns)
        while True:
            end = self._line_end()
            room = 0 if self.pending_wrap else (end - self.cursor.x) // size
            whole = (count - room) // per_line - 1 if per_line else count  # the last line may go on: it is printed
            if whole <= 0 or not self.autowrap:
                draw(char * count)
                return
            inside = self.in_rows(self.cursor.y) and (not self.side_margins or self.in_columns(self.cursor.x))
            fills = per_line and inside and not (self.insert and columns % size)
            # Rows that get an odd number of cells between margins are filled one by one, others all at once.
            cost = _A_LINE if columns % size and self.side_margins else _ALIKE
            if fills and self.ration.spend(whole * cost):
                draw(char * room)
                self.cursor.y = self.fill_lines(self.cursor.y, whole, char, self.style, wide=wide)
                self.cursor.x, self.pending_wrap = end - 1, columns % size == 0
                count -= room + whole * per_line
            elif not fills and self.ration.spend(_A_LINE):
                part = max(1, room)
                draw(char * part)
                count -= part
            else:
                count = min(count, room + per_line)

    def alignment_display(self) -> None:
        """DECALN: a screen full of E."""
        self.reset_margins()
        self.origin = False
        self.place(0, 0)
        self.visible = ["E" * self.columns] * self.lines
