"""One line that says what is being done, and how the last thing ended."""

import time

from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from podplane_tui.text import count, format_elapsed, format_progress
from podplane_tui.tui.jobs import Job, Outcome
from podplane_tui.tui.verbs import Verb
from podplane_tui.tui.widgets.vm_row import WATCH

LINGER = 6.0
"""Seconds a good end stays in view; a failure stays until another job begins or until it is read in the journal."""

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAME = 0.1


class JobStrip(Static):
    """Shows the job to look at of `jobs`: the latest that runs, else the latest that ended. Hidden without one."""

    jobs: var[tuple[Job, ...]] = var(())
    read_at: var[float] = var(0.0)
    """When the journal was last in view: what had ended by then was seen."""

    def on_mount(self) -> None:
        """Nothing moves while nothing runs."""
        self._clock = self.set_interval(_FRAME, self._draw, pause=True)
        self._draw()

    def watch_jobs(self) -> None:
        """Something was reported."""
        self._draw()

    def watch_read_at(self) -> None:
        """A failure was read."""
        self._draw()

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        now = time.monotonic()
        active = [job for job in self.jobs if job.active and job.verb is not Verb.WATCH]
        watches = [job for job in self.jobs if job.active and job.verb is Verb.WATCH]
        ended = sorted((job for job in self.jobs if self._lingers(job, now)), key=lambda job: job.ended or now)
        if active or any(job.outcome is Outcome.DONE for job in ended):
            self._clock.resume()
        else:
            self._clock.pause()
        shown = active or ended
        self.display = bool(shown or watches)
        if shown:
            text = self._text(shown[-1], others=len(active) - 1, now=now)
            self.update(Content.styled(f"{WATCH} ", "$text-accent") + text if watches else text)
        elif watches:
            self.update(_watch_text(watches))

    def _lingers(self, job: Job, now: float) -> bool:
        if job.ended is None or job.ended <= self.read_at:
            return False
        if job.outcome is Outcome.DONE:
            return now - job.ended < LINGER
        # The latest to begin, not to be listed: those that ran beside it say nothing about it.
        return self.jobs[-1].started <= job.ended

    def _text(self, job: Job, *, others: int, now: float) -> Content:
        took = format_elapsed(job.elapsed(now))
        if job.active:
            frame = _SPINNER[int(now / _FRAME) % len(_SPINNER)]
            more = f"  (+{count(others, 'more job')})" if others > 0 else ""
            doing = Content.assemble((f"{frame} {job.headline}", "bold $text-accent"), f" {took}")
            if job.progress is not None:
                room = self.content_size.width - len(doing) - 2 - len(more)
                done, rest, figures = format_progress(job.progress, width=room)
                return Content.assemble(doing, "  ", (done, "$text-accent"), (rest, "dim"), figures, (more, "dim"))
            return Content.assemble(doing, ("  ·  " if job.step else "", "dim"), job.step, (more, "dim"))
        if job.outcome is Outcome.DONE:
            end = Content.assemble((f"✓ {job.headline}", "bold $text-success"), f" in {took}")
            return end + Content(f"  ·  {job.message}") if job.message else end
        mark = "✗" if job.outcome is Outcome.FAILED else "-"
        head = (f"{mark} {job.headline}", "bold $text-error")
        return Content.assemble(head, ("  ·  ", "dim"), job.message, ("  ·  e: events", "dim"))


def _watch_text(watches: list[Job]) -> Content:
    """What is said while nothing but watches runs: which is the latest, and what it did last."""
    latest = watches[-1]
    head = f"{WATCH} {latest.headline}" + (f" (+{len(watches) - 1})" if len(watches) > 1 else "")
    return Content.assemble(
        (head, "$text-accent"), ("  ·  " if latest.step else "", "dim"), latest.step, ("  ·  W ends", "dim")
    )
