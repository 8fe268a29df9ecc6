"""Floors and goals, and what a figure is worth against them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

TIMES = "\N{MULTIPLICATION SIGN}"
"""The unit of a ratio."""


class Verdict(StrEnum):
    GOAL = "goal"
    OK = "ok"
    BELOW = "BELOW FLOOR"
    NOT_MEASURED = "not measured"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The benchmark fails below ``floor``; ``goal`` is where we want to be."""

    floor: float
    goal: float

    def judge(self, value: float) -> Verdict:
        if value >= self.goal:
            return Verdict.GOAL
        return Verdict.OK if value >= self.floor else Verdict.BELOW


@dataclass(frozen=True, slots=True)
class AtMost:
    """The same for what should be small."""

    floor: float
    goal: float

    def judge(self, value: float) -> Verdict:
        if value <= self.goal:
            return Verdict.GOAL
        return Verdict.OK if value <= self.floor else Verdict.BELOW


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. Without a value it was not measured, and ``note`` says why."""

    measure: str
    against: str
    value: float | None
    target: AtLeast | AtMost | None = None
    unit: str = TIMES
    note: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        if self.value is None:
            return Verdict.NOT_MEASURED
        return Verdict.SHOWN if self.target is None else self.target.judge(self.value)


INGEST_PYTE = {
    "a": AtLeast(30, 55),
    "b": AtLeast(45, 65),
    "b2": AtLeast(65, 100),
    "c1": AtLeast(11, 16),
    "c": AtLeast(4.5, 8),
    "d": AtLeast(8, 14),
    "e": AtLeast(3.5, 6),
}
INGEST_BITTTY = AtLeast(1.5, 3)
FLOOD = {"a": AtLeast(4, 8), "b2": AtLeast(4, 8), "c": AtLeast(2, 4), "d": AtLeast(2, 4)}
STRIPS = AtMost(1 / 3, 1 / 8)
KEY_IDLE = AtMost(0.7, 0.4)
KEY_FLOOD = AtMost(0.7, 0.4)
PAINTS = AtLeast(20, 20)
"""Paints a second under flood."""
SCROLLBACK = AtMost(6, 4)
"""Megabytes (10⁶ bytes) for ten thousand lines."""
