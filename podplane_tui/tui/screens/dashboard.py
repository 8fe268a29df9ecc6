"""The main screen: the machines, and the console and details of the selected one.

What is not in view at the first moment, panels and dialogs, is imported and made when it is first wanted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import var

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.runtime.local_server import LocalServer
from podplane_tui.backend.vm.verbs import VERBS, Verb, possible
from podplane_tui.tui.keys import bindings
from podplane_tui.tui.keys.bindings import VERBS_OF
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.messages import ActionRequested
from podplane_tui.tui.screens import dashboard_keys
from podplane_tui.tui.screens.panels import PanelScreen
from podplane_tui.tui.state.history import History
from podplane_tui.tui.verbs import binding_id, why_not
from podplane_tui.tui.widgets.key_footer import KeyFooter
from podplane_tui.tui.widgets.summary import SummaryBar
from podplane_tui.tui.widgets.vm_list.panel import MachineList
from podplane_tui.tui.widgets.vm_list.table import ListView, VMTable

if TYPE_CHECKING:
    from podplane_tui.tui.state.events import Event
    from podplane_tui.tui.state.jobs import Job


class Dashboard(PanelScreen):
    """Shows what the app's worker found; asks the app for everything that is to be done."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (180, "-wide")]  # noqa: RUF012 - an instance variable of Screen
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (12, "-short"), (30, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = "VMTable"

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.DASHBOARD]

    vms: var[tuple[VMStatus, ...] | None] = var(None)
    jobs: var[tuple[Job, ...]] = var(())
    journal_read_at: var[float] = var(0.0)
    moment: var[float] = var(0.0)
    stale_for: var[int] = var(0)
    events: var[tuple[Event, ...]] = var(())
    history: var[History] = var(History)
    local_server: var[LocalServer | None] = var(None)
    refused: var[Mapping[str, str]] = var(dict)
    """By the id of a binding for verbs, why its key can do nothing now."""

    class Painted(Message):
        """The first frame is on its way to the terminal."""

    def __init__(
        self, *, data_dir: Path, runtime_dir: Path, arch: str, select: str | None, history: History, view: ListView
    ) -> None:
        super().__init__(VMTable(arch=arch, select=select, view=view, id="table"))
        self._data_dir = data_dir
        self.painted = False
        """There has been a first frame."""
        self.requests = 0
        """Wishes that are on their way to the app."""
        self.set_reactive(Dashboard.history, history)
        self.machines = MachineList(self.table, data_dir=data_dir, runtime_dir=runtime_dir)

    def compose(self) -> ComposeResult:
        """Summary, table, panel, keys. A job brings its line with it."""
        yield SummaryBar(self._data_dir).data_bind(Dashboard.vms, Dashboard.local_server)
        with Vertical(id="body"):
            yield self.machines.data_bind(Dashboard.vms, Dashboard.moment, Dashboard.stale_for)
            yield self.tabs.data_bind(
                Dashboard.vm,
                Dashboard.vms,
                Dashboard.jobs,
                Dashboard.events,
                Dashboard.history,
                Dashboard.local_server,
                Dashboard.moment,
                current=Dashboard.tab,
            )
        yield KeyFooter().data_bind(Dashboard.refused)

    def on_mount(self) -> None:
        """Follow the cursor at once, not by a message: the next key may be on its way, and is about that machine."""
        self.watch(self.table, "selected", self._choose)
        self.watch(self.table, "marked", self._grey)

    def on_screen_resume(self) -> None:
        """With this comes a frame. When it is the first, the list of machines is in it: there is time for the rest."""
        if not self.painted:
            self.painted = True
            self.call_next(self.post_message, self.Painted())

    def on_resize(self) -> None:
        """The classes that say how much room there is come with the same message."""
        self.call_next(self._use_room)

    async def _use_room(self) -> None:
        """Where there is much, the details have a place of their own."""
        if self.has_class("-wide") and self.has_class("-tall") and not self.machines.query("#side-details"):
            from podplane_tui.tui.widgets.details.panel import DetailsPanel  # noqa: PLC0415

            details = DetailsPanel(id="side-details").data_bind(Dashboard.vm, Dashboard.history, Dashboard.moment)
            await self.machines.mount(details)

    def watch_vms(self, vms: tuple[VMStatus, ...] | None) -> None:
        """The disk changed."""
        self.set_class(vms == (), "-empty")
        self._choose()

    def watch_tab(self, tab: str) -> None:
        """The other panel. Keys never go to one that is not in view."""
        self.set_class(tab == "events", "-events")
        if self.focused is not None and self.tabs in self.focused.ancestors:
            self.table.focus()
        self._read_journal()

    def watch_jobs(self) -> None:
        """Something was begun, told or ended."""
        self.table.watched = frozenset(job.key for job in self.jobs if job.active and job.verb is Verb.WATCH)
        self._grey()
        self._read_journal()
        if self.jobs and not self.query("JobStrip"):
            from podplane_tui.tui.widgets.job_strip import JobStrip  # noqa: PLC0415

            self.mount(JobStrip().data_bind(Dashboard.jobs, read_at=Dashboard.journal_read_at), after="#body")

    def _read_journal(self) -> None:
        """What ends while the events are in view was seen."""
        if self.tab == "events":
            self.journal_read_at = time.monotonic()

    def _choose(self) -> None:
        self.vm = next((vm for vm in self.vms or () if vm.key == self.table.selected), None)
        self._grey()

    # Keys

    def action_verb(self, name: str, otherwise: str = "") -> None:
        """Ask the app for a verb on the selected VM, or on the marked ones; of two the first that can be done.

        Textual counts the parameters and passes no more arguments than those: there can be no `*names`.
        """
        verbs = (Verb(name), Verb(otherwise)) if otherwise else (Verb(name),)
        vms = self.about
        verb = next((verb for verb in verbs if any(self._possible(verb, vm) for vm in vms)), verbs[0])
        if not VERBS[verb].about_vm:
            self._request(ActionRequested(verb))
        elif marked := self.table.marked:
            self._request(ActionRequested(verb, *sorted(marked), hidden=self.table.hidden_marks))
        elif self.vm is None:
            self.notify(self.why_not(verbs), severity="warning", markup=False)
        else:
            self._request(ActionRequested(verb, self.vm.key))

    @property
    def about(self) -> tuple[VMStatus, ...]:
        """The VMs that a verb would be done to: the marked ones, else the selected one."""
        if marked := self.table.marked:
            return tuple(vm for vm in self.vms or () if vm.key in marked)
        return () if self.vm is None else (self.vm,)

    def _possible(self, verb: Verb, vm: VMStatus) -> bool:
        return possible(verb, vm) or (verb is Verb.WATCH and vm.key in self.table.watched)  # which ends that

    def why_not(self, verbs: Sequence[Verb]) -> str:
        """Why a key for these verbs can do nothing now, to the selected VM or to any marked one; "" when it can."""
        vms = self.about
        if not VERBS[verbs[0]].about_vm or any(self._possible(verb, vm) for verb in verbs for vm in vms):
            return ""
        if vms:
            return why_not(verbs[0], vms[0], partial(key_name, self))
        if self.vms:
            return "No VM is selected: the filter hides them all."
        return f"There is no VM here yet: press {key_name(self, binding_id(Verb.CREATE))} to make one."

    def _grey(self) -> None:
        """Find what can't be done now."""
        found = {name: self.why_not(verbs) for name, verbs in VERBS_OF.items()}
        self.refused = {name: why for name, why in found.items() if why}

    def _request(self, request: ActionRequested) -> None:
        self.requests += 1
        self.post_message(request)

    def select(self, cluster: str) -> None:
        """Put the cursor on this cluster, now or as soon as it appears."""
        self.table.select(cluster)

    # The view

    def action_toggle_full(self) -> None:
        """The panel alone, or with the table."""
        self.toggle_class("-full")

    async def action_filter(self) -> None:
        """Narrow the list."""
        self.remove_class("-full")
        await self.machines.open_filter()

    def action_back(self) -> None:
        """Undo what narrows the view, one thing at a time; at last the marks."""
        if self.has_class("-full"):
            self.remove_class("-full")
        elif self.machines.filtering:
            self.machines.clear_filter()
        elif self.focused is self.table:
            self.table.marked = frozenset()
        self.table.focus()

    @work(exclusive=True, group="dialog")
    async def action_columns(self) -> None:
        """Choose the list's columns."""
        from podplane_tui.tui.screens.columns import ColumnsDialog  # noqa: PLC0415

        hidden = await self.app.push_screen_wait(ColumnsDialog(self.table.view.hidden))
        if hidden is not None:
            self.table.view = self.table.view._replace(hidden=hidden)

    def action_help(self) -> None:
        """All keys."""
        from podplane_tui.tui.screens.help import HelpScreen  # noqa: PLC0415

        self.app.push_screen(HelpScreen(self, partial(dashboard_keys.key_sections, self)))
