"""The sync dialog: what goes where."""

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from podplane_tui.backend.rsync import SyncRequest
from podplane_tui.tui.screens.create import PathSuggester
from podplane_tui.tui.screens.dialog import Dialog


class SyncDialog(Dialog[SyncRequest]):
    """Dismisses with what to copy; `last` fills the fields with what was copied before."""

    AUTO_FOCUS = "#sync-source"

    def __init__(self, *, name: str, last: SyncRequest | None = None) -> None:
        super().__init__(title=f"Sync files into {name}", accept="Sync")
        self._last = last or SyncRequest("", "")

    def compose_body(self) -> Iterable[Widget]:
        """Four fields."""
        last = self._last
        yield Label("From (on this machine)")
        yield Input(
            last.source,
            id="sync-source",
            placeholder="path; with a / at the end: what is in it",
            suggester=PathSuggester(),
            compact=True,
        )
        yield Label("To (in the VM)")
        yield Input(last.destination, id="sync-destination", placeholder="absolute path", compact=True)
        yield Label("Owner")
        yield Input(last.chown, id="sync-chown", placeholder="user:group; leave empty to keep", compact=True)
        yield Label("Leave out")
        yield Input(
            " ".join(last.excludes), id="sync-excludes", placeholder="patterns, separated by spaces", compact=True
        )
        yield Static("", id="sync-error", classes="dialog-error")

    def answer(self) -> SyncRequest | None:
        """The fields, once there are two ends."""
        value = {name: self.query_one(f"#sync-{name}", Input).value for name in ("source", "destination", "chown")}
        for name, words in (("source", "Say what to copy."), ("destination", "Say where in the VM it goes.")):
            if not value[name].strip():
                self.query_one("#sync-error", Static).update(Content(words))
                self.query_one(f"#sync-{name}", Input).focus()
                return None
        excludes = tuple(self.query_one("#sync-excludes", Input).value.split())
        return SyncRequest(value["source"], value["destination"], value["chown"].strip(), excludes)
