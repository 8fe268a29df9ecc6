"""The line at the top: what this is, how many machines do what, where they are."""

from collections import Counter
from pathlib import Path

from textual.content import Content
from textual.reactive import reactive, var
from textual.widget import Widget

from podplane_tui.backend.core.format import format_path
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.runtime.local_server import LocalServer
from podplane_tui.backend.vm.classify import SERVER_DOWN
from podplane_tui.tui.widgets.vm_list.row import COLOURS, SYMBOLS

_GAP = " " * 3


class SummaryBar(Widget):
    """Counts of `vms` by state beside the program's name; the data directory at the right end.

    One widget that puts its line together, for it is there from the first frame: each widget costs that a millisecond.
    """

    vms: var[tuple[VMStatus, ...] | None] = var(None)
    local_server: var[LocalServer | None] = var(None)
    counts: reactive[Counter[State] | None] = reactive[Counter[State] | None](None)
    server: reactive[Content] = reactive(Content(""))

    def __init__(self, data_dir: Path) -> None:
        super().__init__()
        self._place = Content.styled(format_path(data_dir), "$foreground 60%")

    def render(self) -> Content:
        """Name, counts, server, place."""
        left = self._left(words=True)
        if left.cell_length > self.size.width:
            left = self._left(words=False)
        left += Content("  ")
        room = self.size.width - left.cell_length
        place = self._place.truncate(room, ellipsis=True) if room > 0 else Content("")
        return Content.assemble(left, " " * (room - place.cell_length), place)

    def _left(self, *, words: bool) -> Content:
        name = Content.styled("podplane-tui", "bold $text-primary")
        return Content.assemble(name, _GAP, _counted(self.counts, words=words), _GAP, self.server)

    def watch_vms(self, vms: tuple[VMStatus, ...] | None) -> None:
        """Count again."""
        if vms is not None:
            self.counts = Counter(vm.state for vm in vms)
            self._judge_server()

    def watch_local_server(self) -> None:
        """It came or went."""
        self._judge_server()

    def _judge_server(self) -> None:
        """podplane's local server, where it matters: it is up, or a cluster runs without it."""
        needed = any(vm.hint == SERVER_DOWN for vm in self.vms or ())
        up = self.local_server is not None and self.local_server.running
        text = Content.styled("server up", "$text-success") if up else Content.styled("server down", "$text-warning")
        self.server = text if up or needed else Content("")


def _counted(counts: Counter[State] | None, *, words: bool) -> Content:
    """The counts by state; where there is no room for the states' names, their symbols alone."""
    if counts is None:
        return Content("looking…")
    parts = [
        Content.styled(f"{SYMBOLS[state]} {counts[state]}{f' {state}' if words else ''}", COLOURS[state])
        for state in COLOURS
        if counts[state]
    ]
    return Content("   ").join(parts) or Content("no VMs")
