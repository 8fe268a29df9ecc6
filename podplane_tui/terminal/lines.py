"""Whole lines at a time: text and SGR goes, as text, straight to the rows or the scrollback.

What it looks like is found out when somebody looks at it (see `stored`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from .row import Row
from .screen import Screen
from .stored import StoredRow, source_of, style_after, text_of, without_styles
from .style import DEFAULT_STYLE, Style
from .width import CLASSES, ZERO, cells_in_line

_LINES: Final = re.compile(r"(?:[ -~\xa0-\U0010ffff]*+(?:\x1b\[[0-9:;]{0,256}m[ -~\xa0-\U0010ffff]*+)*+\r++\n)*+")
_MOST_LOOKS: Final = 32
"""Characters of SGR sequences a cell that are kept with a line: a colour of its own for each has less than 24."""


@lru_cache(maxsize=16)
def _lines_up_to(columns: int) -> re.Pattern[str]:
    """Lines that fit into a row."""
    return re.compile(rf"(?:[ -~]{{0,{columns}}}+\r++\n)*+")


def print_lines(screen: Screen, text: str, start: int) -> int:
    """Print the lines of `text` from `start` on, as far as nothing is in their way; returns where they end."""
    columns, cursor = screen.columns, screen.cursor
    style = screen.style
    if cursor.x or screen.pending_wrap or style.background != "default" or style.protected or not screen.plain:
        return start
    if screen.top or screen.bottom != screen.lines - 1 or screen.translation is not None:
        return start
    if any(row if isinstance(row, str) else row.length for row in screen.visible[cursor.y :]):
        return start
    end = start
    if style is DEFAULT_STYLE:
        end = _lines_up_to(columns).match(text, start).end()  # type: ignore[union-attr]
        if end >= len(text) - columns:
            if end > start:
                _add_rows(screen, _lines_of(text[start:end]))  # type: ignore[arg-type]
            return end
    end = _LINES.match(text, end).end()  # type: ignore[union-attr]
    if end == start:
        return start
    rows, count, screen.style = _rows_of(_lines_of(text[start:end]), columns, style)
    if count < text.count("\n", start, end):
        end = start
        for _ in range(count):
            end = text.index("\n", end) + 1
    _add_rows(screen, rows)
    return end


def _lines_of(block: str) -> list[str]:
    """The lines of a block of whole lines, and an empty one behind them."""
    if block.count("\r") != block.count("\n"):
        block = block.replace("\r", "").replace("\n", "\r\n")
    return block.split("\r\n")


def _add_rows(screen: Screen, rows: list[StoredRow]) -> None:
    """Put rows from the cursor's row on; it goes to the start of the last one."""
    cursor, visible = screen.cursor, screen.visible
    screen.last_char = next(filter(None, map(_last_char, reversed(rows))), screen.last_char)
    surplus = cursor.y + len(rows) - screen.lines
    if surplus > 0:
        if not screen.alternate:
            screen.scrollback.extend(visible[: min(surplus, cursor.y)])
            screen.scrollback.extend_lines(rows[: max(0, surplus - cursor.y)])
        visible[cursor.y :] = rows if surplus <= cursor.y else rows[surplus - cursor.y :]
        del visible[: len(visible) - screen.lines]
        cursor.y = screen.lines - 1
    else:
        visible[cursor.y : cursor.y + len(rows)] = rows
        cursor.y += len(rows) - 1
    cursor.x = 0
    screen.pending_wrap = False


def _last_char(row: StoredRow) -> str:
    """The last character of a row that takes cells; empty if there is none."""
    text = row.full_text() if isinstance(row, Row) else text_of(row)
    if text.isascii():
        return text[-1:]
    return next((char for char in reversed(text) if CLASSES[ord(char)] != ZERO), "")


def _rows_of(lines: list[str], columns: int, style: Style) -> tuple[list[StoredRow], int, Style]:
    """Lines as rows of `columns` cells at most, up to the first whose looks cannot be left for later.

    Returns them, an empty one behind them, how many lines they are, and the style behind them.
    """
    rows: list[StoredRow] = []
    for number, line in enumerate(lines):
        if line.isascii() and "\x1b" not in line:
            if len(line) > columns:
                *full, line = [line[start : start + columns] for start in range(0, len(line), columns)]  # noqa: PLW2901
                for part in full:
                    row = Row()
                    row.put(0, part, style)
                    row.wrapped = True
                    rows.append(row)
            rows.append(line if style is DEFAULT_STYLE or not line else source_of(line, style))
            continue
        printed = without_styles(line)
        end_style = style_after(line, style)
        looks_too_much = len(line) - len(printed) > _MOST_LOOKS * columns
        if looks_too_much or end_style.background != "default" or cells_in_line(printed) > columns:
            return [*rows, ""], number, style
        rows.append(source_of(line, style) if printed else "")
        style = end_style
    return rows, len(lines) - 1, style
