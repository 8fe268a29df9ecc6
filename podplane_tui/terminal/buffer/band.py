"""The cells between left and right margins while they scroll, apart from the rows they belong to.

Scrolling between such margins moves cells from row to row. Doing that at every line feed costs as much as the region is
large, and a line feed is one byte. A band takes the cells out of their rows once and then moves them as whole rows are
moved elsewhere; a row gets its cells back when somebody wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from podplane_tui.terminal.buffer.row import Cells, Row
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, Style

_MOST_PUTS: Final = 4
"""What is printed on cells that are apart, up to so many times: then their row gets them back."""


class _Printed(NamedTuple):
    """Cells that are to go to a row, and what has been printed on them since: column, text and style each."""

    cells: Cells | Style
    puts: tuple[tuple[int, str, Style], ...]


class Band:
    """The columns `left` to `end` (exclusive) of all rows of a screen.

    `cells` has an entry a row: cells that are to go there, a style if these are blanks, either with what was printed on
    them, None while the row has its own.
    """

    __slots__ = ("_given", "_whole", "cells", "end", "left")

    def __init__(self, left: int, end: int, lines: int) -> None:
        self.left = left
        self.end = end
        self.cells: list[Cells | Style | _Printed | None] = [None] * lines
        self._whole = (0, 0)
        """The rows `[first, end)` whose cells were all here after the last scrolling."""
        self._given: list[int] = []
        """The rows that got their cells back since then."""

    def give_back(self, y: int, row: Row) -> None:
        """Put the cells of a row where they belong, if they are here."""
        cells = self.cells[y]
        if cells is None:
            return
        self.cells[y] = None
        self._given.append(y)
        cells, puts = cells if isinstance(cells, _Printed) else (cells, ())
        if isinstance(cells, Style):
            row.fill(self.left, self.end, " ", cells)
        else:
            row.paste(self.left, cells)
        for column, text, style in puts:
            row.put(column, text, style)

    def print(self, y: int, column: int, text: str, style: Style) -> bool:
        """Print one-cell characters on the cells of a row, if they are here; False where the row has to take them."""
        cells = self.cells[y]
        if cells is None or column < self.left or column + len(text) > self.end:
            return False
        cells, puts = cells if isinstance(cells, _Printed) else (cells, ())
        if len(puts) >= _MOST_PUTS:
            return False
        self.cells[y] = _Printed(cells, (*puts, (column, text, style)))
        return True

    def put(self, first: int, end: int, cells: Cells) -> None:
        """Put the same cells into the rows `first` to `end` (exclusive)."""
        self.cells[first:end] = [cells] * (end - first)

    def replace_rows(self, first: int, end: int, at: int, count: int, blank: Style | None) -> None:
        """Forget the cells of the rows `first` to `end` (exclusive); `count` other rows come in `at`.

        They are blank in one style, or have cells of their own.
        """
        del self.cells[first:end]
        self.cells[at:at] = [blank] * count
        if self._given or blank is None or at != first:
            self._given = [y for y, cells in enumerate(self.cells) if cells is None]

    def scroll(
        self, first: int, end: int, count: int, filling: Cells | Style, row_at: Callable[[int], Row], *, up: bool
    ) -> None:
        """Scroll the rows `first` to `end` (exclusive) by `count`, which is no more than there are of them."""
        cells = self.cells
        lost, at = (first, end - count) if up else (end - count, first)
        if self._given or self._whole != (first, end):
            wanted: Iterable[int] = self._given if self._whole == (first, end) else range(first, end)
            for y in wanted:
                if cells[y] is None and first <= y < end and not lost <= y < lost + count:
                    row = row_at(y)
                    cells[y] = row.copy(self.left, self.end) if row.length > self.left else DEFAULT_STYLE
            self._whole = (first, end)
            self._given.clear()
        del cells[lost : lost + count]
        cells[at:at] = [filling] * count
