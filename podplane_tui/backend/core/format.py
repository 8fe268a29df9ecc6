"""Figures and paths made short, for people. What comes from files and machines goes through `one_line`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from podplane_tui.backend.core.text import one_line

if TYPE_CHECKING:
    from podplane_tui.backend.core.control import Progress

UNKNOWN = "—"
"""What stands where a value is not known."""

_UNITS = "KMGTPE"


def format_size(size: float | None) -> str:
    """Bytes in at most four characters and a unit, in powers of 1024: `512M`, `1.2G`, `128G`."""
    if size is None:
        return UNKNOWN
    if size < 1024:
        return f"{int(size)}B"
    value, unit = float(size), ""
    for unit in _UNITS:  # noqa: B007 - the unit reached is used after the loop
        value /= 1024
        if round(value) < 1024:
            break
    return (f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}") + unit


def format_usage(used: float | None, limit: float | None) -> str:
    """`used/limit`, or the one that is known."""
    if used is None and limit is None:
        return UNKNOWN
    return f"{format_size(used)}/{format_size(limit)}"


def format_duration(seconds: float | None) -> str:
    """The two largest units: `42s`, `3m 07s`, `5h 12m`, `2d 03h`."""
    if seconds is None:
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02}h"


def format_elapsed(seconds: float) -> str:
    """The same with tenths of a second below ten: `0.4s`."""
    return f"{seconds:.1f}s" if seconds < 9.95 else format_duration(seconds)


def format_path(path: Path, *, home: Path | None = None) -> str:
    """A path as one clean line, the home directory as `~`."""
    if home is None and (named := os.environ.get("HOME")):
        home = Path(named)
    if home is not None and home != Path("/") and path.is_relative_to(home):
        path = Path("~") / path.relative_to(home)
    return one_line(str(path), limit=400)


def count(number: int, noun: str) -> str:
    """`1 file`, `3 files`, `10,000 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


_BAR = (8, 30)
"""Cells a progress bar has at least and at most."""


def format_progress(progress: Progress, *, width: int) -> tuple[str, str, str]:
    """The done part of a bar, its rest, and the figures behind it, in at most `width` cells together.

    The bar is empty when it is not known how much there is to do. Where room is short, figures go, the last first; the
    bar and the first figure stay in any case.
    """
    figures = list(_figures(progress))
    if progress.fraction is None:
        while len(figures) > 1 and len("  ".join(figures)) > width:
            figures.pop()
        return "", "", "  ".join(figures)
    least, most = _BAR
    while len(figures) > 1 and least + 1 + len("  ".join(figures)) > width:
        figures.pop()
    text = " " + "  ".join(figures)
    cells = min(most, max(least, width - len(text)))
    done = int(progress.fraction * cells)
    return "━" * done, "─" * (cells - done), text


def _figures(progress: Progress) -> Iterator[str]:
    if progress.fraction is not None:
        yield f"{int(progress.fraction * 100):3}%"
    yield format_size(progress.done) + (f" of {format_size(progress.total)}" if progress.total is not None else "")
    if progress.rate is not None:
        yield f"{format_size(progress.rate)}/s"
    if progress.eta is not None:
        yield f"{format_duration(progress.eta)} left"
    if progress.files_total is not None:
        yield f"{progress.files or 0:,} of {count(progress.files_total, 'file')}"
    elif progress.files is not None:
        yield count(progress.files, "file")
