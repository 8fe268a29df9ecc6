"""How many cells a character takes: `wcwidth` decides, per code point, and is asked once for each.

A sequence joined by ZWJ takes the cells of its parts and a variation selector changes no width: what xterm does, and
what programs in a virtual machine, whose C library counts by `wcwidth`, reckon with.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Final

from wcwidth import wcwidth

NARROW, WIDE, ZERO, CONTROL = "nwzc"
MAX_CELL_LENGTH: Final = 16
"""Code points a cell may hold: a flood of combining characters is bounded."""
WORDS: Final[dict[str, tuple[int, str, bool]]] = {}
_MAX_WORDS: Final = 8192


class _Classes(dict[int, str]):
    """Code point → class letter, filled on demand; works as a `str.translate` table."""

    def __missing__(self, code: int) -> str:
        width = wcwidth(chr(code))
        letter = CONTROL if width < 0 else (ZERO, NARROW, WIDE)[width]
        self[code] = letter
        return letter


CLASSES: Final = _Classes()
_CLASS_RUNS: Final = re.compile("n+|w+|z+|c")
_CELL: Final = re.compile("[nw]z*|z+")


def run_class(text: str) -> str:
    """The class of all characters of a text; empty if they differ."""
    classes = text.translate(CLASSES)
    return classes[0] if classes.count(classes[0]) == len(classes) else ""


def class_runs(text: str) -> list[tuple[str, str]]:
    """Cut text into runs of one class: `(class letter, text)`; control characters come singly."""
    classes = text.translate(CLASSES)
    return [(match[0][0], text[match.start() : match.end()]) for match in _CLASS_RUNS.finditer(classes)]


def word(text: str) -> tuple[int, str, bool]:
    """How many cells a word takes, its last character that is not a mark, and whether each takes one cell.

    Short ones are remembered in `WORDS`. The width is 0 for what cannot be printed in one go: control characters, a
    mark at the start, perhaps too many marks for one cell.
    """
    entry = (0, "", False)
    classes = text.translate(CLASSES)
    wide, zero = classes.count(WIDE), classes.count(ZERO)
    short = len(text) <= MAX_CELL_LENGTH
    if classes[0] != ZERO and CONTROL not in classes and (short or not zero):
        last = max(classes.rfind(NARROW), classes.rfind(WIDE))
        # The counts may cancel out, so the width alone does not tell: an emoji with a joiner is two cells, too.
        entry = len(classes) + wide - zero, text[last], not (wide or zero)
    if short:
        if len(WORDS) >= _MAX_WORDS:
            WORDS.clear()
        WORDS[text] = entry
    return entry


def cells_in_line(text: str) -> int:
    """How many cells a line of printable text takes; more than any line has if some of its marks cannot be kept."""
    if text.isascii():
        return len(text)
    classes = text.translate(CLASSES)
    if classes[0] == ZERO or ZERO * MAX_CELL_LENGTH in classes:
        return sys.maxsize
    return len(classes) + classes.count(WIDE) - classes.count(ZERO)


def cells_of(text: str) -> Sequence[str]:
    """The cells text takes: a character with its combining marks, then `""` for the second half of a wide one."""
    if text.isascii():
        return text
    classes = text.translate(CLASSES)
    cells: list[str] = []
    for match in _CELL.finditer(classes):
        cells.append(text[match.start() : match.end()])
        if match[0][0] == WIDE:
            cells.append("")
    return cells


def width_of(text: str) -> int:
    """How many cells printable text takes."""
    if text.isascii():
        return len(text)
    classes = text.translate(CLASSES)
    return len(classes) + classes.count(WIDE) - classes.count(ZERO)
