"""A line of the table: a figure, its floor and goal, and what it is worth against them."""

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
