"""The dashboard's lower part: one panel at a time, in a frame that names them all. Made when first looked at."""

from __future__ import annotations

import asyncio
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from textual.containers import Vertical
from textual.content import Content
from textual.reactive import Reactive, var

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.runtime.local_server import LocalServer
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.state.history import History
from podplane_tui.tui.threads import in_thread_for
from podplane_tui.tui.widgets.base import Panel

if TYPE_CHECKING:
    from podplane_tui.tui.state.events import Event
    from podplane_tui.tui.state.jobs import Job

P = TypeVar("P", bound=Panel)


class Tab(NamedTuple):
    """One of the panels: its id, its name, where it is found, what of the box it follows.

    `about` is what it tells of when that is not the selected machine.
    """

    id: str
    label: str
    module: str
    panel: str
    follows: tuple[Reactive[Any], ...]
    about: str = ""


class TabBox(Vertical):
    """Shows the panel of the tab `current`."""

    current: var[str] = var("console")
    vm: var[VMStatus | None] = var(None)
    vms: var[tuple[VMStatus, ...] | None] = var(None)
    jobs: var[tuple[Job, ...]] = var(())
    events: var[tuple[Event, ...]] = var(())
    history: var[History] = var(History)
    local_server: var[LocalServer | None] = var(None)
    moment: var[float] = var(0.0)

    def __init__(self, *, arch: str) -> None:
        """The names of VMs of another architecture than `arch` say so."""
        super().__init__(id="panel")
        self._arch = arch
        self._panels: dict[str, Panel] = {}
        self._making = asyncio.Lock()
        self._filled = False
        self._told: tuple[str, str, str | None, str, str] | None = None

    def on_mount(self) -> None:
        """The title is there from the first frame."""
        self._write_title()

    # Panels

    @property
    def panel(self) -> Panel | None:
        """The panel in view; None until it is made."""
        return self._panels.get(self.current)

    def find(self, kind: type[P]) -> P | None:
        """The panel of that kind; None when nobody has looked at it yet."""
        return next((panel for panel in self._panels.values() if isinstance(panel, kind)), None)

    async def open(self, kind: type[P]) -> P:
        """The panel of that kind, made where it has to be."""
        await self._make(next(tab for tab in TABS.values() if tab.panel == kind.__name__))
        return self.query_one(kind)

    async def enter(self) -> str:
        """Give the panel in view the keys; gives the reason when that can't be, else ""."""
        return (await self.fill()).enter()

    async def fill(self) -> Panel:
        """The panel of the current tab, made where it has to be; and so from now on whenever another one is current."""
        self._filled = True
        return await self._make(TABS[self.current])

    async def _make(self, tab: Tab) -> Panel:
        async with self._making:
            if tab.id not in self._panels:
                # In a thread, because it takes a while and there may be keys.
                module = await in_thread_for(self, partial(import_module, f"{__package__}.{tab.module}"), name="panel")
                panel: Panel = getattr(module, tab.panel)(id=tab.id)
                panel.display = panel.in_view = tab.id == self.current
                await self.mount(panel)
                with self._context():  # what is bound belongs to whoever is active: with a key, that is the app
                    panel.data_bind(*tab.follows)
                self._panels[tab.id] = panel
                self._turn()
            return self._panels[tab.id]

    def _turn(self) -> None:
        """Have the panel of the current tab in view, and no other."""
        for name, panel in self._panels.items():
            panel.display = panel.in_view = name == self.current
        self._write_title()

    def watch_current(self) -> None:
        """The other panel."""
        self._turn()
        if self._filled:
            self.call_next(self.fill)

    # The frame

    def watch_vm(self) -> None:
        """Its name is in the title."""
        self._write_title()

    def on_panel_status_changed(self, event: Panel.StatusChanged) -> None:
        """It is in the title."""
        event.stop()
        self._write_title()

    def on_terminal_view_typing_changed(self) -> None:
        """The title says where keys go."""
        self._write_title()

    def _write_title(self) -> None:
        """Where keys go, while one types; else the tabs and the machine's name."""
        name = one_line(self.vm.label(self._arch)) if self.vm is not None else ""
        panel = self.panel
        typed_into = panel.typed_into if panel is not None and panel.typing else None
        status, unsent = (panel.status, panel.unsent) if panel is not None else ("", "")
        told = (self.current, name, typed_into, status, unsent)
        if told == self._told:  # to set it paints the whole panel anew
            return
        self._told = told
        if typed_into is not None:
            where = f"{name} {typed_into}".rstrip()
            title = f" TYPING INTO {where} · {key_name(self, 'terminal.stop_typing')} ends "
            self.border_title = Content(f"{title}· {unsent} " if unsent else title)
            return
        tabs = [
            Content.from_markup(f"[@click=screen.show_tab('{tab.id}')]{tab.label}[/]").stylize(
                "bold reverse" if tab.id == self.current else "dim"
            )
            for tab in TABS.values()
        ]
        if about := TABS[self.current].about or name:
            tabs.append(Content.styled(f"─ {about}", "bold"))
        status = ", ".join(filter(None, (status, unsent)))
        if about and status:
            tabs.append(Content.styled(f"· {status}", "dim"))
        self.border_title = Content(" ").join(tabs)


TABS = {
    tab.id: tab
    for tab in (
        Tab(
            "console",
            "Console",
            "console.panel",
            "ConsolePanel",
            (TabBox.vm, TabBox.vms),
        ),
        Tab(
            "boot",
            "Boot",
            "boot.panel",
            "BootPanel",
            (TabBox.vm,),
        ),
        Tab(
            "shell",
            "Shell",
            "shell_panel",
            "ShellPanel",
            (TabBox.vm, TabBox.vms),
        ),
        Tab(
            "details",
            "Details",
            "details.panel",
            "DetailsPanel",
            (TabBox.vm, TabBox.history, TabBox.moment),
        ),
        Tab(
            "events",
            "Events",
            "events_panel",
            "EventsPanel",
            (TabBox.vm, TabBox.jobs, TabBox.events),
        ),
        Tab(
            "server",
            "Server",
            "server_panel",
            "ServerPanel",
            (TabBox.local_server,),
            about="local server",
        ),
    )
}
"""The tabs, in the order of their keys. A new one is an entry here and its key in `tui.keys.bindings`."""
