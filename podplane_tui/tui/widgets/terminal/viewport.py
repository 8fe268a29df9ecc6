"""Which lines of a terminal are in view, and what stands on them.

Lines have an address that stays while text scrolls: the number of lines ever written above them (``scrolled_off`` of
the core counts those; the top row of the screen is line ``scrolled_off``). A position is (address, column), the column
in cells.
"""

import re

from podplane_tui.terminal import Row, Terminal
from podplane_tui.terminal.buffer.width import width_of

Position = tuple[int, int]

WORD = re.compile(r"[\w./~:@%+#=?&,-]")
"""Characters a double click takes as one word: names, paths, addresses, options."""


class Viewport:
    """The window of ``height`` lines onto scrollback and screen; follows the end until it is scrolled up."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.height = terminal.lines
        self._top: int | None = None

    @property
    def oldest(self) -> int:
        """Address of the oldest line kept."""
        return self.terminal.scrolled_off - len(self.terminal.scrollback)

    @property
    def end(self) -> int:
        """Address below the last line of the screen."""
        return self.terminal.scrolled_off + self.terminal.lines

    @property
    def following(self) -> bool:
        return self._top is None

    @property
    def top(self) -> int:
        """Address of the first line in view."""
        bottom = max(self.terminal.scrolled_off, self.end - self.height)
        if self._top is None or self._top >= bottom or self.terminal.modes.alternate_screen:
            self._top = None
            return bottom
        self._top = max(self._top, self.oldest)
        return self._top

    def scroll_to(self, top: int) -> None:
        """Put a line at the top, or as near as the text allows."""
        self._top = max(top, self.oldest)
        _ = self.top  # at the end, follow it again

    def follow(self) -> None:
        self._top = None

    def reveal(self, line: int) -> None:
        """Bring a line into view, in the middle when it was out of it."""
        if not self.top <= line < self.top + self.height:
            self.scroll_to(line - self.height // 2)

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size; when scrolled back, the view stays as many lines above the end."""
        scrolled = self.terminal.scrolled_off - self.top
        self.terminal.resize(columns, lines)
        if scrolled > 0:
            self.scroll_to(self.terminal.scrolled_off - scrolled)

    def nearest(self, x: int, y: int) -> Position:
        """The position at a cell of the view, for a cell outside of it that of the nearest one inside."""
        line = self.top + min(max(y, 0), max(0, self.height - 1))
        return line, min(max(x, 0), self.terminal.columns - 1)

    def rows(self) -> list[Row | None]:
        """The rows in view, top first; None below the end of the screen."""
        top, screen, scrollback = self.top, self.terminal.rows, self.terminal.scrollback
        scrolled_off = self.terminal.scrolled_off
        past = min(max(0, scrolled_off - top), self.height)
        first = top - self.oldest
        rows: list[Row | None] = [scrollback[first + index] for index in range(past)]
        rows += screen[max(0, top - scrolled_off) :][: self.height - past]
        return rows + [None] * (self.height - len(rows))

    def row(self, line: int) -> Row | None:
        """The row at an address, None where there is none."""
        if line >= self.terminal.scrolled_off:
            index = line - self.terminal.scrolled_off
            return self.terminal.rows[index] if index < self.terminal.lines else None
        index = line - self.oldest
        return self.terminal.scrollback[index] if index >= 0 else None

    def text(self, start: Position, end: Position) -> str:
        """The text between two positions, lines the terminal wrapped joined again."""
        oldest = self.oldest
        first = (max(0, start[0] - oldest), start[1] if start[0] >= oldest else 0)
        return self.terminal.text(first, (end[0] - oldest, end[1])) if end[0] >= oldest else ""

    def word(self, position: Position) -> tuple[Position, Position]:
        """The word at a position, or its cell alone where there is no word; words go on over wrapped lines."""
        line, column = position
        start, end = position, (line, column + 1)
        if not self._is_word(line, column):
            return start, end
        while (before := self._step(start, -1)) and self._is_word(*before):
            start = before
        at = position
        while (after := self._step(at, 1)) and self._is_word(*after):
            at = after
        return start, (at[0], at[1] + 1)

    def paragraph(self, line: int) -> tuple[Position, Position]:
        """The whole of a line, with the lines it was wrapped from and to."""
        first = last = line
        while (row := self.row(first - 1)) is not None and row.wrapped:
            first -= 1
        while (row := self.row(last)) is not None and row.wrapped:
            last += 1
        return (first, 0), (last, self.terminal.columns)

    def _is_word(self, line: int, column: int) -> bool:
        text = self.text((line, column), (line, column + 1))
        # The second half of a wide character has no text of its own: it belongs to the first.
        return bool(WORD.match(text)) if text or column == 0 else self._is_wide(line, column - 1)

    def _is_wide(self, line: int, column: int) -> bool:
        text = self.text((line, column), (line, column + 1))
        return width_of(text) == 2 and bool(WORD.match(text))

    def _step(self, position: Position, by: int) -> Position | None:
        line, column = position
        column += by
        if column < 0:
            row = self.row(line - 1)
            return (line - 1, self.terminal.columns - 1) if row is not None and row.wrapped else None
        if column >= self.terminal.columns:
            row = self.row(line)
            return (line + 1, 0) if row is not None and row.wrapped else None
        return line, column
