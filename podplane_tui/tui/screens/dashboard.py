"""The main screen: the machines, and the console and details of the selected one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer, Input

from podplane_tui.backend.errors import VMError
from podplane_tui.backend.local_server import LocalServer
from podplane_tui.backend.snapshot import State, VMSnapshot
from podplane_tui.backend.text import one_line
from podplane_tui.tui.events import Event
from podplane_tui.tui.history import History
from podplane_tui.tui.jobs import Job
from podplane_tui.tui.messages import ActionRequested
from podplane_tui.tui.screens import dashboard_keys
from podplane_tui.tui.screens.columns import ColumnsDialog
from podplane_tui.tui.screens.console_tools import save_console, send_to_guest
from podplane_tui.tui.screens.help import HelpScreen
from podplane_tui.tui.screens.ssh import hand_over
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.verbs import Verb
from podplane_tui.tui.widgets.boot_panel import BootPanel
from podplane_tui.tui.widgets.console_panel import ConsolePanel
from podplane_tui.tui.widgets.detail_lines import ssh_command
from podplane_tui.tui.widgets.details import DetailsPanel
from podplane_tui.tui.widgets.empty_state import EmptyState
from podplane_tui.tui.widgets.events_panel import EventsPanel
from podplane_tui.tui.widgets.job_strip import JobStrip
from podplane_tui.tui.widgets.panel import Panel
from podplane_tui.tui.widgets.server_panel import ServerPanel
from podplane_tui.tui.widgets.shell_panel import ShellPanel
from podplane_tui.tui.widgets.summary import SummaryBar
from podplane_tui.tui.widgets.terminal import TerminalView
from podplane_tui.tui.widgets.terminal_search import TerminalSearch
from podplane_tui.tui.widgets.vm_table import ListView, VMTable

_COPY_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Tab:
    """One entry of the lower panel: its widget's id, its name, its key, and how the widget is made."""

    id: str
    label: str
    key: str
    tooltip: str
    make: Callable[["Dashboard"], Panel]


TABS = {
    tab.id: tab
    for tab in (
        Tab(
            "console",
            "Console",
            "1",
            "The serial console",
            lambda _: ConsolePanel(id="console").data_bind(Dashboard.vm, Dashboard.snapshots),
        ),
        Tab(
            "boot",
            "Boot",
            "2",
            "How it boots: stages, failures, earlier boots",
            lambda _: BootPanel(id="boot").data_bind(Dashboard.vm),
        ),
        Tab(
            "shell",
            "Shell",
            "3",
            "Shells over SSH; once more, or Enter: type into one",
            lambda _: ShellPanel(id="shell").data_bind(Dashboard.vm, Dashboard.snapshots),
        ),
        Tab(
            "details",
            "Details",
            "4",
            "Paths, ports, files and QEMU's arguments",
            lambda dashboard: DetailsPanel(dashboard.history, id="details").data_bind(Dashboard.vm),
        ),
        Tab(
            "events",
            "Events",
            "5",
            "What was done in this session, and every error",
            lambda _: EventsPanel(id="events").data_bind(Dashboard.vm, Dashboard.jobs, Dashboard.events),
        ),
        Tab(
            "server",
            "Server",
            "6",
            "podplane's local server and its log",
            lambda _: ServerPanel(id="server").data_bind(Dashboard.local_server),
        ),
    )
}
"""The tabs, in the order of their keys. Adding one is an entry here: key, help and palette follow from it."""


class Dashboard(Screen[None]):
    """Shows what the app's worker found; asks the app for everything that is to be done."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (180, "-wide")]  # noqa: RUF012 - an instance variable of Screen
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (12, "-short"), (30, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = "VMTable"

    BINDINGS: ClassVar[list[BindingType]] = [
        *dashboard_keys.BINDINGS,
        *(
            Binding(tab.key, f"show_tab('{tab.id}')", tab.label, show=False, id=f"view.{tab.id}", tooltip=tab.tooltip)
            for tab in TABS.values()
        ),
    ]

    snapshots: reactive[tuple[VMSnapshot, ...] | None] = reactive(None)
    jobs: reactive[tuple[Job, ...]] = reactive(())
    journal_read: reactive[int] = reactive(0)
    selected: reactive[str | None] = reactive(None)
    vm: reactive[VMSnapshot | None] = reactive(None)
    tab: reactive[str] = reactive("console")
    stale_for: reactive[int] = reactive(0)
    events: reactive[tuple[Event, ...]] = reactive(())
    local_server: reactive[LocalServer | None] = reactive(None)

    def __init__(
        self, *, data_dir: Path, runtime_dir: Path, arch: str, select: str | None, history: History, view: ListView
    ) -> None:
        super().__init__()
        self._data_dir = data_dir
        self._runtime_dir = runtime_dir
        self._arch = arch
        self._select = select
        self._view = view
        self.history: History = history

    def compose(self) -> ComposeResult:
        """Summary, table, panel, job, keys."""
        yield SummaryBar(self._data_dir).data_bind(Dashboard.snapshots, Dashboard.local_server)
        with Vertical(id="body"):
            with Vertical(id="machines"):
                yield Input(id="filter", placeholder="filter by name or state", compact=True)
                yield VMTable(arch=self._arch, select=self._select, view=self._view, id="table").data_bind(
                    Dashboard.snapshots
                )
                yield EmptyState(self._data_dir, self._runtime_dir)
                yield DetailsPanel(self.history, id="side-details").data_bind(Dashboard.vm)
            with ContentSwitcher(id="panel", initial=self.tab):
                for tab in TABS.values():
                    panel = tab.make(self)
                    panel.in_view = tab.id == self.tab
                    yield panel
        yield JobStrip().data_bind(Dashboard.jobs, read_up_to=Dashboard.journal_read)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Titles are there from the first frame."""
        self._write_titles()

    def watch_snapshots(self, snapshots: tuple[VMSnapshot, ...] | None) -> None:
        """The disk changed."""
        self.set_class(snapshots == (), "-empty")
        self._choose()

    def watch_selected(self) -> None:
        """The cursor moved."""
        self._choose()

    def watch_tab(self, tab: str) -> None:
        """The other panel."""
        self.set_class(tab == "events", "-events")
        if self.is_mounted:
            self.query_one("#panel", ContentSwitcher).current = tab
            for panel in self.query("#panel > Panel").results(Panel):
                panel.in_view = panel.id == tab
            self._read_journal()
            self._write_titles()

    def watch_stale_for(self, seconds: int) -> None:
        """What is shown is old, or new again."""
        if self.is_mounted:
            self.query_one(VMTable).set_class(seconds > 0, "-stale")
            self._write_titles()

    def watch_jobs(self) -> None:
        """Something was begun, told or ended."""
        if self.is_mounted:
            watched = frozenset(job.key for job in self.jobs if job.active and job.verb is Verb.WATCH)
            self.query_one(VMTable).watched = watched
        self._read_journal()

    def _read_journal(self) -> None:
        """What ends while the events are in view was seen."""
        if self.tab == "events":
            self.journal_read = max((job.number for job in self.jobs if not job.active), default=0)

    @property
    def panel(self) -> Panel:
        """The tab in view."""
        return self.query_one(f"#{self.tab}", Panel)

    def _choose(self) -> None:
        self.vm = next((vm for vm in self.snapshots or () if vm.key == self.selected), None)
        if self.is_mounted:
            self._write_titles()

    @on(VMTable.MarksChanged)
    def _marks_changed(self, event: VMTable.MarksChanged) -> None:
        event.stop()
        self._write_titles()

    @on(VMTable.SelectionChanged)
    def _selection_changed(self, event: VMTable.SelectionChanged) -> None:
        event.stop()
        self.selected = event.key

    def _write_titles(self) -> None:
        """The borders carry what would otherwise cost lines: the count, the tabs, the machine's name."""
        machines, panel = self.query_one("#machines"), self.query_one("#panel")
        table = self.query_one(VMTable)
        total, matching = len(self.snapshots or ()), len(table.matching)
        parts = [Content("VMs") if total == matching else Content(f"VMs {matching} of {total}")]
        if table.marked:
            hidden = len(table.hidden_marks)
            parts.append(Content(f"{len(table.marked)} marked" + (f", {hidden} hidden" if hidden else "")))
        if self.stale_for:
            parts.append(Content.styled(f"no answer for {self.stale_for} s", "$text-warning"))
        machines.border_title = Content(" · ").join(parts)
        name = one_line(self.vm.cluster_id) if self.vm is not None else ""
        if self.panel.typing:
            shell = " shell" if self.tab == "shell" else ""
            panel.border_title = Content(f" TYPING INTO {name}{shell} · Ctrl-] ends ")
            return
        tabs = [
            Content.from_markup(f"[@click=screen.show_tab('{tab.id}')]{tab.label}[/]").stylize(
                "bold reverse" if tab.id == self.tab else "dim"
            )
            for tab in TABS.values()
        ]
        if name:
            tabs.append(Content.styled(f"─ {name}", "bold"))
        if name and self.panel.status:
            tabs.append(Content.styled(f"· {self.panel.status}", "dim"))
        panel.border_title = Content(" ").join(tabs)

    # Keys

    def action_verb(self, name: str) -> None:
        """Ask the app for a verb on the selected machine."""
        verb = Verb(name)
        if verb in {Verb.CREATE, Verb.SERVER}:
            self.post_message(ActionRequested(verb))
        elif marked := (table := self.query_one(VMTable)).marked:
            self.post_message(ActionRequested(verb, *sorted(marked), hidden=table.hidden_marks))
        elif self.vm is None:
            self.notify("There is no VM here yet: press n to make one.", severity="warning", markup=False)
        else:
            self.post_message(ActionRequested(verb, self.vm.key))

    def select(self, cluster: str) -> None:
        """Put the cursor on this cluster, now or as soon as it appears."""
        self.query_one(VMTable).select(cluster)

    def action_pause_or_resume(self) -> None:
        """Whichever of the two makes sense."""
        paused = self.vm is not None and self.vm.state is State.PAUSED
        self.action_verb(Verb.RESUME if paused else Verb.PAUSE)

    def action_show_tab(self, name: str) -> None:
        """Show one of the panels; go into it when it is shown already."""
        if self.tab == name:
            self.action_enter_tab(name)
        self.tab = name

    def action_enter_tab(self, name: str) -> None:
        """Show one of the panels and give it the keys."""
        self.tab = name
        self.call_after_refresh(self.action_enter)

    def action_enter(self) -> None:
        """Give the panel in view the keys."""
        reason = self.panel.enter()
        if reason and self.vm is not None:
            self.notify(reason, severity="warning", markup=False)

    def action_type_into_console(self) -> None:
        """Show the console and type into it."""
        if self.tab == "console":
            self.action_enter()
        self.tab = "console"

    def action_find(self) -> None:
        """Search the console's text."""
        self.tab = "console"
        if self.vm is not None and (reason := self.query_one(ConsolePanel).find()):
            self.notify(reason, severity="warning", markup=False)

    @on(DetailsPanel.CopyRequested)
    def _copy_requested(self, event: DetailsPanel.CopyRequested) -> None:
        event.stop()
        self._copy(event.text)

    @work(exclusive=True, group="copy")
    async def action_copy_ssh(self) -> None:
        """Copy the command that logs in."""
        vm = self.vm
        command = await in_thread(lambda: ssh_command(vm), name="ssh-command") if vm is not None else ""
        if command:
            self._copy(command)
        else:
            self.notify("No SSH port is forwarded to this VM.", severity="warning", markup=False)

    def _copy(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.notify(one_line(text, limit=_COPY_LIMIT), title="Copied", timeout=3, markup=False)

    @on(TerminalSearch.Closed)
    def _search_closed(self, event: TerminalSearch.Closed) -> None:
        event.stop()
        self.query_one(VMTable).focus()

    @work(exclusive=True, group="dialog")
    async def action_save_console(self) -> None:
        """Write the console's text to a file."""
        view = self.query_one(ConsolePanel).view
        if self.vm is None or view is None:
            self.notify("There is no console to save yet.", severity="warning", markup=False)
        else:
            await save_console(self, view, self.vm)

    @work(exclusive=True, group="dialog")
    async def action_send(self) -> None:
        """Send what no key sends."""
        if self.vm is None or not self.vm.live:
            self.notify("Nothing runs here that could be sent anything.", severity="warning", markup=False)
        else:
            await send_to_guest(self, self.query_one(ConsolePanel), self.vm)

    @on(TerminalView.TypingChanged)
    def _typing_changed(self, event: TerminalView.TypingChanged) -> None:
        event.stop()
        self.set_class(event.typing, "-typing")
        self._write_titles()
        if not event.typing and isinstance(self.focused, TerminalView):
            self.query_one(VMTable).focus()

    @on(Panel.StatusChanged)
    def _status_changed(self, event: Panel.StatusChanged) -> None:
        event.stop()
        self._write_titles()

    def action_shell(self, what: str) -> None:
        """Open one more shell, show the one before or after it, or close it."""
        panel = self.query_one(ShellPanel)
        self.tab = "shell"
        if what == "new" and (reason := panel.add()):
            self.notify(reason, severity="warning", markup=False)
        elif what == "close":
            panel.close_shell()
        elif what in {"previous", "next"}:
            panel.step(1 if what == "next" else -1)

    @work(exclusive=True, group="dialog")
    async def action_ssh(self) -> None:
        """Give the whole terminal to ssh, until it ends."""
        if self.vm is None:
            return
        try:
            await hand_over(self.app, self.vm.files, before=self.release_console)
        except VMError as error:
            self.notify(one_line(str(error), limit=400), severity="warning", markup=False, timeout=10)

    def action_step_boot(self, by: int) -> None:
        """Show the boot that many further back."""
        if self.tab == "boot":
            self.query_one(BootPanel).step(by)
        self.tab = "boot"

    @on(BootPanel.JumpRequested)
    def _jump_requested(self, event: BootPanel.JumpRequested) -> None:
        event.stop()
        self.tab = "console"
        self.query_one(ConsolePanel).show_recorded(event.recording, event.offset)

    async def release_console(self) -> None:
        """Let go of the console before the program is suspended; it comes back with the program."""
        await self.query_one(ConsolePanel).release()

    def action_toggle_full(self) -> None:
        """The panel alone, or with the table."""
        self.toggle_class("-full")

    def action_filter(self) -> None:
        """Open the filter's field."""
        self.remove_class("-full")
        self.add_class("-filtering")
        self.query_one("#filter", Input).focus()

    def action_back(self) -> None:
        """Undo what narrows the view, one thing at a time; at last the marks."""
        field, table = self.query_one("#filter", Input), self.query_one(VMTable)
        if self.has_class("-full"):
            self.remove_class("-full")
        elif self.has_class("-filtering"):
            field.value = ""
            self.remove_class("-filtering")
        elif self.focused is table:
            table.marked = frozenset()
        table.focus()

    @work(exclusive=True, group="dialog")
    async def action_columns(self) -> None:
        """Choose the list's columns."""
        table = self.query_one(VMTable)
        hidden = await self.app.push_screen_wait(ColumnsDialog(table.view.hidden))
        if hidden is not None:
            table.view = replace(table.view, hidden=hidden)

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one(VMTable).filter_text = event.value
        self._write_titles()

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_class(bool(event.value.strip()), "-filtering")
        self.query_one(VMTable).focus()

    def action_help(self) -> None:
        """All keys."""
        self.app.push_screen(HelpScreen(dashboard_keys.key_sections(self)))
