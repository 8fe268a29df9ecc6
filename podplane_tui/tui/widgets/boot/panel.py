"""The boots of the selected machine: stages as bars beside an earlier boot's, and what failed."""

import contextlib
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.css.query import NoMatches
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from podplane_tui.backend.boot.compare import compare
from podplane_tui.backend.boot.model import Failure
from podplane_tui.backend.core.format import count, format_duration
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.recording.history import BootHistory, RecordedBoot
from podplane_tui.backend.recording.store import Recording
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.threads import in_thread_for
from podplane_tui.tui.verbs import KeyNamer
from podplane_tui.tui.widgets.base import Panel
from podplane_tui.tui.widgets.boot.timeline import Picture, draw

LOOK_INTERVAL = 0.5
"""Seconds between looks at a machine's recordings."""

_Identity = tuple[Path, int]


class BootPanel(Panel):
    """One boot of `vm`: the newest, live while it goes on, until an earlier one is chosen."""

    class JumpRequested(Message):
        """Somebody wants to see where in a recording a failure stands: the line that begins at `offset`."""

        def __init__(self, recording: Recording, offset: int) -> None:
            super().__init__()
            self.recording = recording
            self.offset = offset

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._history: BootHistory | None = None
        self._boots: tuple[RecordedBoot, ...] = ()
        self._chosen: _Identity | None = None
        self._failures: tuple[Failure, ...] = ()
        self._reading: BootHistory | None = None
        self._beat = False

    def compose(self) -> ComposeResult:
        """A headline, the picture, the failures."""
        yield Static(id="boot-head")
        with VerticalScroll(id="boot-picture"):
            yield Static(id="boot-bars")
        yield OptionList(id="boot-failures", compact=True)

    def on_mount(self) -> None:
        """Look now and then, while somebody looks here."""
        self.set_interval(LOOK_INTERVAL, self._look)

    def watch_vm(self, before: VMStatus | None, vm: VMStatus | None) -> None:
        """Another machine."""
        if (before.key if before is not None else "") != (vm.key if vm is not None else ""):
            self._history = None if vm is None else BootHistory(vm.files)
            self._boots, self._chosen = (), None
            if self.is_mounted:
                self._show()
        self._look()

    def watch_in_view(self) -> None:
        """Somebody looks here, or no longer."""
        self._look()

    def on_resize(self) -> None:
        """Another width, another scale."""
        self._show()

    def enter(self) -> str:
        """The failures take the keys, or the picture where there are none."""
        self.query_one("#boot-failures" if self._failures else "#boot-picture").focus()
        return ""

    def step(self, by: int) -> None:
        """Show the boot that is `by` further back, if there is one."""
        place = self._place + by
        if 0 <= place < len(self._boots):
            self._chosen = _identity(self._boots[place]) if place > 0 else None
            self._show()

    @property
    def _place(self) -> int:
        """Which boot is shown, counted from the newest."""
        return next((place for place, boot in enumerate(self._boots) if _identity(boot) == self._chosen), 0)

    def _look(self) -> None:
        if self.is_mounted and self.in_view and self._history is not None:
            self._read(self._history)

    @work(group="boot-history")
    async def _read(self, history: BootHistory) -> None:
        if self._reading is history:
            return
        self._reading = history
        boots = await in_thread_for(self, history.look, name="boot-history")
        if self._reading is history:  # and not that of a machine chosen meanwhile: it serves one thread at a time
            self._reading = None
        if history is self._history:
            self._boots = boots
            with contextlib.suppress(NoMatches):  # the parts are removed first, which may have begun by now
                self._show()

    # Showing

    def _show(self) -> None:
        head, bars = self.query_one("#boot-head", Static), self.query_one("#boot-bars", Static)
        if not self._boots:
            head.update(Content.styled(self._nothing(), "$foreground 60%"))
            bars.update("")
            self._list(())
            self.status = ""
            return
        self._beat = not self._beat
        place, now = self._place, time.time()
        shown, earlier = self._boots[place], self._boots[place + 1 :]
        reference = next((each for each in earlier if each.boot.good), None)
        picture = Picture(
            shown.boot,
            None if reference is None else compare(shown.boot, reference.boot),
            shown.overdue([each.boot for each in earlier], now),
            shown.elapsed(now),
            goes_on=shown.live,
            beat=self._beat,
        )
        width = self.query_one("#boot-picture").content_size.width or 78
        head.update(_headline(shown, place, len(self._boots), reference, partial(key_name, self)))
        bars.update(draw(picture, width))
        self._list(shown.boot.failures, shown.boot.more_failures)
        self.status = shown.outcome

    def _nothing(self) -> str:
        if self.vm is None:
            return ""
        if self.vm.live:
            return "Nothing of this run is on record yet that tells of a boot."
        return "No boot is on record: starting a machine from here records it."

    def _list(self, failures: Sequence[Failure], more: int = 0) -> None:
        """Keep the cursor where it is while failures come."""
        options = self.query_one(OptionList)
        if tuple(failures) != self._failures:
            cursor = options.highlighted
            kept = tuple(failures)[: len(self._failures)] == self._failures
            self._failures = tuple(failures)
            options.clear_options()
            options.add_options(Option(_failure_line(place, each)) for place, each in enumerate(failures, start=1))
            if more:
                options.add_option(Option(f"and {more} more", disabled=True))
            options.highlighted = None if not failures else (cursor or 0) if kept else 0
        options.display = bool(failures)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_index < len(self._failures) and self._boots:
            recording = self._boots[self._place].recording
            self.post_message(self.JumpRequested(recording, self._failures[event.option_index].offset))


def _identity(boot: RecordedBoot) -> _Identity:
    return boot.recording.path, boot.boot.number


def _headline(shown: RecordedBoot, place: int, total: int, reference: RecordedBoot | None, key: KeyNamer) -> Content:
    ways = (("boot.older", place + 1 < total), ("boot.newer", place > 0))
    arrows = " ".join(key(name) for name, there in ways if there)
    parts = [shown.outcome]
    if shown.duration is not None:
        parts.insert(0, format_duration(shown.duration))
    if shown.began_at is not None:
        parts.insert(0, time.strftime("%Y-%m-%d %H:%M", time.localtime(shown.began_at)))
    failures = len(shown.boot.failures) + shown.boot.more_failures
    if failures:
        parts.append(count(failures, "failure"))
    if reference is not None and reference.began_at is not None:
        parts.append(time.strftime("before: %m-%d %H:%M", time.localtime(reference.began_at)))
    return Content.assemble(
        (f"boot {total - place} of {total}", "bold"),
        (f" {arrows}" if arrows else "", "$text-accent"),
        " · " + " · ".join(parts),
    )


def _failure_line(number: int, failure: Failure) -> Content:
    at = "" if failure.at is None else f"{failure.at:.1f} s"
    return Content.assemble(
        (f"{number:>2} {failure.kind:<15}", "$text-error"), (f"{at:>8}  ", "$foreground 60%"), failure.text
    )
