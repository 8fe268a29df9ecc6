"""One line of the list of machines: cells and styles → a strip. Knows nothing of the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from podplane_tui.tui.widgets.vm_list.row import BAR, Column, Row

GAP = 2
"""Cells between two columns, half of them at either end of a line."""

_MARGIN = " " * (GAP // 2)


def width_of(columns: Sequence[Column], widths: Sequence[int]) -> int:
    """Cells that a line of these columns takes."""
    return sum(widths) + GAP * len(columns)


def header(columns: Sequence[Column], widths: Sequence[int], labels: Sequence[str], style: Style) -> Strip:
    """The line of the columns' names."""
    parts = []
    for column, width, label in zip(columns, widths, labels, strict=True):
        parts += [_MARGIN, _fitted(label, width, right=column.right), _MARGIN]
    return Strip([Segment("".join(parts), style)])


def line(
    row: Row, columns: Sequence[Column], widths: Sequence[int], base: Style, style_of: Callable[[str], Style]
) -> Strip:
    """The line of one machine; `style_of` makes a style that goes on top of `base`."""
    segments = []
    gap = _MARGIN
    for column, width in zip(columns, widths, strict=True):
        text, style, bar = row[column.key]
        segments += [
            Segment(gap, base),
            Segment(_fitted(text, width - len(bar), right=column.right), base + style_of(style)),
        ]
        if bar:
            segments.append(Segment(bar, base + style_of(BAR)))
        gap = _MARGIN * 2
    segments.append(Segment(_MARGIN, base))
    return Strip(segments).simplify()


def _fitted(text: str, width: int, *, right: bool) -> str:
    if right:
        text = " " * (width - cell_len(text)) + text
    return set_cell_size(text, max(width, 0))


def column_at(x: int, widths: Sequence[int]) -> int | None:
    """The number of the column that has cell `x` of a line; None beyond the last."""
    for number, width in enumerate(widths):
        x -= width + GAP
        if x < 0:
            return number
    return None
