"""The small values that verbs take: how a caller follows, skips or cancels them, their time limits, their streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import BinaryIO, NamedTuple

Report = Callable[[str], None]
"""Called with one line of plain text at every step of a long verb, from the verb's own thread."""


def no_report(_step: str) -> None:
    """The default `Report`: says nothing."""


class Progress(NamedTuple):
    """How far a verb that moves data has come. None stands for what is not known.

    `done` and `total` are bytes, `files` and `files_total` count files, `rate` is bytes a second, `eta` the seconds it
    will still take. `part` is how much of the whole is done, 0 to 1, where the bytes do not tell.
    """

    done: int
    total: int | None = None
    files: int | None = None
    files_total: int | None = None
    rate: float | None = None
    eta: float | None = None
    part: float | None = None

    @property
    def fraction(self) -> float | None:
        """How much of the whole is done, 0 to 1."""
        if self.part is not None:
            return min(1.0, max(0.0, self.part))
        return min(1.0, self.done / self.total) if self.total else None


def no_progress(_progress: Progress) -> None:
    """The default of `Control.progress`: shows nothing."""


class ShellOptions(NamedTuple):
    """How `shell` runs a command: seconds until it is given up (None: never), its input, and where its output goes.

    With both output streams left at None the combined output is returned instead. `stdin` is a file
    descriptor, read in a thread that may wait there still when the command has ended; None is an empty input.
    """

    timeout: float | None = None
    stdout: BinaryIO | None = None
    stderr: BinaryIO | None = None
    stdin: int | None = None


class StopTimeouts(NamedTuple):
    """Seconds each step of a stop may take before the next one: power button, SIGTERM, SIGKILL."""

    powerdown: float = 90.0
    terminate: float = 10.0
    kill: float = 10.0


@dataclass(frozen=True, slots=True)
class Control:
    """How the caller of a long verb steers it while it runs.

    `cancel` gives the whole verb up where that is possible; `skip` ends the wait of the step in progress and goes to
    the next one (a second press of the stop key). `report` gets every step, `progress` how far a step that moves data
    has come, as often as the verb knows something new. `warning` gets what the user has to know although the verb goes
    on; without it a warning is a step. `ask` puts a question of the verb's to the user and waits for the answer, False
    once the verb is cancelled; None where nobody can be asked. All four are called from the verb's own thread.
    """

    report: Report = no_report
    progress: Callable[[Progress], None] = no_progress
    cancel: Event = field(default_factory=Event)
    skip: Event = field(default_factory=Event)
    warning: Report | None = None
    ask: Callable[[str], bool] | None = None

    def warn(self, text: str) -> None:
        """Say what the user has to know although the verb goes on: one line of plain text."""
        (self.warning or self.report)(text)
