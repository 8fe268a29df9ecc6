"""A boot in the making: the stages begun and ended so far, what failed, and the clocks that tell when."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from podplane_tui.backend.boot.model import Boot, Failure, KeyBlock, Stage
from podplane_tui.backend.boot.rules import CLOUD_INIT_STAGES, RANKS, FailureKind, StageName
from podplane_tui.backend.core.text import one_line

MAX_FAILURES = 100
"""Failures of one boot that are kept: the first; the others are counted."""
MAX_TEXT = 300
"""Characters of a failure's line that are kept."""

_CLOUD_INIT = frozenset(CLOUD_INIT_STAGES.values())
_ONCE = frozenset({FailureKind.EMERGENCY, FailureKind.INITRAMFS, FailureKind.NOTHING_TO_BOOT})


class Moment(NamedTuple):
    """When something was printed: by the kernel's clock, by the watcher's, and the last time stamp before it."""

    stamp: float | None
    arrival: float | None
    floor: float | None


class Where(NamedTuple):
    """A line: when it was printed, its number, and the offset of its first byte."""

    moment: Moment
    line: int
    offset: int


@dataclass(slots=True)
class OpenStage:
    """A stage that has begun, and ends when its `end` is set."""

    name: StageName
    where: Where
    end: Moment | None = None
    cut: bool = False
    """It ended, and nobody knows when."""


@dataclass(slots=True)
class BootInMaking:
    """What `Boot` is made of."""

    number: int
    line: int
    offset: int
    started_at: float | None
    stages: list[OpenStage] = field(default_factory=list)
    failures: list[tuple[FailureKind, str, Where]] = field(default_factory=list)
    more_failures: int = 0
    failed_line: int = 0
    own_keys: KeyBlock | None = None
    other_keys: KeyBlock | None = None
    ended: str = ""
    rank: int = -1
    in_initrd: bool = False
    floor: float | None = None
    zero: float | None = None
    """The kernel's start by the watcher's clock: the earliest that any line allows, for lines are printed late."""

    def find(self, name: StageName) -> OpenStage | None:
        return next((stage for stage in self.stages if stage.name is name), None)

    def note(self, stamp: float, at: float | None) -> None:
        """The kernel's clock at a line that has just been printed."""
        self.floor = stamp
        if at is not None:
            self.zero = at - stamp if self.zero is None else min(self.zero, at - stamp)

    def end(self, name: StageName, moment: Moment) -> None:
        self.end_open(frozenset({name}), moment)

    def end_open(self, names: frozenset[StageName], moment: Moment) -> None:
        for stage in self.stages:
            if stage.end is None and stage.name in names:
                stage.end = moment

    def userspace(self, moment: Moment) -> None:
        """Programs run: under `quiet` nobody has said when the kernel had done its part, no later than by now."""
        self.end_open(frozenset({StageName.KERNEL, StageName.INITRAMFS}), moment._replace(stamp=None, arrival=None))

    def over(self, how: str, where: Where) -> None:
        """The boot is over: so is the stage it was in, and what ran beside it was cut off."""
        self.end_open(frozenset(RANKS), where.moment)
        for stage in self.stages:
            stage.cut = stage.end is None
        self.ended = how

    @property
    def in_cloud_init(self) -> bool:
        """Whether one of cloud-init's stages runs."""
        return not self.ended and any(stage.end is None and stage.name in _CLOUD_INIT for stage in self.stages)

    def show_keys(self, keys: tuple[str, ...], offset: int) -> None:
        """Host keys were shown, up to the line at `offset`."""
        block = KeyBlock(keys, offset, in_cloud_init=self.own_keys is None and self.in_cloud_init)
        if block.in_cloud_init:
            self.own_keys = block
        else:
            self.other_keys = block

    def fail(self, kind: FailureKind, text: bytes, where: Where) -> None:
        if kind is FailureKind.EMERGENCY and self.in_initrd:
            kind = FailureKind.INITRAMFS
        if self.failed_line == where.line or (kind in _ONCE and any(known is kind for known, _, _ in self.failures)):
            return
        self.failed_line = where.line
        if len(self.failures) >= MAX_FAILURES:
            self.more_failures += 1
            return
        shown = one_line(text, limit=MAX_TEXT)
        if kind is not FailureKind.UNIT or not any(
            _same_unit(shown, other) for known, other, _ in self.failures if known is kind
        ):
            self.failures.append((kind, shown, where))

    def view(self, *, over: bool) -> Boot:
        stages = tuple(self._stage(stage, over=over) for stage in self.stages)
        failures = tuple(
            Failure(kind, text, where.line, where.offset, _rounded(self._time(where.moment)[0]))
            for kind, text, where in self.failures
        )
        return Boot(
            self.number,
            self.line,
            self.offset,
            self.started_at,
            self.zero,
            stages,
            failures,
            self.more_failures,
            tuple(block for block in (self.own_keys, self.other_keys) if block is not None),
            self.ended,
        )

    def _stage(self, stage: OpenStage, *, over: bool) -> Stage:
        start, exact = self._time(stage.where.moment)
        end, end_exact = self._time(stage.end) if stage.end is not None else (None, True)
        duration = max(0.0, end - start) if start is not None and end is not None else None
        running = stage.end is None and not (over or stage.cut or self.ended)
        return Stage(
            stage.name,
            _rounded(start),
            _rounded(duration),
            exact,
            exact and end_exact,
            running,
            stage.where.line,
            stage.where.offset,
        )

    def _time(self, moment: Moment) -> tuple[float | None, bool]:
        if moment.stamp is not None:
            return moment.stamp, True
        zero = self.zero
        if zero is None and self.rank < RANKS[StageName.KERNEL]:
            zero = self.started_at
        if moment.arrival is not None and zero is not None:
            return moment.arrival - zero, True
        return moment.floor, False


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


_UNIT = re.compile(r"(systemd\[1\]: |\[ *FAILED *\] )(Failed to start [^….]{1,12})")


def _same_unit(text: str, other: str) -> bool:
    """Whether two lines tell of the same unit: systemd tells the kernel's log and the console, shortened."""
    first, second = _UNIT.match(text), _UNIT.match(other)
    return first is not None and second is not None and first[2] == second[2] and first[1] != second[1]
