"""Rows as they are stored: most lines of a flood are never looked at, so they stay the text that makes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from podplane_tui.terminal.buffer.row import Row, Run
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, Style, describe, transition
from podplane_tui.terminal.buffer.width import MAX_CELL_LENGTH, WIDE, ZERO, class_runs, width_of

_SGR: Final = re.compile(r"\x1b\[[0-9:;]*m")
_PIECE: Final = re.compile(r"([^\x1b]*)(\x1b\[[0-9:;]*m)?")


class Source(str):
    """Printable characters of any width and SGR sequences that make a row. It begins in the default style."""

    __slots__ = ()


class Pattern(Source):
    """What rows that are all alike are made of: the plain text, its runs, and whether the text goes on in the next row.

    Thousands of rows may be one and the same pattern.
    """

    __slots__ = ("length", "pieces", "wrapped")

    pieces: tuple[Run, ...]
    wrapped: bool
    length: int

    @classmethod
    def of(cls, pieces: Sequence[Run], *, wrapped: bool = False) -> Pattern:
        pattern = cls("".join([text for text, _ in pieces]))
        pattern.pieces, pattern.wrapped, pattern.length = tuple(pieces), wrapped, width_of(pattern)
        return pattern


StoredRow = Row | str
"""A row, a `Source`, or a plain string: one-cell characters in the default style.

Of what is no `Row`, only a `Pattern` may wrap.
"""


def without_styles(text: str) -> str:
    """Text without its SGR sequences."""
    return _SGR.sub("", text)


def source_of(line: str, style: Style) -> Source:
    """A line that begins in an unprotected style as what makes a row."""
    return Source(line if style is DEFAULT_STYLE else _selecting(style) + line)


@lru_cache(maxsize=256)
def _selecting(style: Style) -> str:
    return f"\x1b[{describe(style)}m"


def style_after(line: str, style: Style) -> Style:
    """The style of what is printed behind a line of printable characters and SGR sequences that begins in `style`."""
    last = line.rfind("\x1b")
    if last < 0:
        return style
    if line.startswith(("\x1b[0m", "\x1b[m"), last) and not style.protected:
        return DEFAULT_STYLE
    for sequence in _SGR.findall(line):
        style = style.transitions.get(sequence) or transition(style, sequence) or style
    return style


def text_of(row: str) -> str:
    """The plain text of a row that is stored as text."""
    return row if type(row) is str else without_styles(row)


def text_and_wrap(row: StoredRow) -> tuple[str, bool]:
    """The text of a row, and whether it goes on in the next one; if not, blanks at its end are left out."""
    if isinstance(row, str):
        text = text_of(row)
        return (text, True) if wraps(row) else (text.rstrip(" "), False)
    return row.full_text() if row.wrapped else row.text, row.wrapped


def wraps(row: StoredRow) -> bool:
    """Whether the text of a row goes on in the next one."""
    return row.wrapped if isinstance(row, Row | Pattern) else False


def length_of(row: StoredRow) -> int:
    """How many cells of a row are stored."""
    if isinstance(row, Row | Pattern):
        return row.length
    return len(row) if type(row) is str else width_of(without_styles(row))


def row_of(row: StoredRow) -> Row:
    """The row itself, made if need be."""
    if type(row) is str:
        return Row(row)
    if isinstance(row, Row):
        return row
    made, style = Row(), DEFAULT_STYLE
    if isinstance(row, Pattern):
        made.pieces, made.length, made.wrapped = list(row.pieces), row.length, row.wrapped
        made.wide = made.length != len(row)
        return made
    for text, sequence in _PIECE.findall(row):
        if text.isascii():
            if text:
                made.put(made.length, text, style)
        else:
            for kind, run in class_runs(text):
                if kind == WIDE:
                    made.put_wide(made.length, run, style)
                elif kind != ZERO:
                    made.put(made.length, run, style)
                elif made.length:
                    made.combine(made.length - 1, run[:MAX_CELL_LENGTH], limit=MAX_CELL_LENGTH)
        if sequence:
            style = style.transitions.get(sequence) or transition(style, sequence) or style
    return made
