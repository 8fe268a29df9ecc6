"""The session's jobs: what was asked for, every step it reported, how it ended. Nothing important is only a toast."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from queue import Empty, Queue

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.vm.verbs import VERBS, Verb

MAX_STEPS = 1000
"""Steps kept per job, the latest: a sync reports one per file."""

MAX_JOBS = 200
"""Jobs kept per session, the latest."""

_STEP_LIMIT = 500
_TICK = 0.1


class Outcome(StrEnum):
    """How a job ended."""

    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Step:
    """One line a job reported, `at` seconds after its start."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Job:
    """One verb on one VM, at one moment. Times are `time.monotonic()`, `wall` is the start since the epoch."""

    number: int
    verb: Verb
    key: str
    subject: str
    started: float
    wall: float
    steps: tuple[Step, ...] = ()
    dropped: int = 0
    progress: Progress | None = None
    outcome: Outcome | None = None
    message: str = ""
    hint: str = ""
    ended: float | None = None

    @property
    def active(self) -> bool:
        """Whether it still runs."""
        return self.outcome is None

    @property
    def step(self) -> str:
        """The latest step, "" before the first."""
        return self.steps[-1].text if self.steps else ""

    @property
    def told(self) -> str:
        """How it ended, what to do about it included, in one line; "" when there is nothing to say."""
        return str(VMError(self.message, hint=self.hint))

    def elapsed(self, now: float) -> float:
        """Seconds it has taken so far, or took."""
        return (self.ended if self.ended is not None else now) - self.started

    @property
    def headline(self) -> str:
        """`starting default`, `started default`, `start default failed`."""
        words = VERBS[self.verb]
        match self.outcome:
            case None:
                return f"{words.doing} {self.subject}"
            case Outcome.DONE:
                return f"{words.done} {self.subject}"
            case _:
                return f"{words.title.lower()} {self.subject} {self.outcome}"


@dataclass(slots=True)
class RunningJob:
    """The writing end of a job: its `Control`, and the steps the verb's thread reports.

    `wake` is called, from that thread, when there is something new to fetch and nothing was announced since the last
    `fetch`: however fast a verb reports, the event loop hears of it once at a time.
    """

    job: Job
    wake: Callable[[], object]
    control: Control = field(init=False)
    _steps: deque[Step] = field(init=False)
    _count: int = 0
    _progress: Progress | None = None
    _announced: bool = False
    _question: str = ""
    _answers: Queue[bool] = field(default_factory=Queue)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.control = Control(report=self.report, progress=self.show_progress, ask=self._ask)
        self._steps = deque(maxlen=MAX_STEPS)

    def report(self, text: str) -> None:
        """Note one step. Called from any thread."""
        line = one_line(text, limit=_STEP_LIMIT)
        if not line:
            return
        with self._lock:
            self._steps.append(Step(time.monotonic() - self.job.started, line))
            self._count += 1
        self._announce()

    def show_progress(self, progress: Progress) -> None:
        """Note how far it has come. Called from any thread."""
        with self._lock:
            self._progress = progress
        self._announce()

    @property
    def question(self) -> str:
        """What the verb asks, "" while it asks nothing."""
        return self._question

    def answer(self, *, yes: bool) -> None:
        """Answer the question, if there still is one."""
        if self._question:
            self._answers.put(yes)

    def _ask(self, question: str) -> bool:
        """Wait for an answer, in the verb's thread."""
        with contextlib.suppress(Empty):  # an answer given twice
            while True:
                self._answers.get_nowait()
        self._question = one_line(question, limit=_STEP_LIMIT)
        self._announce()
        try:
            while not self.control.cancel.is_set():
                with contextlib.suppress(Empty):
                    return self._answers.get(timeout=_TICK)
            return False
        finally:
            self._question = ""

    def _announce(self) -> None:
        with self._lock:
            announce, self._announced = not self._announced, True
        if announce:
            self.wake()

    def fetch(self) -> Job:
        """The job with all steps so far, and how far it has come."""
        with self._lock:
            self._announced = False
            steps, dropped, progress = tuple(self._steps), self._count - len(self._steps), self._progress
        self.job = replace(self.job, steps=steps, dropped=dropped, progress=progress)
        return self.job

    def finish(self, outcome: Outcome, message: str, hint: str = "") -> Job:
        """The job as it ended: what there is to say of it, and what to do about it."""
        self.fetch()
        text, advice = one_line(message, limit=_STEP_LIMIT), one_line(hint, limit=_STEP_LIMIT)
        self.job = replace(self.job, outcome=outcome, message=text, hint=advice, ended=time.monotonic())
        return self.job


def updated(jobs: tuple[Job, ...], job: Job) -> tuple[Job, ...]:
    """`jobs` with `job` in the place of its earlier self, or at the end; the oldest finished go beyond `MAX_JOBS`."""
    if any(other.number == job.number for other in jobs):
        return tuple(job if other.number == job.number else other for other in jobs)
    kept = (*jobs, job)
    while len(kept) > MAX_JOBS:
        oldest = next((other for other in kept if not other.active), kept[0])
        kept = tuple(other for other in kept if other is not oldest)
    return kept
