"""Re-wrapping: the rows of soft-wrapped lines put together and cut again at another width."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podplane_tui.terminal.buffer.compact_row import StoredRow, length_of, row_of, wraps
from podplane_tui.terminal.buffer.row import Row
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, Style
from podplane_tui.terminal.buffer.width import width_of


@dataclass(slots=True)
class Place:
    """A position in a list of rows that follows its text when that is re-wrapped.

    The column after the last one of a full row stands for a cursor whose wrap is pending.
    """

    row: int
    column: int


def reflow(rows: Iterable[StoredRow], columns: int, places: list[Place]) -> list[StoredRow]:
    """`rows` re-wrapped to `columns`; `places` are moved along. Rows that fit as they are stay the same objects.

    Blanks at the end of a line do not wrap: they are dropped where the line gets too narrow for them.
    """
    result: list[StoredRow] = []
    line: list[Row] = []
    first = 0
    followed: dict[int, list[Place]] = {}
    for place in places:
        followed.setdefault(place.row, []).append(place)
    for number, row in enumerate(rows):
        if not line:
            first = number
            length = length_of(row)
            if length <= columns and not wraps(row):
                for place in followed.get(number, ()):
                    limit = columns if place.column == length else columns - 1
                    place.row, place.column = len(result), min(place.column, limit)
                result.append(row)
                continue
        line.append(row_of(row))
        if not line[-1].wrapped:
            _rewrap(line, first, columns, followed, result)
            line = []
    if line:
        _rewrap(line, first, columns, followed, result)
    return result


def _rewrap(
    line: list[Row], first: int, columns: int, followed: dict[int, list[Place]], result: list[StoredRow]
) -> None:
    """Cut one line, given as its rows, into rows of `columns` cells at the end of `result`."""
    cells: list[tuple[str, Style]] = []
    marks: list[tuple[int, Place]] = []
    for number, row in enumerate(line):
        for place in followed.get(first + number, ()):
            marks.append((len(cells) + place.column, place))
        cells.extend(row.cells())
    while cells and cells[-1] == (" ", DEFAULT_STYLE):
        cells.pop()
    if columns == 1:
        cells = [(char if width_of(char) < 2 else "\ufffd", style) for char, style in cells if char]
    starts = [0]
    while len(cells) - starts[-1] > columns:
        end = starts[-1] + columns
        # A wide character that would be cut in two goes to the next row.
        starts.append(end - 1 if cells[end][0] == "" else end)
    base = len(result)
    for index, start in enumerate(starts):
        end = starts[index + 1] if index + 1 < len(starts) else len(cells)
        result.append(_row_of(cells[start:end], wrapped=index + 1 < len(starts)))
    for offset, place in marks:
        index = max(index for index, start in enumerate(starts) if start <= offset)
        limit = columns if offset == len(cells) else columns - 1
        place.row, place.column = base + index, min(offset - starts[index], limit)


def _row_of(cells: list[tuple[str, Style]], *, wrapped: bool) -> Row:
    row = Row()
    row.chars = [char for char, _ in cells]
    row.styles = [style for _, style in cells]
    row.length = len(cells)
    row.wide = any(len(char) != 1 or char > "\x7f" for char in row.chars)
    row.wrapped = wrapped
    row.compact()
    return row
