"""A search of a terminal's text: the pattern, its matches, and the chosen one."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

from podplane_tui.tui.widgets.terminal.viewport import Viewport

SEARCH_INTERVAL = 0.5
"""Seconds between searches of text that keeps coming."""


@dataclass(slots=True)
class Search:
    """A pattern, its matches (address, first column, column after the last), oldest first, and the chosen one.

    ``current`` is the number of the chosen match, -1 is none. ``updated`` is when the text was last searched, in
    seconds of the monotonic clock.
    """

    pattern: str | re.Pattern[str]
    matches: list[tuple[int, int, int]] = field(default_factory=list)
    current: int = -1
    updated: float = -inf

    def wait(self, now: float) -> float:
        """Seconds until the text should be searched again; 0.0 is at once."""
        return max(0.0, self.updated + SEARCH_INTERVAL - now)

    def update(self, viewport: Viewport, now: float) -> bool:
        """Search again; returns whether there are more or fewer matches or another one is chosen.

        The chosen match stays the chosen one while its line is kept.
        """
        before = len(self.matches), self.current
        chosen = self.matches[self.current] if 0 <= self.current < len(self.matches) else None
        oldest = viewport.oldest
        found = viewport.terminal.search(self.pattern)
        self.matches = [(oldest + match.line, match.start, match.end) for match in found]
        self.current = self.matches.index(chosen) if chosen in self.matches else -1
        self.updated = now
        return (len(self.matches), self.current) != before

    def between(self, first: int, last: int) -> Iterator[tuple[int, tuple[int, int, int]]]:
        """Matches, with their numbers, that start on lines ``first`` to ``last`` (not included)."""
        start = bisect_left(self.matches, (first, 0, 0))
        for number in range(start, bisect_left(self.matches, (last, 0, 0))):
            yield number, self.matches[number]

    def step(self, *, by: int, above: int) -> tuple[int, int, int] | None:
        """Choose the next match (1) or the one before (-1), at first the last one that starts above line ``above``."""
        if not self.matches:
            return None
        if self.current >= 0:
            self.current = (self.current + by) % len(self.matches)
        else:
            before = [index for index, match in enumerate(self.matches) if match[0] < above]
            self.current = before[-1] if before else len(self.matches) - 1
        return self.matches[self.current]
