"""What is to become of a row's cells: work on many rows that is put off until somebody wants one of them.

A few bytes may fill, shift or restyle a whole screen. Where what becomes of a row depends on that row alone, the work
is done once on a recipe that the rows share, as if it were a row, and what thousands of such sequences come to is done
to a row's cells in one go. A recipe says of each column which column its cell comes from, or what it is filled with,
and what becomes of that cell's attributes.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
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
_TOUCHED, _UNDERLINED, _NO_LEFT, _NO_RIGHT = 1, 2, 4, 8
"""Marks of a column: something became of its attributes, so that it is stored; and of its kind of underline; its cell
is no longer beside the one it had on its left; on its right: a half of a wide character becomes a blank."""


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
_PARTED: Final = bytes(before & (_NO_LEFT | _NO_RIGHT) != 0 for before in range(256))
_UNMARKED: Final = bytes(before & (_TOUCHED | _UNDERLINED) for before in range(256))


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


class _Plan:
    """Of each column, the source of its cell, what becomes of its attributes, and marks."""

    __slots__ = ("looks", "marks", "sources")

    def __init__(self, sources: list[int], looks: bytearray, marks: bytearray) -> None:
        self.sources = sources
        self.looks = looks
        self.marks = marks

    def copy(self) -> _Plan:
        return _Plan(self.sources[:], self.looks[:], self.marks[:])

    def part(self, column: int) -> None:
        """Mark what stands on both sides of a column's left edge: halves of one character no longer make it up."""
        if 0 < column < len(self.marks):
            self.marks[column - 1] |= _NO_RIGHT
            self.marks[column] |= _NO_LEFT

    def fill(self, start: int, end: int, source: int) -> None:
        self.part(start)
        self.part(end)
        count = end - start
        self.sources[start:end] = [source] * count
        self.looks[start:end] = _KEPT * count
        self.marks[start:end] = bytes(count)

    def shift(self, start: int, end: int, source: int, *, inserted: int, deleted: int) -> None:
        """Insert or delete cells: the others move, and as many from `source` come in."""
        first, stop, count = start + deleted, end - inserted, inserted + deleted
        for column in {start, first, stop, end}:
            self.part(column)
        at = start if inserted else end - deleted
        sources, looks, marks = self.sources, self.looks, self.marks
        if inserted:
            del sources[stop:end], looks[stop:end], marks[stop:end]
        else:
            del sources[start:first], looks[start:first], marks[start:first]
        sources[at:at], looks[at:at], marks[at:at] = [source] * count, _KEPT * count, bytes(count)

    def repeat(self, start: int, target: int, width: int) -> None:
        """Put what is in `width` columns from `start` into those from `target`, too."""
        end = start + width
        sources, looks, marks = self.sources[start:end], self.looks[start:end], self.marks[start:end]
        marks[0] |= _NO_LEFT if start else 0
        marks[-1] |= _NO_RIGHT if end < len(self.marks) else 0
        self.part(target)
        self.part(target + width)
        end = target + width
        self.sources[target:end], self.looks[target:end], self.marks[target:end] = sources, looks, marks

    def restyle(self, start: int, end: int, change: Attributes) -> None:
        self.looks[start:end] = self.looks[start:end].translate(_then(change))
        underlined = change >> 2 * _UNDERLINE & 3 != _KEEP
        marks = _TOUCHED | _UNDERLINED if underlined else _TOUCHED
        self.marks[start:end] = self.marks[start:end].translate(_MARKED[marks])

    def erase(self, start: int, end: int, source: int, own: int, kept: set[int]) -> None:
        """Fill but for the cells whose source is below `own` or `kept`."""
        if own and max(self.sources[start:end]) < own:
            return
        if not own:
            self.part(start)
            self.part(end)
        for column, before in enumerate(self.sources[start:end], start):
            if before >= own and before not in kept:
                self.sources[column], self.looks[column], self.marks[column] = source, KEPT, 0

    def of_protected(self, other: _Plan, protected: list[bool]) -> _Plan:
        """This plan, but `other` where the source is an own cell that is protected."""
        size = len(protected)
        chosen = [
            theirs if theirs[0] < size and protected[theirs[0]] else mine
            for mine, theirs in zip(
                zip(self.sources, self.looks, self.marks, strict=True),
                zip(other.sources, other.looks, other.marks, strict=True),
                strict=True,
            )
        ]
        sources, looks, marks = zip(*chosen, strict=True)
        return _Plan(list(sources), bytearray(looks), bytearray(marks))


class Recipe:
    """What the cells of some rows are made of.

    A source below `columns` is the row's own cell in that column; `columns` is a default blank that need not be stored;
    from there on they number the constants.
    """

    __slots__ = ("_constants", "_numbers", "_plans", "_unwraps", "columns")

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._plans = [_Plan(list(range(columns)), bytearray(_KEPT) * columns, bytearray(columns))]
        """From the first selective erasure on, a second one: what becomes of own cells that are protected."""
        self._constants: list[tuple[str, Style]] = []
        self._numbers: dict[tuple[str, Style], int] = {}
        self._unwraps = False

    def copy(self) -> Recipe:
        """Another one that says the same."""
        other = Recipe.__new__(Recipe)
        other.columns = self.columns
        other._plans = [plan.copy() for plan in self._plans]
        other._constants, other._numbers = self._constants[:], self._numbers.copy()
        other._unwraps = self._unwraps
        return other

    # -- what is put off ----------------------------------------------------------------------------------------

    def fill(self, start: int, end: int, char: str, style: Style) -> None:
        """`Row.fill`."""
        source = self._source(char, style)
        for plan in self._plans:
            plan.fill(start, end, source)

    def erase(self, start: int, end: int, style: Style) -> None:
        """Blank cells; if the row ends there, its text does not go on."""
        self.fill(start, end, " ", style)
        self._unwraps = self._unwraps or end == self.columns

    def erase_unprotected(self, start: int, end: int, style: Style) -> None:
        """`Row.erase_unprotected`."""
        if len(self._plans) == 1:
            self._plans.append(self._plans[0].copy())
        source, first = self._source(" ", style), self.columns + 1
        kept = {number for number, (_, one) in enumerate(self._constants, first) if one.protected}
        if kept:
            self._plans[0].erase(start, end, source, 0, kept)
        else:
            self._plans[0].fill(start, end, source)
        self._plans[1].erase(start, end, source, self.columns, kept)

    def insert(self, start: int, count: int, end: int, style: Style) -> None:
        """`Row.insert`."""
        self._shift(start, end, style, inserted=min(count, end - start))

    def delete(self, start: int, count: int, end: int, style: Style) -> None:
        """`Row.delete`."""
        self._shift(start, end, style, deleted=min(count, end - start))

    def repeat(self, start: int, target: int, width: int) -> None:
        """Copy `width` cells from column `start` to column `target`."""
        for plan in self._plans:
            plan.repeat(start, target, width)

    def restyle(self, start: int, end: int, change: Attributes) -> None:
        """Change attributes of the cells of columns `start` to `end` (exclusive)."""
        for plan in self._plans:
            plan.restyle(start, end, change)

    # -- carrying it out ----------------------------------------------------------------------------------------

    def carry_out(self, row: Row) -> None:
        """Do to a row what was put off."""
        row.touch()
        columns, chars, length = self.columns, row.to_cells(), row.length
        plan = self._plans[0]
        if len(self._plans) > 1 and any(protected := [style.protected for style in row.styles]):
            plan = plan.of_protected(self._plans[1], protected)
        sources, marks = plan.sources, plan.marks
        end = columns
        while end and not marks[end - 1] & _TOUCHED and length <= sources[end - 1] <= columns:
            end -= 1
        missing = columns + 1 - length
        given = chars + [" "] * missing + [char for char, _ in self._constants]
        take = itemgetter(*sources, columns)  # one more than there are: of a single one, it would make no tuple
        made: list[str] = list(take(given)[:end])
        if row.wide:
            parted = marks.translate(_PARTED)
            column = parted.find(1)
            while 0 <= column < end:
                beside = sources[column] + 1
                left = marks[column] & _NO_RIGHT and beside < length and chars[beside] == ""
                if left or (marks[column] & _NO_LEFT and made[column] == ""):
                    made[column] = " "
                column = parted.find(1, column + 1)
        row.chars = made
        styles = row.styles + [DEFAULT_STYLE] * missing + [style for _, style in self._constants]
        row.styles = _restyled(list(take(styles)[:end]), plan)
        row.length = end
        if self._unwraps:
            row.wrapped = False
        row.trim()

    # -- details ------------------------------------------------------------------------------------------------

    def _shift(self, start: int, end: int, style: Style, *, inserted: int = 0, deleted: int = 0) -> None:
        source = self._source(" ", style)
        for plan in self._plans:
            plan.shift(start, end, source, inserted=inserted, deleted=deleted)
        self._unwraps = True

    def _source(self, char: str, style: Style) -> int:
        """The source of a constant."""
        if char == " " and style is DEFAULT_STYLE:
            return self.columns
        number = self._numbers.get((char, style))
        if number is None:
            if len(self._constants) > 3 * self.columns:
                self._forget()
            number = self._numbers[char, style] = self.columns + 1 + len(self._constants)
            self._constants.append((char, style))
        return number

    def _forget(self) -> None:
        """Keep only the constants that are shown."""
        first = self.columns + 1
        used = sorted({source for plan in self._plans for source in plan.sources if source >= first})
        renumbered = {old: first + index for index, old in enumerate(used)}
        self._constants = [self._constants[old - first] for old in used]
        self._numbers = {constant: first + index for index, constant in enumerate(self._constants)}
        for plan in self._plans:
            plan.sources = [renumbered.get(source, source) for source in plan.sources]


def _restyled(styles: list[Style], plan: _Plan) -> list[Style]:
    """The styles of the first cells with what becomes of their attributes."""
    start, end = 0, len(styles)
    looks, marks = bytes(plan.looks[:end]), bytes(plan.marks[:end]).translate(_UNMARKED)
    if looks.count(KEPT) == marks.count(0) == end:
        return styles
    while start < end:
        look, mark = looks[start], marks[start]
        stop = min(_run_end(looks, start), _run_end(marks, start))
        if look != KEPT or mark & _UNDERLINED:
            styles[start:stop] = _change_of(look, mark).all_of(styles[start:stop])
        start = stop
    return styles
