"""Boots beside one another: what takes longer than it did, and what should be done by now."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from podplane_tui.backend.boot.model import Boot
from podplane_tui.backend.boot.rules import StageName

_FACTOR = 1.5
_SECONDS = 2.0
"""A stage takes longer when it takes both this many times and this many seconds more: clocks and hosts waver."""

_HABIT = 5
"""Good boots that tell what is usual: the newest."""


class Change(StrEnum):
    """How a stage differs; the value is shown."""

    SAME = "same"
    SLOWER = "slower"
    FASTER = "faster"
    NEW = "new"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """It is in both, and the time it took is not known in both."""


@dataclass(frozen=True, slots=True)
class StageChange:
    """A stage in two boots; durations in seconds, None where it is not or is not known."""

    name: StageName
    change: Change
    duration: float | None
    before: float | None


@dataclass(frozen=True, slots=True)
class Overdue:
    """A stage that still runs, for `elapsed` seconds by now, though `usual` ones are enough."""

    name: StageName
    elapsed: float
    usual: float


def compare(boot: Boot, reference: Boot) -> tuple[StageChange, ...]:
    """The stages of `boot` beside those of `reference`, in order; those only the latter has come last."""
    changes = []
    for stage in boot.stages:
        other = reference.stage(stage.name)
        before = other.duration if other is not None else None
        change = Change.NEW if other is None else _change(stage.duration, before)
        changes.append(StageChange(stage.name, change, stage.duration, before))
    changes += [
        StageChange(stage.name, Change.MISSING, None, stage.duration)
        for stage in reference.stages
        if boot.stage(stage.name) is None
    ]
    return tuple(changes)


def _change(duration: float | None, before: float | None) -> Change:
    if duration is None or before is None:
        return Change.UNKNOWN
    if _longer(duration, before):
        return Change.SLOWER
    return Change.FASTER if _longer(before, duration) else Change.SAME


def _longer(duration: float, usual: float) -> bool:
    return duration > usual * _FACTOR and duration > usual + _SECONDS


def usual(name: StageName, earlier: Iterable[Boot]) -> float | None:
    """The seconds a stage usually takes: the median of the last good boots in `earlier`, which come newest first."""
    good = islice((boot for boot in earlier if boot.good), _HABIT)
    stages = (boot.stage(name) for boot in good)
    durations = [stage.duration for stage in stages if stage is not None and stage.duration is not None]
    return statistics.median(durations) if durations else None


def overdue(boot: Boot, earlier: Iterable[Boot], *, elapsed: float) -> tuple[Overdue, ...]:
    """The stages that run for far longer than usual, `elapsed` seconds after the kernel began."""
    earlier = tuple(earlier)
    found = []
    for stage in boot.stages:
        normal = usual(stage.name, earlier) if stage.running else None
        if normal is not None and stage.start is not None and _longer(elapsed - stage.start, normal):
            found.append(Overdue(stage.name, elapsed - stage.start, normal))
    return tuple(found)
