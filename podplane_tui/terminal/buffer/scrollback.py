"""The rows that scrolled off the top of the main screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, overload

from podplane_tui.terminal.buffer.compact_row import StoredRow, row_of
from podplane_tui.terminal.buffer.row import Row

_MANY_PIECES = 32
MOST_PIECES: Final = 200_000
"""Pieces that rows of many pieces may have together: each may have a style of its own, which takes half a kilobyte."""


class Scrollback(Sequence[Row]):
    """A bounded sequence of rows, oldest first. `pushed` counts all rows that ever came in.

    There are fewer than the limit where they are so colourful that they would take hundreds of megabytes.
    """

    def __init__(self, limit: int) -> None:
        self._stored: deque[StoredRow] = deque(maxlen=max(0, limit))
        self._pieces = 0
        """Of the rows with many of them, as far as it is known; rows that have gone since may be among them."""
        self.pushed = 0

    def extend(self, rows: Sequence[StoredRow]) -> None:
        """Add rows at the end; the oldest go when there are too many."""
        self.pushed += len(rows)
        self._stored.extend(rows)
        for row in [row for row in rows if row.__class__ is Row]:
            self._settle(row)

    def extend_lines(self, rows: Sequence[StoredRow]) -> None:
        """Add strings, or rows that were never written to out of order, at the end."""
        self.pushed += len(rows)
        self._stored.extend(rows)

    def push(self, row: StoredRow) -> None:
        """Add one row at the end."""
        self.pushed += 1
        self._stored.append(row)
        if not isinstance(row, str):
            self._settle(row)

    def _settle(self, row: Row) -> None:
        """Store a row as cheaply as it can be, and count it."""
        if row.chars is not None or (row.wide and len(row.pieces) > _MANY_PIECES):
            row.compact()
        if len(row.pieces) > _MANY_PIECES:
            self._pieces += len(row.pieces)
            if self._pieces > MOST_PIECES:
                self._drop_pieces()

    def replace(self, rows: Sequence[StoredRow]) -> None:
        """Put other rows in place of all (after re-wrapping)."""
        self.pushed += len(rows) - len(self._stored)
        self._stored.clear()
        self._stored.extend(rows)
        self._drop_pieces()

    def clear(self) -> None:
        self._stored.clear()

    def _drop_pieces(self) -> None:
        """Count the pieces, and if there are too many, drop the oldest rows until half as many are left."""
        stored = self._stored
        self._pieces = sum(map(_pieces_of, stored))
        if self._pieces > MOST_PIECES:
            while self._pieces > MOST_PIECES // 2:
                self._pieces -= _pieces_of(stored.popleft())

    def __len__(self) -> int:
        return len(self._stored)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self._stored)))]
        row = self._stored[index]
        if isinstance(row, str):
            row = row_of(row)
            if len(row.pieces) <= _MANY_PIECES:
                self._stored[index] = row
        return row

    @property
    def stored(self) -> Sequence[StoredRow]:
        """The rows as they are stored."""
        return self._stored


def _pieces_of(row: StoredRow) -> int:
    """The pieces of a row that has many."""
    return 0 if isinstance(row, str) or len(row.pieces) <= _MANY_PIECES else len(row.pieces)
