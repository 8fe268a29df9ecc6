"""One line that says what is being done, and how the last thing ended."""

import time

from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from podplane_tui.backend.core.format import count, format_elapsed, format_progress
from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.state.jobs import Job, Outcome
from podplane_tui.tui.widgets.vm_list.row import WATCH

LINGER = 6.0
"""Seconds a good end stays in view; a failure stays until another job begins or until it is read in the journal."""

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAME = 0.1
_DOT = "  ·  "
_NOTHING = Content("")
_MARGIN = 2
"""Cells of a line of the screen that are not the strip's."""


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
            sign = Content.styled(f"{WATCH} ", "$text-accent") if watches else Content("")
            self.update(self._text(sign, shown[-1], others=len(active) - 1, now=now))
        elif watches:
            self.update(self._watch_text(watches))

    def on_resize(self) -> None:
        """More room, or less."""
        self._draw()

    def _lingers(self, job: Job, now: float) -> bool:
        if job.ended is None or job.ended <= self.read_at:
            return False
        if job.outcome is Outcome.DONE:
            return now - job.ended < LINGER
        # The latest to begin, not to be listed: those that ran beside it say nothing about it.
        return self.jobs[-1].started <= job.ended

    @property
    def _room(self) -> int:
        """Cells in the line: before it is in view, as many as it will have."""
        return self.content_size.width or self.app.size.width - _MARGIN

    def _text(self, sign: Content, job: Job, *, others: int, now: float) -> Content:
        took = format_elapsed(job.elapsed(now))
        if job.active:
            frame = _SPINNER[int(now / _FRAME) % len(_SPINNER)]
            more = Content.styled(f"  (+{count(others, 'more job')})" if others > 0 else "", "dim")
            doing = Content.assemble(sign, (f"{frame} {job.headline}", "bold $text-accent"), f" {took}")
            if job.progress is not None:
                room = self._room - doing.cell_length - 2 - more.cell_length
                done, rest, figures = format_progress(job.progress, width=room)
                return Content.assemble(doing, "  ", (done, "$text-accent"), (rest, "dim"), figures, more)
            return self._joined(doing, job.step, more)
        if job.outcome is Outcome.DONE:
            end = Content.assemble(sign, (f"✓ {job.headline}", "bold $text-success"), f" in {took}")
            return self._joined(end, job.told)
        mark = "✗" if job.outcome is Outcome.FAILED else "-"
        head = Content.assemble(sign, (f"{mark} {job.headline}", "bold $text-error"))
        return self._joined(head, job.told, self._hint("events.show", ": events"))

    def _watch_text(self, watches: list[Job]) -> Content:
        """What is said while nothing but watches runs: which is the latest, and what it did last."""
        latest = watches[-1]
        head = f"{WATCH} {latest.headline}" + (f" (+{len(watches) - 1})" if len(watches) > 1 else "")
        return self._joined(Content.styled(head, "$text-accent"), latest.step, self._hint("vm.watch", " ends"))

    def _hint(self, binding_id: str, words: str) -> Content:
        return Content.styled(f"{_DOT}{key_name(self, binding_id)}{words}", "dim")

    def _joined(self, head: Content, words: str, tail: Content = _NOTHING) -> Content:
        """One line of these: the words are cut to the room there is, not what stands behind them."""
        if not words:
            return head + tail
        room = self._room - head.cell_length - len(_DOT) - tail.cell_length
        return Content.assemble(head, (_DOT, "dim"), Content(words).truncate(max(room, 1), ellipsis=True), tail)
