"""The main screen: the machines, and the console and details of the selected one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer, Input

from podplane_tui.backend.snapshot import State, VMSnapshot
from podplane_tui.backend.text import one_line
from podplane_tui.tui.jobs import Job
from podplane_tui.tui.messages import ActionRequested, JournalRequested
from podplane_tui.tui.screens.help import HelpScreen, KeySection
from podplane_tui.tui.verbs import WORDING, Verb, refusal
from podplane_tui.tui.widgets.console_panel import ConsolePanel
from podplane_tui.tui.widgets.details import DetailsPanel
from podplane_tui.tui.widgets.empty_state import EmptyState
from podplane_tui.tui.widgets.job_strip import JobStrip
from podplane_tui.tui.widgets.summary import SummaryBar
from podplane_tui.tui.widgets.terminal import TerminalView
from podplane_tui.tui.widgets.vm_table import TYPE_TOOLTIP, VMTable

TABS = {"console": "Console", "details": "Details"}


def _verb(verb: Verb, key: str, label: str, *, show: bool = True, key_display: str | None = None) -> Binding:
    return Binding(
        key,
        f"verb('{verb}')",
        label,
        show=show,
        key_display=key_display,
        id=f"vm.{verb}",
        tooltip=WORDING[verb].help,
    )


class Dashboard(Screen[None]):
    """Shows what the app's worker found; asks the app for everything that is to be done."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (180, "-wide")]  # noqa: RUF012 - an instance variable of Screen
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (12, "-short"), (30, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = "VMTable"

    BINDINGS: ClassVar[list[BindingType]] = [
        _verb(Verb.CREATE, "n", "New"),
        _verb(Verb.START, "s", "Start"),
        _verb(Verb.STOP, "x", "Stop"),
        _verb(Verb.RESTART, "r", "Restart"),
        _verb(Verb.DELETE, "d", "Delete"),
        _verb(Verb.SYNC, "y", "Sync"),
        Binding("c", "type_into_console", "Console", id="console.type", tooltip=TYPE_TOOLTIP),
        Binding("slash", "filter", "Filter", key_display="/", id="view.filter", tooltip="Narrow the list of VMs"),
        Binding(
            "f", "toggle_full", "Full", show=False, id="view.full", tooltip="Give the whole screen to the lower panel"
        ),
        Binding("1", "show_tab('console')", "Console", show=False, id="view.console", tooltip="Show the console"),
        Binding("2", "show_tab('details')", "Details", show=False, id="view.details", tooltip="Show the details"),
        Binding("e", "show_journal", "Events", show=False, id="view.events", tooltip="What was done, and every error"),
        Binding(
            "P", "pause_or_resume", "Pause", show=False, id="vm.pause", tooltip="Pause the selected VM, or let it go on"
        ),
        _verb(Verb.RESET, "R", "Reset", show=False),
        _verb(Verb.REPAIR, "exclamation_mark", "Repair", show=False, key_display="!"),
        Binding("question_mark", "help", "Help", key_display="?", id="app.help", tooltip="All keys"),
        Binding("q", "app.quit", "Quit", id="app.quit", tooltip="Leave; VMs keep running"),
        Binding(
            "tab",
            "app.focus_next",
            "Next part",
            show=False,
            id="view.next",
            tooltip="Next part of the screen",
        ),
        Binding("escape", "back", "Back", show=False, id="view.back", tooltip="Clear the filter, leave the full view"),
    ]

    snapshots: reactive[tuple[VMSnapshot, ...] | None] = reactive(None)
    jobs: reactive[tuple[Job, ...]] = reactive(())
    journal_read: reactive[int] = reactive(0)
    selected: reactive[str | None] = reactive(None)
    vm: reactive[VMSnapshot | None] = reactive(None)
    tab: reactive[str] = reactive("console")

    def __init__(self, *, data_dir: Path, runtime_dir: Path, arch: str, select: str | None) -> None:
        super().__init__()
        self._data_dir = data_dir
        self._runtime_dir = runtime_dir
        self._arch = arch
        self._select = select

    def compose(self) -> ComposeResult:
        """Summary, table, panel, job, keys."""
        yield SummaryBar(self._data_dir).data_bind(Dashboard.snapshots)
        with Vertical(id="body"):
            with Vertical(id="machines"):
                yield Input(id="filter", placeholder="filter by name or state", compact=True)
                yield VMTable(arch=self._arch, select=self._select, id="table").data_bind(Dashboard.snapshots)
                yield EmptyState(self._data_dir, self._runtime_dir)
                yield DetailsPanel(id="side-details").data_bind(Dashboard.vm)
            with ContentSwitcher(id="panel", initial="console"):
                yield ConsolePanel(id="console").data_bind(Dashboard.vm, Dashboard.snapshots)
                yield DetailsPanel(id="details").data_bind(Dashboard.vm)
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
        if self.is_mounted:
            self.query_one("#panel", ContentSwitcher).current = tab
            self.query_one(ConsolePanel).in_view = tab == "console"
            self._write_titles()

    def _choose(self) -> None:
        self.vm = next((vm for vm in self.snapshots or () if vm.key == self.selected), None)
        if self.is_mounted:
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
        machines.border_title = Content("VMs") if total == matching else Content(f"VMs {matching} of {total}")
        console = self.query_one(ConsolePanel)
        name = one_line(self.vm.cluster_id) if self.vm is not None else ""
        if console.typing:
            panel.border_title = Content(f" TYPING INTO {name} · Ctrl-] ends ")
            return
        tabs = [
            Content.from_markup(f"[@click=screen.show_tab('{name}')]{label}[/]").stylize(
                "bold reverse" if name == self.tab else "dim"
            )
            for name, label in TABS.items()
        ]
        if name:
            tabs.append(Content.styled(f"─ {name}", "bold"))
        if name and self.tab == "console" and console.status:
            tabs.append(Content.styled(f"· {console.status}", "dim"))
        panel.border_title = Content(" ").join(tabs)

    # Keys

    def action_verb(self, name: str) -> None:
        """Ask the app for a verb on the selected machine."""
        verb = Verb(name)
        if verb is Verb.CREATE:
            self.post_message(ActionRequested(verb))
        elif self.vm is None:
            self.notify("There is no VM here yet: press n to make one.", severity="warning", markup=False)
        else:
            self.post_message(ActionRequested(verb, self.vm.key))

    def select(self, cluster: str) -> None:
        """Put the cursor on this cluster, now or as soon as it appears."""
        self.query_one(VMTable).select(cluster)

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """What the command palette offers here: `(name, help, what it does)`."""
        found: list[tuple[str, str, Callable[[], None]]] = [
            ("New VM", WORDING[Verb.CREATE].help, partial(self.action_verb, Verb.CREATE))
        ]
        if self.vm is not None:
            name = one_line(self.vm.cluster_id)
            verbs = [verb for verb in Verb if verb is not Verb.CREATE and refusal(verb, self.vm) is None]
            found += [(f"{WORDING[v].title} {name}", WORDING[v].help, partial(self.action_verb, v)) for v in verbs]
            found.append((f"Console of {name}", "Type into it", self.action_type_into_console))
        found += [
            ("Details", "Paths, ports, files and QEMU's arguments", partial(self.action_show_tab, "details")),
            ("Events", "What was done in this session, and every error", self.action_show_journal),
        ]
        return found

    def action_pause_or_resume(self) -> None:
        """Whichever of the two makes sense."""
        paused = self.vm is not None and self.vm.state is State.PAUSED
        self.action_verb(Verb.RESUME if paused else Verb.PAUSE)

    def action_show_tab(self, name: str) -> None:
        """Show one of the panels."""
        self.tab = name

    def action_type_into_console(self) -> None:
        """Show the console and type into it."""
        console = self.query_one(ConsolePanel)
        if self.tab == "console" and console.begin_typing():
            return
        if self.tab == "console" and self.vm is not None:
            self.notify(console.explanation or "The console is not connected.", severity="warning", markup=False)
        self.tab = "console"

    @on(TerminalView.TypingChanged)
    def _typing_changed(self, event: TerminalView.TypingChanged) -> None:
        event.stop()
        self.set_class(event.typing, "-typing")
        self._write_titles()
        if not event.typing and isinstance(self.focused, TerminalView):
            self.query_one(VMTable).focus()

    @on(ConsolePanel.StatusChanged)
    def _status_changed(self, event: ConsolePanel.StatusChanged) -> None:
        event.stop()
        self._write_titles()

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
        """Undo what narrows the view."""
        field = self.query_one("#filter", Input)
        if self.has_class("-filtering"):
            field.value = ""
            self.remove_class("-filtering")
        else:
            self.remove_class("-full")
        self.query_one(VMTable).focus()

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

    def action_show_journal(self) -> None:
        """What was done in this session."""
        self.post_message(JournalRequested())

    def action_help(self) -> None:
        """All keys."""
        self.app.push_screen(HelpScreen(self.key_sections()))

    def key_sections(self) -> list[KeySection]:
        """The bindings in force here, as the help shows them, changed keys included."""
        headings = {"vm": "Selected VM", "console": "Console", "terminal": "Console", "view": "View"}
        found: dict[str, dict[str, list[str]]] = {}
        bindings = [active.binding for active in self.active_bindings.values()] + _terminal_bindings()
        for binding in bindings:
            group, _, _ = (binding.id or "").partition(".")
            words = binding.tooltip or (binding.description if binding.id else "")
            if words:
                keys = found.setdefault(headings.get(group, "Program"), {}).setdefault(words, [])
                keys.append(self.app.get_key_display(binding))
        order = dict.fromkeys([*headings.values(), "Program"])
        return [
            (heading, [(" ".join(keys), words) for words, keys in found[heading].items()])
            for heading in order
            if heading in found
        ]


def _terminal_bindings() -> list[Binding]:
    """The terminal's own keys, which are in force only while it has the focus."""
    declared = [binding for cls in TerminalView.__mro__ for binding in cls.__dict__.get("BINDINGS", ())]
    return [
        binding
        for binding in declared
        if isinstance(binding, Binding) and (binding.id or "").startswith("terminal.") and binding.key != "enter"
    ]
