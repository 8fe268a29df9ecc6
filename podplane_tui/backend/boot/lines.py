"""The lines of a console: where needles are, when the kernel says a line was printed, what it says without colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from operator import itemgetter

from podplane_tui.backend.boot.builder import Moment, Where
from podplane_tui.backend.boot.rules import NEEDLES, Rule

MAX_LINE = 4096
"""Bytes of a line that are looked at."""

STAMP = re.compile(rb"\[ *([0-9]{1,9}\.[0-9]{6})\](?:\[ *[TC][0-9]+\])? ?")
"""The kernel's time stamp, in seconds since it began, and its thread or CPU where it prints that."""

_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?")


def _capital(needle: bytes) -> int:
    """Where a needle's first capital letter is; -1 without one."""
    return next((place for place, byte in enumerate(needle) if 65 <= byte <= 90), -1)


def _capitals(needles: Iterable[bytes]) -> re.Pattern[bytes]:
    """Any of the needles, from its first capital letter on."""
    rests: dict[bytes, list[bytes]] = {}
    for needle in sorted(needles, key=len, reverse=True):
        place = _capital(needle)
        behind = b"(?<=" + re.escape(needle) + b")" if place else b""
        rests.setdefault(needle[place : place + 1], []).append(re.escape(needle[place + 1 :]) + behind)
    return re.compile(b"|".join(letter + b"(?:" + b"|".join(some) + b")" for letter, some in rests.items()))


_WITH_CAPITAL = {needle: rules for needle, rules in NEEDLES.items() if _capital(needle) >= 0}
_CAPITALS = _capitals(_WITH_CAPITAL)
_BY_CAPITAL = {needle[_capital(needle) :]: (_capital(needle), rules) for needle, rules in _WITH_CAPITAL.items()}
_WITHOUT = tuple((needle, rules) for needle, rules in NEEDLES.items() if needle not in _WITH_CAPITAL)


def needles_in(text: bytes) -> list[tuple[int, tuple[Rule, ...]]]:
    """Where needles are in `text`, in order, and their rules.

    Capital letters are rare, so one pattern looks only at those; it finds what has one faster than a search for each.
    """
    found = []
    for match in _CAPITALS.finditer(text):
        before, rules = _BY_CAPITAL[match[0]]
        found.append((match.start() - before, rules))
    for needle, rules in _WITHOUT:
        place = text.find(needle)
        while place >= 0:
            found.append((place, rules))
            place = text.find(needle, place + len(needle))
    found.sort(key=itemgetter(0))
    return found


class Reading:
    """Lines in work: as they came, and with none too long. Offsets are those in `text`."""

    def __init__(self, raw: bytes, text: bytes, at: float | None, offset: int, line: int) -> None:
        self.raw = raw
        self.text = text
        self.at = at
        self._place = 0
        self._raw_place = 0
        self._offset = offset
        self._line = line

    def where(self, start: int, stamp: float | None, floor: float | None) -> Where:
        """The line that begins at `start`, which never lies before the one asked for last."""
        lines = self.text.count(b"\n", self._place, start)
        if self.raw is self.text:
            self._raw_place = start
        else:
            for _ in range(lines):
                self._raw_place = self.raw.find(b"\n", self._raw_place) + 1
        self._place = start
        self._line += lines
        return Where(Moment(stamp, self.at, floor), self._line, self._offset + self._raw_place)


class Line:
    """A line in `text` from `start` to `end`, with a needle at `place`.

    `body` is what it says behind the kernel's time stamp, `stamp`; `stamped_inside` tells that the stamp is not what
    the line begins with.
    """

    __slots__ = ("_end", "_text", "body", "stamp", "stamped_inside", "start")

    def __init__(self, text: bytes, start: int, end: int, place: int) -> None:
        # The kernel prints wherever the cursor stands: behind a prompt, too.
        match = STAMP.match(text, start, place) or STAMP.search(text, start + 1, place)
        self._text = text
        self._end = end
        self.start = start
        if match is None:
            self.stamp = None
            self.stamped_inside = False
            self.body = self.whole().strip()
        else:
            self.stamp = float(match[1])
            self.stamped_inside = match.start() > start
            self.body = clean(text[match.end() : end]).strip()

    def whole(self) -> bytes:
        """All of it, without colours."""
        return clean(self._text[self.start : self._end]).strip(b"\r\0")

    def matches(self, rules: tuple[Rule, ...], rank: int) -> list[tuple[Rule, re.Match[bytes]]]:
        """Those of the rules that apply to a boot of that rank, in order."""
        found = list[tuple[Rule, re.Match[bytes]]]()
        for rule in rules:
            if rank < rule.until:
                match = rule.pattern.search(self.whole()) if rule.anywhere else rule.pattern.match(self.body)
                if match is not None:
                    found.append((rule, match))
        return found


def clean(data: bytes) -> bytes:
    """`data` without escape sequences."""
    return _ESCAPE.sub(b"", data) if b"\x1b" in data else data


def shortened(data: bytes) -> bytes:
    """`data` with no line of more than `MAX_LINE` bytes."""
    start = 0
    while start + MAX_LINE < len(data):
        end = data.rfind(b"\n", start, start + MAX_LINE + 1)
        if end < 0:
            return b"\n".join(line[:MAX_LINE] for line in data.split(b"\n"))
        start = end + 1
    return data


def places(needle: bytes, text: bytes, start: int = 0, end: int | None = None) -> Iterator[int]:
    """Where `needle` is in `text`, in order."""
    while (start := text.find(needle, start, end)) >= 0:
        yield start
        start += len(needle)
