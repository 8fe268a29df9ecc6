"""What is to become of a row's cells: work on many rows that is put off until somebody wants one of them.

A few bytes may fill, shift or restyle a whole screen. Where what becomes of a row depends on that row alone, the work
is done once on a recipe that the rows share, as if it were a row, and what thousands of such sequences come to is done
to a row's cells in one go. A recipe says of each column which column its cell comes from, or what it is filled with,
and what becomes of that cell's attributes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from podplane_tui.terminal.buffer.row import Row
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, Change, Style

Attributes = int
"""What becomes of the four attributes DECCARA knows, two bits each: its value if it was not set, and if it was."""

_NAMES: Final = ("bold", "underline", "blink", "reverse")
_KEEP, TOGGLE, SET, CLEAR = 0b10, 0b01, 0b11, 0b00
KEPT: Final[Attributes] = 0b10_10_10_10
_KEPT: Final = bytes([KEPT])
_UNDERLINE: Final = _NAMES.index("underline")
_TOUCHED, _UNDERLINED = 1, 2
"""Marks of a column: something became of its attributes, so that it is stored; and of its kind of underline."""


def attributes(**changes: int) -> Attributes:
    """`TOGGLE`, `SET` or `CLEAR` of some attributes, by name."""
    return sum(changes.get(name, _KEEP) << 2 * index for index, name in enumerate(_NAMES))


@lru_cache(maxsize=256)
def _then(change: Attributes) -> bytes:
    """Of each change, what it comes to with `change` behind it."""
    pairs = [change >> shift & 3 for shift in (0, 2, 4, 6)]
    return bytes(
        sum((pair >> (before >> bit & 1) & 1) << bit for bit in range(8) for pair in (pairs[bit // 2],))
        for before in range(256)
    )


_MARKED: Final = {marks: bytes(before | marks for before in range(256)) for marks in (1, 3)}


@lru_cache(maxsize=64)
def _change_of(look: Attributes, marks: int) -> Change:
    def changed(style: Style) -> Style:
        values: dict[str, bool | int] = {}
        for index, name in enumerate(_NAMES):
            pair = look >> 2 * index & 3
            if index == _UNDERLINE:
                if marks & _UNDERLINED:  # twice toggled, a curly one is plain
                    values[name] = pair >> bool(style.underline) & 1
            elif pair != _KEEP:
                values[name] = bool(pair >> getattr(style, name) & 1)
        return style.replace(**values)

    return Change(changed)


def _run_end(values: bytes, start: int) -> int:
    """Where the values that are equal to the one at `start` end."""
    return len(values) - len(values[start:].lstrip(values[start : start + 1]))


class Recipe:
    """What the cells of some rows are made of.

    A source below `columns` is the row's own cell in that column; `columns` is a default blank that need not be stored;
    from there on they number the constants.
    """

    __slots__ = ("_constants", "_cuts", "_looks", "_marks", "_numbers", "_sources", "_unwraps", "columns")

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._sources = list(range(columns))
        self._looks = bytearray(_KEPT) * columns
        self._marks = bytearray(columns)
        self._constants: list[tuple[str, Style]] = []
        self._numbers: dict[tuple[str, Style], int] = {}
        self._cuts: set[int] = set()
        """Columns whose cell is no longer beside the one right of it: a wide character that was there is gone."""
        self._unwraps = False

    def copy(self) -> Recipe:
        """Another one that says the same."""
        other = Recipe.__new__(Recipe)
        other.columns = self.columns
        other._sources = self._sources[:]
        other._looks, other._marks = self._looks[:], self._marks[:]
        other._constants, other._numbers = self._constants[:], self._numbers.copy()
        other._cuts = self._cuts.copy()
        other._unwraps = self._unwraps
        return other

    # -- what is put off ----------------------------------------------------------------------------------------

    def fill(self, start: int, end: int, char: str, style: Style) -> None:
        """`Row.fill`."""
        self._cut(start)
        self._cut(end)
        count = end - start
        self._sources[start:end] = self._sources_of(char, style, count)
        self._looks[start:end] = _KEPT * count
        self._marks[start:end] = bytes(count)

    def insert(self, start: int, count: int, end: int, style: Style) -> None:
        """`Row.insert`."""
        count = min(count, end - start)
        self._shift(start, end, style, count, 0)

    def delete(self, start: int, count: int, end: int, style: Style) -> None:
        """`Row.delete`."""
        count = min(count, end - start)
        self._shift(start, end, style, 0, count)

    def restyle(self, start: int, end: int, change: Attributes) -> None:
        """Change attributes of the cells of columns `start` to `end` (exclusive)."""
        self._looks[start:end] = self._looks[start:end].translate(_then(change))
        underlined = change >> 2 * _UNDERLINE & 3 != _KEEP
        marks = _TOUCHED | _UNDERLINED if underlined else _TOUCHED
        self._marks[start:end] = self._marks[start:end].translate(_MARKED[marks])

    # -- carrying it out ----------------------------------------------------------------------------------------

    def carry_out(self, row: Row) -> None:
        """Do to a row what was put off."""
        columns, sources, marks = self.columns, self._sources, self._marks
        row.touch()
        chars, length = row.to_cells(), row.length
        if row.wide:
            for left in self._cuts:
                if left + 1 < length and chars[left + 1] == "":
                    chars[left] = chars[left + 1] = " "
        end = columns
        while end and not marks[end - 1] and length <= sources[end - 1] <= columns:
            end -= 1
        missing = columns + 1 - length
        given_chars = [*chars, *[" "] * missing, *[char for char, _ in self._constants]]
        given_styles = [*row.styles, *[DEFAULT_STYLE] * missing, *[style for _, style in self._constants]]
        row.chars = list(map(given_chars.__getitem__, sources[:end]))
        row.styles = self._restyled(list(map(given_styles.__getitem__, sources[:end])))
        row.length = end
        if self._unwraps:
            row.wrapped = False
        row.trim()

    def _restyled(self, styles: list[Style]) -> list[Style]:
        """The styles of the first cells with what becomes of their attributes."""
        start, end = 0, len(styles)
        looks, marks = bytes(self._looks[:end]), bytes(self._marks[:end])
        while start < end:
            look, mark = looks[start], marks[start]
            stop = min(_run_end(looks, start), _run_end(marks, start))
            if look != KEPT or mark & _UNDERLINED:
                styles[start:stop] = _change_of(look, mark).all_of(styles[start:stop])
            start = stop
        return styles

    # -- details ------------------------------------------------------------------------------------------------

    def _shift(self, start: int, end: int, style: Style, inserted: int, deleted: int) -> None:
        """Insert or delete cells: the others move, and as many blanks come in."""
        first, stop, count = start + deleted, end - inserted, inserted + deleted
        for column in {start, first, stop, end}:
            self._cut(column)
        at = start if inserted else end - deleted
        sources, looks, marks = self._sources, self._looks, self._marks
        blanks = self._sources_of(" ", style, count)
        if inserted:
            del sources[stop:end], looks[stop:end], marks[stop:end]
        else:
            del sources[start:first], looks[start:first], marks[start:first]
        sources[at:at], looks[at:at], marks[at:at] = blanks, _KEPT * count, bytes(count)
        self._unwraps = True

    def _sources_of(self, char: str, style: Style, count: int) -> list[int]:
        """The source of a constant, so many times."""
        if char == " " and style is DEFAULT_STYLE:
            return [self.columns] * count
        number = self._numbers.get((char, style))
        if number is None:
            if len(self._constants) > 2 * self.columns:
                self._forget()
            number = self._numbers[char, style] = self.columns + 1 + len(self._constants)
            self._constants.append((char, style))
        return [number] * count

    def _forget(self) -> None:
        """Keep only the constants that are shown."""
        first = self.columns + 1
        used = sorted({source for source in self._sources if source >= first})
        renumbered = {old: first + index for index, old in enumerate(used)}
        self._constants = [self._constants[old - first] for old in used]
        self._numbers = {constant: first + index for index, constant in enumerate(self._constants)}
        self._sources[:] = [renumbered.get(source, source) for source in self._sources]

    def _cut(self, column: int) -> None:
        """Note that what stands on both sides of a column's left edge is parted."""
        if 0 < column < self.columns:
            left = self._sources[column - 1]
            if self._sources[column] == left + 1 < self.columns:
                self._cuts.add(left)
