"""The line at the top: what this is, how many machines do what, where they are."""

from collections import Counter
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from podplane_tui.backend.local_server import LocalServer
from podplane_tui.backend.snapshot import State, VMSnapshot
from podplane_tui.text import format_path
from podplane_tui.tui.widgets.vm_row import SYMBOLS

_COLOURS = {
    State.RUNNING: "$text-success",
    State.STARTING: "$text-warning",
    State.STOPPING: "$text-warning",
    State.PAUSED: "$text-primary",
    State.CRASHED: "$text-error",
    State.BROKEN: "$text-error",
    State.ORPHANED: "$text-warning",
    State.STOPPED: "$foreground 60%",
}


class SummaryBar(Horizontal):
    """Counts of `snapshots` by state beside the program's name; the data directory at the right end."""

    snapshots: reactive[tuple[VMSnapshot, ...] | None] = reactive(None)
    local_server: reactive[LocalServer | None] = reactive(None)

    def __init__(self, data_dir: Path) -> None:
        super().__init__()
        self._data_dir = data_dir
        self._counts = Content("")
        self._server = Content("")

    def compose(self) -> ComposeResult:
        """Name, counts, place."""
        yield Static("podplane-tui", id="summary-name")
        yield Static("looking…", id="summary-counts")
        yield Static("", id="summary-server")
        yield Static(Content(format_path(self._data_dir)), id="summary-place")

    def watch_snapshots(self, snapshots: tuple[VMSnapshot, ...] | None) -> None:
        """Count again."""
        if snapshots is None or not self.is_mounted:
            return
        self._write_server()
        self._write_counts(Counter(vm.state for vm in snapshots))

    def on_resize(self) -> None:
        """There is more or less room for words."""
        if self.snapshots is not None:
            self._write_counts(Counter(vm.state for vm in self.snapshots))

    def _write_counts(self, counts: Counter[State]) -> None:
        """The counts by state; where there is no room for the states' names, their symbols alone."""
        shown = self._counted(counts, words=True)
        taken = sum(self.query_one(name).outer_size.width for name in ("#summary-name", "#summary-server"))
        if taken + shown.cell_length > self.size.width:
            shown = self._counted(counts, words=False)
        if shown != self._counts:  # an update lays the whole screen out anew
            self._counts = shown
            self.query_one("#summary-counts", Static).update(shown)

    def _counted(self, counts: Counter[State], *, words: bool) -> Content:
        parts = [
            Content.styled(f"{SYMBOLS[state]} {counts[state]}{f' {state}' if words else ''}", _COLOURS[state])
            for state in _COLOURS
            if counts[state]
        ]
        return Content("   ").join(parts) or Content("no VMs")

    def watch_local_server(self) -> None:
        """It came or went."""
        if self.is_mounted:
            self._write_server()

    def _write_server(self) -> None:
        """podplane's local server, where it matters: it is up, or a cluster runs without it."""
        needed = any(vm.hint for vm in self.snapshots or ())
        up = self.local_server is not None and self.local_server.running
        text = Content.styled("server up", "$text-success") if up else Content.styled("server down", "$text-warning")
        shown = text if up or needed else Content("")
        if shown != self._server:
            self._server = shown
            self.query_one("#summary-server", Static).update(shown)
