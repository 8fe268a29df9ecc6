"""Finding and copying text in scrollback and screen, soft-wrapped lines joined."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from podplane_tui.terminal.buffer.width import cells_of, width_of

MATCH_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Match:
    """Where text was found: absolute line (0 is the oldest scrollback row), cells `start` to `end` (exclusive).

    A match that goes over a soft wrap ends past the row: `end` counts on into the following rows, which are all
    `columns` wide.
    """

    line: int
    start: int
    end: int


def logical_lines(texts: Sequence[tuple[str, bool]]) -> Iterator[tuple[int, list[str]]]:
    """`(first row's number, texts of the rows)` of each line, soft-wrapped rows together."""
    first, parts = 0, []
    for number, (text, wrapped) in enumerate(texts):
        parts.append(text)
        if not wrapped:
            yield first, parts
            first, parts = number + 1, []
    if parts:
        yield first, parts


def search(texts: Sequence[tuple[str, bool]], pattern: str | re.Pattern[str]) -> list[Match]:
    """All matches, top first, `MATCH_LIMIT` at most. A string is searched for as it is, ignoring case if lower case."""
    if isinstance(pattern, str):
        if not pattern:
            return []
        pattern = re.compile(re.escape(pattern), re.IGNORECASE if pattern == pattern.lower() else re.NOFLAG)
    matches: list[Match] = []
    for first, parts in logical_lines(texts):
        line = parts[0] if len(parts) == 1 else "".join(parts)
        for found in pattern.finditer(line):
            if found.start() == found.end():
                continue
            starts = [0]
            for part in parts[:-1]:
                starts.append(starts[-1] + len(part))
            row = bisect_right(starts, found.start()) - 1
            offset = starts[row]
            start = width_of(line[offset : found.start()])
            matches.append(Match(first + row, start, start + width_of(found[0])))
            if len(matches) >= MATCH_LIMIT:
                return matches
    return matches


def extract(texts: Sequence[tuple[str, bool]], start: int, end: int | None) -> str:
    """The text of consecutive rows from cell `start` of the first to cell `end` of the last, as one would copy it.

    Half of a wide character does not count.
    """
    parts: list[str] = []
    for index, (text, wrapped) in enumerate(texts):
        is_last = index == len(texts) - 1
        cells = slice(start if index == 0 else 0, end if is_last else None)
        if cells != slice(0, None):
            text = "".join(cells_of(text)[cells])  # noqa: PLW2901 - the part of it
        if is_last:
            parts.append(text.rstrip(" "))
        else:
            parts.append(text if wrapped else text.rstrip(" ") + "\n")
    return "".join(parts)
