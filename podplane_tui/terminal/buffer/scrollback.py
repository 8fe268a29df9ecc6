"""The rows that scrolled off the top of the main screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import overload

from podplane_tui.terminal.buffer.compact_row import StoredRow, row_of
from podplane_tui.terminal.buffer.row import Row

_MANY_PIECES = 32


class Scrollback(Sequence[Row]):
    """A bounded sequence of rows, oldest first. `pushed` counts all rows that ever came in."""

    def __init__(self, limit: int) -> None:
        self._stored: deque[StoredRow] = deque(maxlen=max(0, limit))
        self.pushed = 0

    def extend(self, rows: Sequence[StoredRow]) -> None:
        """Add rows at the end; the oldest go when there are too many."""
        self.pushed += len(rows)
        self._stored.extend(rows)
        for row in rows:
            if not isinstance(row, str) and (row.chars is not None or (row.wide and len(row.pieces) > _MANY_PIECES)):
                row.compact()

    def extend_lines(self, rows: Sequence[StoredRow]) -> None:
        """Add strings, or rows that were never written to out of order, at the end."""
        self.pushed += len(rows)
        self._stored.extend(rows)

    def push(self, row: StoredRow) -> None:
        """Add one row at the end."""
        self.pushed += 1
        if not isinstance(row, str) and (row.chars is not None or (row.wide and len(row.pieces) > _MANY_PIECES)):
            row.compact()
        self._stored.append(row)

    def replace(self, rows: Sequence[StoredRow]) -> None:
        """Put other rows in place of all (after re-wrapping)."""
        self.pushed += len(rows) - len(self._stored)
        self._stored.clear()
        self._stored.extend(rows)

    def clear(self) -> None:
        self._stored.clear()

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
            row = self._stored[index] = row_of(row)
        return row

    @property
    def stored(self) -> Sequence[StoredRow]:
        """The rows as they are stored."""
        return self._stored
