"""One line of cells, stored as cheaply as the way it was written allows.

A row written from left to right is a list of pieces `(text, style)`. The first write out of order turns it into two
parallel lists, one entry a cell: characters (with their combining marks; `""` is the right half of a wide
character) and styles. Cells from `length` on are blank in the default style and are not stored.

Invariants:
- pieces mode: `chars is None`; the pieces' cells add up to `length`.
- cells mode: `len(chars) == len(styles) == length`; `pieces` is unused.
- `wide` is False only if every character takes exactly one cell, so that text length equals cells.
- whoever changes what a reader could see calls `touch` (or does the same by hand) in the same breath.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, Style
from podplane_tui.terminal.buffer.width import CLASSES, ZERO, cells_of

Run = tuple[str, Style]
"""Text of one or more cells in one style."""

_BLANKS = " " * 512
_STRETCH: Final = 16
_BLANK_CHARS: Final = [" "] * _STRETCH
_BLANK_STYLES: Final = [DEFAULT_STYLE] * _STRETCH


def blanks(count: int) -> str:
    """A string of `count` spaces."""
    return _BLANKS[:count] if count <= 512 else " " * count


class Cells(NamedTuple):
    """Some of a row's cells: characters, styles, and whether some may not take exactly one cell (as in `Row`)."""

    chars: list[str]
    styles: list[Style]
    wide: bool


class Row:
    """One line of cells. Its identity is stable while it scrolls, so painters may cache by it.

    `cache` is one slot for the painter's own object; it is None again whenever the row has changed. `version`
    counts the changes. `wrapped` tells that the text continues on the next row (a soft wrap).
    """

    __slots__ = ("cache", "chars", "length", "pieces", "styles", "version", "wide", "wrapped")

    def __init__(self, text: str = "") -> None:
        """A row of printable one-cell characters in the default style."""
        self.cache: object = None
        self.version = 0
        self.wrapped = False
        self.wide = False
        self.length = len(text)
        self.pieces: list[Run] = [(text, DEFAULT_STYLE)] if text else []
        self.chars: list[str] | None = None
        self.styles: list[Style] = _NO_STYLES

    # -- reading ------------------------------------------------------------------------------------------------

    def runs(self) -> Sequence[Run]:
        """The row as runs of equal style, left to right. Trailing default blanks may be left out."""
        merged: list[Run] = []
        previous: Style | None = None
        if self.chars is None:
            for text, style in self.pieces:
                if style is previous:
                    merged[-1] = (merged[-1][0] + text, style)
                else:
                    merged.append((text, style))
                    previous = style
            return merged
        start = 0
        for index, style in enumerate(self.styles):
            if style is not previous:
                if previous is not None:
                    merged.append(("".join(self.chars[start:index]), previous))
                start, previous = index, style
        if previous is not None:
            merged.append(("".join(self.chars[start:]), previous))
        return merged

    @property
    def text(self) -> str:
        """The plain text, without trailing blanks."""
        return self.full_text().rstrip(" ")

    def full_text(self) -> str:
        """The plain text with all stored cells, trailing blanks included."""
        if self.chars is None:
            pieces = self.pieces
            return pieces[0][0] if len(pieces) == 1 else "".join([text for text, _ in pieces])
        return "".join(self.chars)

    def cells(self) -> Iterator[tuple[str, Style]]:
        """Every stored cell, `""` standing for the right half of a wide character."""
        if self.chars is not None:
            yield from zip(self.chars, self.styles, strict=True)
            return
        for text, style in self.pieces:
            for char in cells_of(text) if self.wide else text:
                yield char, style

    # -- writing ------------------------------------------------------------------------------------------------

    def touch(self) -> None:
        """Note that the content changed."""
        self.version += 1
        self.cache = None

    def to_cells(self) -> list[str]:
        """Switch to cells mode; returns the characters."""
        chars = self.chars
        if chars is None:
            chars = []
            styles: list[Style] = []
            for text, style in self.pieces:
                cells = cells_of(text) if self.wide else text
                chars += cells
                styles += [style] * len(cells)
            self.chars, self.styles, self.pieces = chars, styles, _NO_PIECES
        return chars

    def compact(self) -> None:
        """Back to as few pieces as possible: for rows that are not written any more."""
        self.trim()
        self.pieces = list(self.runs())
        self.chars, self.styles = None, _NO_STYLES

    def trim(self) -> None:
        """Drop stored blanks in the default style at the end (cells mode only; nothing visible changes).

        Where the text goes on in the next row, blanks at the end are part of it and stay.
        """
        chars, styles = self.chars, self.styles
        if chars is None or self.wrapped:
            return
        length = len(chars)
        while chars[max(0, length - _STRETCH) : length] == _BLANK_CHARS and (
            styles[length - _STRETCH : length] == _BLANK_STYLES
        ):
            length -= _STRETCH
        while length and chars[length - 1] == " " and styles[length - 1] is DEFAULT_STYLE:
            length -= 1
        del chars[length:], styles[length:]
        self.length = length

    def pad(self, length: int) -> None:
        """Store default blanks so that at least `length` cells are stored."""
        missing = length - self.length
        if missing <= 0:
            return
        if self.chars is None:
            self.pieces.append((blanks(missing), DEFAULT_STYLE))
        else:
            self.chars += blanks(missing)
            self.styles += [DEFAULT_STYLE] * missing
        self.length = length

    def put(self, start: int, text: str, style: Style) -> None:
        """Write one-cell characters from column `start`."""
        self.touch()
        end = start + len(text)
        if self.chars is None:
            if start >= self.length:
                self.pad(start)
                self.pieces.append((text, style))
                self.length = end
                return
            if start == 0 and end >= self.length:
                self.pieces, self.length, self.wide = [(text, style)], end, False
                return
        chars = self.to_cells()
        self.pad(start)
        if self.wide:
            self._split_wide(start, end)
        chars[start:end] = text
        self.styles[start:end] = [style] * (end - start)
        self.length = len(chars)

    def put_wide(self, start: int, text: str, style: Style) -> None:
        """Write two-cell characters from column `start`."""
        self.touch()
        width = 2 * len(text)
        if self.chars is None and start >= self.length:
            self.pad(start)
            self.pieces.append((text, style))
            self.length = start + width
        elif self.chars is None and start == 0 and width >= self.length:
            self.pieces, self.length = [(text, style)], width
        else:
            chars = self.to_cells()
            self.pad(start)
            self._split_wide(start, start + width)
            cells = [""] * width
            cells[::2] = text
            chars[start : start + width] = cells
            self.styles[start : start + width] = [style] * width
            self.length = len(chars)
        self.wide = True

    def combine(self, column: int, mark: str, *, limit: int) -> None:
        """Add combining characters to the character that covers `column`, `limit` code points at most."""
        self.pad(column + 1)
        if self.chars is None and column == self.length - 1:
            text, style = self.pieces[-1]
            used = 1
            if CLASSES[ord(text[-1])] == ZERO:
                used = len(next(cell for cell in reversed(cells_of(text[-limit:])) if cell))
            if used < limit:
                self.touch()
                self.pieces[-1] = (text + mark[: limit - used], style)
                self.wide = True
            return
        chars = self.to_cells()
        if chars[column] == "" and column:
            column -= 1
        if len(chars[column]) < limit:
            self.touch()
            chars[column] += mark[: limit - len(chars[column])]
            self.wide = True

    def fill(self, start: int, end: int, char: str, style: Style) -> None:
        """Set the cells of columns `start` to `end` (exclusive) to one one-cell character."""
        if char == " " and style is DEFAULT_STYLE and end >= self.length:
            self.truncate(start)
        elif not (char == " " and end <= self.length and self._is_blank_in(style)):
            self.put(start, char * (end - start), style)

    def _is_blank_in(self, style: Style) -> bool:
        """Whether nothing but blanks of this style are stored, in one piece."""
        pieces = self.pieces
        return len(pieces) == 1 and pieces[0][1] is style and not pieces[0][0].strip(" ")

    def truncate(self, length: int) -> None:
        """Blank everything from column `length` on."""
        if length >= self.length:
            return
        self.touch()
        if self.chars is None:
            if length == 0:
                self.pieces, self.length, self.wide = [], 0, False
                return
            if not self.wide:
                pieces = self.pieces
                cells = self.length
                while cells > length:
                    text, style = pieces.pop()
                    cells -= len(text)
                if cells < length:
                    pieces.append((text[: length - cells], style))
                self.length = length
                return
        chars = self.to_cells()
        if self.wide and chars[length] == "":
            chars[length - 1] = " "
        del chars[length:], self.styles[length:]
        self.length = length

    def insert(self, start: int, count: int, end: int, style: Style) -> None:
        """Insert `count` blanks at column `start`; what passes `end` (exclusive) is lost."""
        count = min(count, end - start)
        if start >= self.length and style is DEFAULT_STYLE:
            return
        chars = self.to_cells()
        self.pad(start)
        self.touch()
        if self.wide:
            self._split_wide(start, start)
            self._split_wide(max(start, end - count), end)
        chars[start:start] = blanks(count)
        self.styles[start:start] = [style] * count
        # What was shifted past the margin goes; what stands right of the margin stays where it was.
        del chars[end : end + count], self.styles[end : end + count]
        self.length = len(chars)
        self.wrapped = False
        self.trim()

    def delete(self, start: int, count: int, end: int, style: Style) -> None:
        """Delete `count` cells at column `start`; blanks come in before `end` (exclusive)."""
        count = min(count, end - start)
        if start >= self.length and style is DEFAULT_STYLE:
            return
        chars = self.to_cells()
        self.pad(end)
        self.touch()
        if self.wide:
            self._split_wide(start, start + count)
            self._split_wide(end, end)
        chars[end:end] = blanks(count)
        self.styles[end:end] = [style] * count
        del chars[start : start + count], self.styles[start : start + count]
        self.length = len(chars)
        self.wrapped = False
        self.trim()

    def copy(self, start: int, end: int) -> Cells:
        """The cells of the columns `start` to `end` (exclusive), blanks included; halves blanked."""
        mine = self.to_cells()
        chars, styles = mine[start:end], self.styles[start:end]
        if missing := end - start - len(chars):
            chars += blanks(missing)
            styles += [DEFAULT_STYLE] * missing
        if self.wide:
            if start and chars[0] == "":
                chars[0] = " "
            if end < self.length and mine[end] == "":
                chars[-1] = " "
        return Cells(chars, styles, self.wide)

    def paste(self, start: int, cells: Cells) -> None:
        """Overwrite cells from column `start` with what `copy` gave."""
        self.touch()
        end = start + len(cells.chars)
        mine = self.to_cells()
        self.pad(start)
        if self.wide:
            self._split_wide(start, end)
        mine[start:end] = cells.chars
        self.styles[start:end] = cells.styles
        self.length = len(mine)
        self.wide = self.wide or cells.wide
        self.trim()

    def erase_unprotected(self, start: int, end: int, style: Style) -> None:
        """Blank the cells of columns `start` to `end` (exclusive) that are not protected."""
        held = [one for _, one in self.pieces] if self.chars is None else self.styles[start:end]
        if not any(one.protected for one in held):
            if style is not DEFAULT_STYLE or start < self.length:
                self.fill(start, end, " ", style)
            return
        chars = self.to_cells()
        if style is DEFAULT_STYLE and end >= self.length:
            end = next((x for x in range(self.length, start, -1) if self.styles[x - 1].protected), start)
            self.truncate(end)
            if start == end:
                return
        elif end > self.length:
            self.fill(self.length, end, " ", style)
        self.touch()
        kept = [one.protected for one in self.styles[start:end]]
        if self.wide and not kept[0]:
            self._split_wide(start, start)
        if self.wide and not kept[-1]:
            self._split_wide(end, end)
        pairs = zip(chars[start:end], kept, strict=True)
        chars[start:end] = [char if keep else " " for char, keep in pairs]
        looks = zip(self.styles[start:end], kept, strict=True)
        self.styles[start:end] = [one if keep else style for one, keep in looks]

    def _split_wide(self, start: int, end: int) -> None:
        """Blank the halves that wide characters on the edges of `start`..`end` would leave behind outside."""
        chars = self.to_cells()
        size = len(chars)
        if 0 < start < size and chars[start] == "":
            chars[start - 1] = chars[start] = " "
        if 0 < end < size and chars[end] == "":
            chars[end - 1] = chars[end] = " "


_NO_STYLES: list[Style] = []
_NO_PIECES: list[Run] = []
