"""What rsync prints, read: lines, how far it has come, and the changes of a dry run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from podplane_tui.backend.core.control import Progress
from podplane_tui.backend.core.text import one_line

_MAX_LINE = 16 * 1024
_EARLY = 1.0
"""Seconds before which nothing is said about how long it will take."""

# --info=progress2: bytes, share of all bytes, rate, a time; at the end of a file what was transferred and is left.
# Separators and decimal points are those of the user's language.
_PROGRESS = re.compile(
    rb"\s*(?P<bytes>[\d.,']+)\s+(?P<percent>\d+)%\s+(?P<rate>[\d.,]+)(?P<unit>[kMGT]?)B/s\s+\d+:\d\d:\d\d"
    rb"(?:\s+\(xfr#(?P<sent>\d+), (?:to|ir)-chk=(?P<left>\d+)/(?P<total>\d+)\))?\s*"
)
_UNITS = {b"": 1, b"k": 2**10, b"M": 2**20, b"G": 2**30, b"T": 2**40}


class LineReader:
    """Cuts a stream into lines.

    `line` is called with each line; `progress` with each text that overwrites the line it stands on, which begins with
    a carriage return (in names rsync writes that as `\\\\#015`).
    """

    def __init__(self, line: Callable[[bytes], None], progress: Callable[[bytes], bool] | None = None) -> None:
        self._line = line
        self._progress = progress or (lambda _text: False)
        self._rest = b"\n"

    def feed(self, data: bytes) -> None:
        """Take what came next; nothing stands for the end."""
        *pieces, rest = re.split(rb"(?=[\r\n])", self._rest + data)
        if not data or len(rest) > _MAX_LINE:
            pieces, rest = [*pieces, rest], b"\n"
        elif rest.startswith(b"\r"):
            self._progress(rest)  # rsync says no more until something has moved
        self._rest = rest
        for piece in pieces:
            if not (piece.startswith(b"\r") and self._progress(piece)) and len(piece) > 1:
                self._line(piece[1:])


class Meter:
    """Turns rsync's figures into `Progress`.

    rsync's share counts bytes it has sent, of all there are: files it does not have to send never count. They are
    taken to be of average size.
    """

    def __init__(self, show: Callable[[Progress], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._show = show
        self._clock = clock
        self._begun = clock()
        self._checked = self._total = self._sent = 0

    def read(self, text: bytes) -> bool:
        """Show what `text` tells, if it is rsync's progress; whether it is."""
        match = _PROGRESS.fullmatch(text)
        if match is None:
            return False
        if match["total"] is not None:
            self._sent, self._total = int(match["sent"]), int(match["total"])
            self._checked = self._total - int(match["left"])
        part = int(match["percent"]) / 100
        if self._total:
            part = min(1.0, part + max(0, self._checked - self._sent) / self._total)
        elapsed = self._clock() - self._begun
        self._show(
            Progress(
                done=int(re.sub(rb"\D", b"", match["bytes"])),
                files=self._checked if self._total else None,
                files_total=self._total or None,
                rate=float(match["rate"].replace(b",", b".")) * _UNITS[match["unit"]],
                eta=elapsed * (1 - part) / part if part > 0.005 and elapsed > _EARLY else None,
                part=part,
            )
        )
        return True


class ChangeKind(StrEnum):
    """What would happen to a path over there."""

    NEW = "new"
    CHANGED = "changed"
    ATTRIBUTES = "attributes"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One path of the dry run, as one printable line."""

    kind: ChangeKind
    path: str


_ITEM = re.compile(rb"(?P<update>[<>ch.])(?P<type>[fdLDS])(?P<attributes>\S{7,9}) (?P<path>.+)", re.DOTALL)
_DELETING = re.compile(rb"(?:\*deleting +|deleting )(?P<path>.+)", re.DOTALL)
_PATH_LIMIT = 1000


def read_change(line: bytes, *, itemized: bool) -> Change | None:
    """The change a line of a dry run tells, if any: rsync's `%i %n%L`, or plain names where it can't itemise."""
    match = _DELETING.fullmatch(line)
    if match is not None:
        return Change(ChangeKind.DELETED, path_text(match["path"]))
    if not itemized:
        plain = line.strip() and not re.match(rb"(sent|total size is|building|sending|Transfer starting)\b", line)
        return Change(ChangeKind.CHANGED, path_text(line)) if plain else None
    match = _ITEM.fullmatch(line)
    if match is None:
        return None
    if set(match["attributes"]) == {ord("+")}:
        kind = ChangeKind.NEW
    else:
        kind = ChangeKind.ATTRIBUTES if match["update"] == b"." else ChangeKind.CHANGED
    return Change(kind, path_text(match["path"]))


def unescaped(path: bytes) -> bytes:
    """The name rsync means: what it can't print stands as `\\\\#ooo`."""
    return re.sub(rb"\\#([0-3][0-7]{2})", lambda match: bytes([int(match[1], 8)]), path)


def path_text(path: bytes) -> str:
    """A path of rsync's as one printable line."""
    return one_line(path, limit=_PATH_LIMIT)


def names(output: bytes) -> Iterator[bytes]:
    """The names in what `--out-format=%n` printed, without the slash at the end of a folder's."""
    for line in output.splitlines():
        if name := unescaped(line).rstrip(b"/"):
            yield name
