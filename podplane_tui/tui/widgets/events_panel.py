"""The session's jobs: every step, every error, in full and for as long as the program runs."""

import time
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from podplane_tui.backend.core.format import format_elapsed
from podplane_tui.tui.keys import bindings
from podplane_tui.tui.messages import CancelRequested
from podplane_tui.tui.state.events import Event, Level
from podplane_tui.tui.state.jobs import Job, Outcome
from podplane_tui.tui.widgets.base import Panel

_MARKS = {
    None: ("…", "$text-accent"),
    Outcome.DONE: ("✓", "$text-success"),
    Outcome.FAILED: ("✗", "$text-error"),
    Outcome.CANCELLED: ("-", "$text-warning"),
}
_EVENT_MARKS = {
    Level.INFO: ("·", "$foreground"),
    Level.GOOD: ("·", "$text-success"),
    Level.BAD: ("!", "$text-error"),
}

_HINT_COLUMN = 13
"""Where the text of a step's line begins, behind its time and mark."""


class EventsPanel(Panel):
    """Jobs and events, latest first; below, what the one under the cursor did."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.EVENTS]

    jobs: var[tuple[Job, ...]] = var(())
    events: var[tuple[Event, ...]] = var(())

    def compose(self) -> ComposeResult:
        """A list and a log."""
        yield OptionList(id="events-list", compact=True)
        with VerticalScroll(id="events-log"):
            yield Static(id="events-text")

    def on_mount(self) -> None:
        """Show what there is; elapsed times move."""
        self._refresh()
        self.set_interval(1.0, self._refresh)

    def watch_jobs(self) -> None:
        """Something was reported."""
        self._refresh()

    def watch_events(self) -> None:
        """Something happened."""
        self._refresh()

    def watch_in_view(self) -> None:
        """Show what has come while nobody looked."""
        self._refresh()

    def _refresh(self) -> None:
        """Keep the cursor on its job while others come and go; while nobody moves it, on the latest."""
        if not (self.is_mounted and self.in_view):
            return
        options = self.query_one(OptionList)
        chosen = options.highlighted_option.id if options.highlighted_option is not None else None
        entries: tuple[Job | Event, ...] = (*self.jobs, *self.events)
        latest_first = sorted(entries, key=lambda entry: entry.wall, reverse=True)
        prompts = [_headline(entry) for entry in latest_first]
        ids = [_identity(entry) for entry in latest_first]
        if ids == [option.id for option in options.options]:
            for index, (option, prompt) in enumerate(zip(options.options, prompts, strict=True)):
                if option.prompt != prompt:  # the others need not be laid out and painted anew, each second
                    options.replace_option_prompt_at_index(index, prompt)
        else:
            options.clear_options()
            options.add_options(Option(prompt, id=identity) for identity, prompt in zip(ids, prompts, strict=True))
            if options.has_focus and chosen in ids:
                options.highlighted = ids.index(chosen)
            else:
                options.highlighted = 0 if ids else None
        self._write()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show this one."""
        event.stop()
        self._write()

    def action_cancel_job(self) -> None:
        """Ask the app to give the job up."""
        if self._job is not None and self._job.active:
            self.post_message(CancelRequested(self._job.number))

    @property
    def _entry(self) -> Job | Event | None:
        """What is under the cursor."""
        option = self.query_one(OptionList).highlighted_option
        entries: tuple[Job | Event, ...] = (*self.jobs, *self.events)
        return next((entry for entry in entries if option is not None and _identity(entry) == option.id), None)

    @property
    def _job(self) -> Job | None:
        """The job under the cursor."""
        return self._entry if isinstance(self._entry, Job) else None

    def _write(self) -> None:
        entry = self._entry
        if isinstance(entry, Job):
            text = Content("\n").join(_log(entry))
        elif entry is not None:
            text = Content(entry.text)
        else:
            text = Content.styled("Nothing has happened yet.", "$foreground 60%")
        self.query_one("#events-text", Static).update(text)


def _identity(entry: Job | Event) -> str:
    return f"{'job' if isinstance(entry, Job) else 'event'}-{entry.number}"


def _headline(entry: Job | Event) -> Content:
    if isinstance(entry, Event):
        when = datetime.fromtimestamp(entry.wall).astimezone().strftime("%H:%M:%S")
        mark, colour = _EVENT_MARKS[entry.level]
        return Content.assemble((f"{when}  ", "dim"), (f"{mark} {entry.text}", colour))
    job = entry
    mark, colour = _MARKS[job.outcome]
    when = datetime.fromtimestamp(job.wall).astimezone().strftime("%H:%M:%S")
    took = format_elapsed(job.elapsed(time.monotonic()))
    return Content.assemble((f"{when}  ", "dim"), (f"{mark} {job.headline}", colour), (f"  {took}", "dim"))


def _log(job: Job) -> Iterable[Content]:
    if job.dropped:
        yield Content.styled(f"({job.dropped} earlier steps are not kept)", "$foreground 60%")
    for step in job.steps:
        yield Content.assemble((f"{step.at:7.1f} s  ", "$foreground 60%"), step.text)
    if job.outcome is not None:
        mark, colour = _MARKS[job.outcome]
        yield Content.assemble(
            (f"{job.elapsed(0):7.1f} s  ", "$foreground 60%"), (f"{mark} {job.message or job.outcome}", colour)
        )
        if job.hint:
            yield Content.assemble(" " * _HINT_COLUMN, job.hint)
