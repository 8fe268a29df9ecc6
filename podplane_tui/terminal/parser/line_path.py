"""Whole lines at a time: text and SGR goes, as text, straight to the rows or the scrollback.

What it looks like is found out when somebody looks at it (see `buffer.compact_row`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from podplane_tui.terminal.buffer.compact_row import StoredRow, source_of, style_after, text_of, without_styles
from podplane_tui.terminal.buffer.row import Row
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, Style
from podplane_tui.terminal.buffer.width import CLASSES, ZERO, cells_in_line
from podplane_tui.terminal.screen.screen import Screen

_LINES: Final = re.compile(r"(?:[ -~\xa0-\U0010ffff]*+(?:\x1b\[[0-9:;]{0,256}m[ -~\xa0-\U0010ffff]*+)*+\r++\n)*+")
_BLOCK: Final = 16_384
"""Characters looked at in one go: what is not printed of them is looked at again."""
_MOST_LOOKS: Final = 32
"""Characters of SGR sequences a cell that are kept with a line: a colour of its own for each has less than 24."""


@lru_cache(maxsize=16)
def _lines_up_to(columns: int) -> re.Pattern[str]:
    """Lines that fit into a row."""
    return re.compile(rf"(?:[ -~]{{0,{columns}}}+\r++\n)*+")


def print_lines(screen: Screen, text: str, start: int, by_tokens: Callable[[str], None]) -> int:
    """Print the lines of `text` from `start` on, as far as nothing is in their way; returns where they end.

    Single lines whose looks cannot be left for later are printed `by_tokens`.
    """
    if not _is_ready(screen):
        return start
    columns = screen.columns
    end = start
    if screen.style is DEFAULT_STYLE:
        end = _lines_up_to(columns).match(text, start).end()  # type: ignore[union-attr]
        if end >= len(text) - columns:
            if end > start:
                _add_rows(screen, _lines_of(text[start:end]))
            return end
    end = _LINES.match(text, end, end + _BLOCK).end()  # type: ignore[union-attr]
    lines = iter(_lines_of(text[start:end])[:-1])
    while end > start:
        rows, screen.style, line = _rows_of(lines, columns, screen.style)
        if len(rows) > 1:
            _add_rows(screen, rows)
        if line is None:
            break
        by_tokens(line + "\r\n")
        if not _is_ready(screen):
            for _ in lines:
                end = text.rindex("\n", start, end - 1) + 1
            break
    return end


def _is_ready(screen: Screen) -> bool:
    """Whether a line is nothing but its text and its looks: nothing stands where it goes, and what follows is blank."""
    cursor, style = screen.cursor, screen.style
    if cursor.x or screen.pending_wrap or style.background != "default" or style.protected or not screen.plain:
        return False
    if screen.top or screen.bottom != screen.lines - 1 or screen.translation is not None:
        return False
    return not any(row if isinstance(row, str) else row.length or row.wrapped for row in screen.visible[cursor.y :])


def _lines_of(block: str) -> list[str]:
    """The lines of a block of whole lines, and the empty one behind them."""
    if block.count("\r") != block.count("\n"):
        block = block.replace("\r", "").replace("\n", "\r\n")
    return block.split("\r\n")


def _add_rows(screen: Screen, rows: Sequence[StoredRow]) -> None:
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


def _rows_of(lines: Iterator[str], columns: int, style: Style) -> tuple[list[StoredRow], Style, str | None]:
    """Lines as rows of `columns` cells at most, up to the first whose looks cannot be left for later.

    Returns them, an empty one behind them, the style behind them, and that line, if there is one.
    """
    rows: list[StoredRow] = []
    for line in lines:
        if line.isascii() and "\x1b" not in line:
            last = line
            if len(line) > columns:
                *full, last = [line[start : start + columns] for start in range(0, len(line), columns)]
                for part in full:
                    row = Row()
                    row.put(0, part, style)
                    row.wrapped = True
                    rows.append(row)
            rows.append(last if style is DEFAULT_STYLE or not last else source_of(last, style))
            continue
        printed = without_styles(line)
        end_style = style_after(line, style)
        looks_too_much = len(line) - len(printed) > _MOST_LOOKS * columns
        if looks_too_much or end_style.background != "default" or cells_in_line(printed) > columns:
            return [*rows, ""], style, line
        rows.append(source_of(line, style) if printed else "")
        style = end_style
    return [*rows, ""], style, None
