"""What a boot log tells, as values: boots, their stages and what failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from podplane_tui.backend.boot.rules import FailureKind, StageName

FATAL = frozenset({FailureKind.PANIC, FailureKind.EMERGENCY, FailureKind.INITRAMFS})
"""Failures that end a boot."""


@dataclass(frozen=True, slots=True)
class Stage:
    """`start` is in seconds since the kernel began, negative before it, or since the boot did while there is no kernel;
    `duration` is None while it runs.

    Either is None where it can't be known. They are exact unless an end of the stage has no time of its own: then the
    last time stamp before it, the least it can be, stands for it. `line` (from 1) and `offset` (in bytes) are where in
    the recording it begins.
    """

    name: StageName
    start: float | None
    duration: float | None
    start_exact: bool
    duration_exact: bool
    running: bool
    line: int
    offset: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One line that says what went wrong: fit to be shown, and where it stands; `at` as a stage's start."""

    kind: FailureKind
    text: str
    line: int
    offset: int
    at: float | None


class KeyBlock(NamedTuple):
    """Host keys that were shown, as `type base64` texts: where the line behind them begins, and whether they count.

    They can as the first of a boot in one of cloud-init's stages, which prints them there: anything in the guest may
    print such lines later, and even a whole boot.
    """

    keys: tuple[str, ...]
    offset: int
    in_cloud_init: bool


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of a guest: from firmware, boot loader or kernel to its end.

    `started_at` is when it began, at power-on or with its first byte, and `kernel_started_at` when the kernel did, by
    the clock of who watched. `ended` is the kernel's last word: "power off", "restart", "halt" or nothing.
    `more_failures` were not kept. `key_blocks` are the host keys shown: those that count, and the last that do not.
    """

    number: int
    line: int
    offset: int
    started_at: float | None
    kernel_started_at: float | None
    stages: tuple[Stage, ...]
    failures: tuple[Failure, ...]
    more_failures: int
    key_blocks: tuple[KeyBlock, ...]
    ended: str

    @property
    def host_keys(self) -> tuple[str, ...]:
        """The guest's host keys, as cloud-init has shown them."""
        return next((block.keys for block in self.key_blocks if block.in_cloud_init), ())

    def stage(self, name: str) -> Stage | None:
        """The stage of that name."""
        return next((stage for stage in self.stages if stage.name == name), None)

    @property
    def good(self) -> bool:
        """Whether the system came up: a login prompt, or cloud-init's end, and no failure that stops a boot."""
        final = self.stage(StageName.CLOUD_INIT_FINAL)
        up = self.stage(StageName.LOGIN_PROMPT) is not None or (final is not None and final.duration is not None)
        return up and not any(failure.kind in FATAL for failure in self.failures)
