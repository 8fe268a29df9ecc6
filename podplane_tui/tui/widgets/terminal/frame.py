"""One frame of a terminal: the lines in view as painted, and which of them changed since the frame before.

Textual asks for lines when it repaints, which is some time after it was told to. In between, more may have been parsed.
So a frame is composed at one moment and handed out unchanged until the next: a program that redraws within synchronized
output is never seen half done.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rich.style import Style as RichStyle
from textual.geometry import Region
from textual.strip import Strip

from podplane_tui.terminal import Row
from podplane_tui.tui.widgets.terminal.painter import Look, Painter, Span, cell_span, overlay
from podplane_tui.tui.widgets.terminal.search import Search
from podplane_tui.tui.widgets.terminal.selection import Range
from podplane_tui.tui.widgets.terminal.viewport import Viewport

UNDERLINE_CURSOR = RichStyle(underline=True, bold=True)


@dataclass(frozen=True, slots=True)
class Marks:
    """What lies over the text of a frame. ``looks`` are the widget's component styles by name, and ``selection``."""

    looks: Mapping[str, RichStyle]
    cursor_active: bool
    selection: Range | None = None
    search: Search | None = None


class _Line(NamedTuple):
    """A painted line: the row's strip, what lies over it, and both together."""

    base: Strip
    spans: tuple[Span, ...]
    strip: Strip


class Frame:
    """The painted lines of a viewport."""

    def __init__(self) -> None:
        self._painter: Painter | None = None
        self._lines: list[_Line] = []
        self._rows: list[Row | None] = []

    def __len__(self) -> int:
        return len(self._lines)

    def strips(self, first: int, end: int) -> list[Strip]:
        """The lines ``first`` to ``end`` (not included), as far as there are any."""
        return [line.strip for line in self._lines[first:end]]

    def compose(self, viewport: Viewport, look: Look, marks: Marks, *, width: int) -> list[int]:
        """Bring the lines, ``width`` columns each, up to date; returns the numbers of those that changed."""
        if self._painter is None or self._painter.look != look:
            self._painter = Painter(look)
        painter = self._painter
        top = viewport.top
        rows = viewport.rows()
        strips = [painter.blank if row is None else painter.strip(row) for row in rows]
        spans: dict[int, list[Span]] = {}
        for line, span in _marks(viewport, top, strips, marks):
            if 0 <= line - top < viewport.height and span.start < span.end:
                spans.setdefault(line - top, []).append(span)
        changed = []
        lines = []
        for y, base in enumerate(strips):
            over = tuple(spans.get(y, ()))
            painted = self._lines[y] if y < len(self._lines) else None
            if (
                painted is None
                or painted.base is not base
                or painted.spans != over
                or painted.strip.cell_length != width
            ):
                strip = overlay(base, over) if over else base
                if strip.cell_length != width:
                    strip = strip.adjust_cell_length(width, painter.blank_style)
                painted = _Line(base, over, strip)
                changed.append(y)
            lines.append(painted)
        shown = set(map(id, rows))
        for row in self._rows:  # rows out of view keep no strips: ten thousand lines of scrollback would weigh
            if row is not None and id(row) not in shown:
                row.cache = None
        self._lines, self._rows = lines, rows
        return changed


def regions(changed: list[int], width: int) -> list[Region]:
    """Changed lines as few regions of whole lines."""
    found: list[Region] = []
    for y in changed:
        if found and found[-1].bottom == y:
            found[-1] = found[-1].grow((0, 0, 1, 0))
        else:
            found.append(Region(0, y, width, 1))
    return found


def _marks(viewport: Viewport, top: int, strips: list[Strip], marks: Marks) -> Iterator[tuple[int, Span]]:
    """Everything that lies over the lines, by address, lowest layer first; may name lines out of view."""
    columns = viewport.terminal.columns
    height = viewport.height
    if marks.search is not None:
        for number, (first, start, end) in marks.search.between(top - height, top + height):
            style = marks.looks["match-chosen" if number == marks.search.current else "match"]
            # A match in text that was wrapped goes on in the lines below.
            for line in range(first, first + -(-end // columns)):
                yield line, Span(start if line == first else 0, min(end - (line - first) * columns, columns), style)
    if marks.selection is not None:
        (first, start), (last, end) = marks.selection
        for line in range(max(first, top), min(last + 1, top + height)):
            cut = Span(start if line == first else 0, end if line == last else columns, marks.looks["selection"])
            yield line, cut
    yield from _cursor(viewport, top, strips, marks)
    if not viewport.following:
        yield from _scroll_indicator(viewport, top, marks)


def _cursor(viewport: Viewport, top: int, strips: list[Strip], marks: Marks) -> Iterator[tuple[int, Span]]:
    cursor = viewport.terminal.cursor
    line = viewport.terminal.scrolled_off + cursor.y
    if not cursor.visible or not 0 <= line - top < len(strips):
        return
    strip = strips[line - top]
    start, end = cell_span(strip, cursor.x)
    if not marks.cursor_active:
        yield line, Span(start, end, marks.looks["cursor-idle"])
    elif cursor.shape == "block":
        yield line, Span(start, end, marks.looks["cursor"])
    elif cursor.shape == "bar" and (under := strip.crop(start, end)).text == " ":
        yield line, Span(start, end, next(iter(under)).style or RichStyle(), "▏")
    else:  # there is no bar beside a character in a terminal's cells
        yield line, Span(start, end, UNDERLINE_CURSOR)


def _scroll_indicator(viewport: Viewport, top: int, marks: Marks) -> Iterator[tuple[int, Span]]:
    """A scroll bar over the last column, there only while scrolled back."""
    height = viewport.height
    last = viewport.terminal.columns - 1
    total = viewport.end - viewport.oldest
    thumb = max(1, height * height // total)
    start = round((top - viewport.oldest) * (height - thumb) / max(1, total - height))
    for y in range(height):
        on = start <= y < start + thumb
        style = marks.looks["scroll-thumb" if on else "scroll-track"]
        yield top + y, Span(last, last + 1, style, "█" if on else "│")
