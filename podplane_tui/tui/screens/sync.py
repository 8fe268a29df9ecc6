"""The sync dialog: what goes where, again or anew."""

import os
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from podplane_tui.backend.config.fields import FieldFault
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.sync.rsync import SyncRequest, absolute_source
from podplane_tui.tui.keys import bindings
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.screens.create import PathSuggester
from podplane_tui.tui.screens.dialog import Dialog, Form
from podplane_tui.tui.widgets.marks import Switch

_FIELDS = (
    ("source", "From", "path here; with a / at the end: what is in it"),
    ("destination", "To", "absolute path in the VM"),
    ("chown", "Owner", "user:group; leave empty to keep"),
    ("excludes", "Leave out", "patterns, separated by spaces"),
)
_SWITCHES = (
    ("delete", "Delete others", "What is not here is deleted in the VM, after a list of it"),
    ("gitignore", ".gitignore", "Leave out what the .gitignore files in the tree name"),
    ("watch", "Watch", "Copy every change, until {key} ends it"),
)


@dataclass(frozen=True, slots=True)
class SyncAnswer:
    """What to copy; whether to go on with every change; whether to show first what it would do."""

    request: SyncRequest
    watch: bool = False
    preview: bool = False


class SyncDialog(Form[SyncAnswer]):
    """Dismisses with what to copy. `recent` are the latest copies; `start` fills the fields, else the first of them."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.SYNC_DIALOG]
    AUTO_FOCUS = ""
    TYPE_AHEAD = False  # a copy overwrites files in the VM

    def __init__(
        self,
        *,
        name: str,
        recent: tuple[SyncRequest, ...],
        start: SyncAnswer | None,
        watch: bool,
        check: Callable[[SyncAnswer], FieldFault | None] | None = None,
    ) -> None:
        super().__init__("sync", title=f"Sync files into {name}", accept="Sync", check=check)
        self._recent = recent
        self._again = start is not None
        self._start = start or SyncAnswer(recent[0] if recent else SyncRequest("", ""), watch=watch)

    def compose_body(self) -> Iterable[Widget]:
        """The latest copies, four fields, three switches."""
        request = self._start.request
        if self._recent:
            options = [Option(Content(_headline(recent))) for recent in self._recent]
            yield OptionList(*options, id="sync-recent", classes="dialog-list", compact=True)
        values = {name: getattr(request, name) for name, _, _ in _FIELDS} | {"excludes": shlex.join(request.excludes)}
        for name, label, placeholder in _FIELDS:
            suggester = PathSuggester() if name == "source" else None
            with Horizontal(classes="sync-field"):
                yield Label(label)
                yield Input(values[name], id=f"sync-{name}", placeholder=placeholder, suggester=suggester, compact=True)
        switches = {"delete": request.delete, "gitignore": request.gitignore, "watch": self._start.watch}
        with Horizontal(id="sync-switches"):
            for name, label, tooltip in _SWITCHES:
                words = tooltip.format(key=key_name(self, "vm.watch"))
                yield Switch(label, switches[name], id=f"sync-{name}", compact=True, tooltip=words)
        yield self.error_line()

    def compose_buttons(self) -> Iterable[Widget]:
        """One more."""
        yield Button(
            Content("Preview"),
            id="preview",
            compact=True,
            tooltip=f"{key_name(self, 'sync.preview')}, outside of a field",
        )

    def on_mount(self) -> None:
        """The cursor stands on the latest; who comes back from a preview finds what was asked for."""
        if self._again:
            self.query_one("#accept", Button).focus()
        elif self._recent:
            self.query_one("#sync-recent", OptionList).focus()
        else:
            self.query_one("#sync-source", Input).focus()

    @on(OptionList.OptionHighlighted, "#sync-recent")
    def _recent_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_list.has_focus:
            self._fill(self._recent[event.option_index])

    @on(OptionList.OptionSelected, "#sync-recent")
    def _recent_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._fill(self._recent[event.option_index])
        self.accept()

    @on(Button.Pressed, "#preview")
    def _preview_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_preview()

    def action_preview(self) -> None:
        """Leave with the wish to see first what it would do."""
        answer = self.answer()
        if answer is not None:
            self.leave(SyncAnswer(answer.request, answer.watch, preview=True))

    def _fill(self, request: SyncRequest) -> None:
        for name in ("source", "destination", "chown"):
            self.query_one(f"#sync-{name}", Input).value = getattr(request, name)
        self.query_one("#sync-excludes", Input).value = shlex.join(request.excludes)
        self.query_one("#sync-delete", Switch).value = request.delete
        self.query_one("#sync-gitignore", Switch).value = request.gitignore

    def answer(self) -> SyncAnswer | None:
        """The fields, once there are two ends."""
        value = {name: self.query_one(f"#sync-{name}", Input).value for name, _, _ in _FIELDS}
        for name, words in (("source", "Say what to copy."), ("destination", "Say where in the VM it goes.")):
            if not value[name].strip():
                self.complain(name, words)
                return None
        try:
            excludes = tuple(shlex.split(value["excludes"]))
        except ValueError:
            self.complain("excludes", "A quote is not closed.")
            return None
        switch = {name: self.query_one(f"#sync-{name}", Switch).value for name, _, _ in _SWITCHES}
        request = SyncRequest(
            absolute_source(os.path.expanduser(value["source"])),  # noqa: PTH111 - a Path drops the slash at the end
            value["destination"],
            value["chown"].strip(),
            excludes,
            delete=switch["delete"],
            gitignore=switch["gitignore"],
        )
        return SyncAnswer(request, switch["watch"])


class PausedDialog(Dialog[bool]):
    """A watch that has paused asks: dismisses with whether to go on; False ends the watch, None leaves it paused."""

    def __init__(self, *, title: str, question: str) -> None:
        super().__init__(title=title, accept="Copy", style="-dangerous")
        self._question = question

    def compose_body(self) -> Iterable[Widget]:
        """The question."""
        yield Static(Content(self._question), classes="dialog-text")

    def compose_buttons(self) -> Iterable[Widget]:
        """One more."""
        yield Button(Content("End watch"), id="end", compact=True)

    @on(Button.Pressed, "#end")
    def _end_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        event.prevent_default()
        self.dismiss(False)

    def answer(self) -> bool | None:
        """Yes."""
        return True


def _headline(request: SyncRequest) -> str:
    return f"{one_line(request.source, limit=200)} → {one_line(request.destination, limit=200)}"
