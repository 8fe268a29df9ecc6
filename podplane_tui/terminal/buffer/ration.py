"""How much work on cells a program gets for the bytes that it sends.

A few bytes may copy, restyle or sum up the whole screen. Programs do that now and then; what does nothing else has no
picture to show, and would keep a processor busy for seconds with what a serial line brings in a moment.
"""

from __future__ import annotations

from typing import Final

PER_BYTE: Final = 2
"""Cells that a byte earns: text has one cell a byte."""
SCREENS: Final = 3
CELLS: Final = 16_000
"""At most so many screens and so many cells are put by for programs that want them at once."""
LEAST: Final = 32
"""What the cheapest work on rectangles costs."""


class Ration:
    """Cells that may be worked on."""

    __slots__ = ("_left", "_most")

    def __init__(self, columns: int, lines: int) -> None:
        self._left = SCREENS * columns * lines + CELLS
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int) -> None:
        """Take a screen's new size: it says how much may be put by."""
        self._most = SCREENS * columns * lines + CELLS
        self._left = min(self._left, self._most)

    def earn(self, size: int) -> None:
        """Add what `size` bytes earn."""
        self._left = min(self._most, self._left + PER_BYTE * size)

    def renew(self) -> None:
        """Put by as much as may be."""
        self._left = self._most

    @property
    def exhausted(self) -> bool:
        """Whether too little is left for any work on rectangles."""
        return self._left < LEAST

    def spend(self, cells: int) -> bool:
        """Take what work on `cells` cells costs; False, and nothing is taken, if there is not that much."""
        if cells > self._left:
            return False
        self._left -= cells
        return True
