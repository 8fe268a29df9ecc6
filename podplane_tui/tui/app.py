"""The dashboard's app: shows the machines it looks at, runs verbs as jobs, asks before what can't be undone."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.binding import BindingType
from textual.command import CommandPalette, Provider
from textual.driver import Driver
from textual.filter import Monochrome, NoColor
from textual.reactive import var
from textual.theme import Theme

from podplane_tui.backend.config.model import Config
from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.errors import CorruptFile, VMError
from podplane_tui.backend.core.paths import dashboard_memory
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.vm.inventory import Inventory
from podplane_tui.backend.vm.verbs import VERBS
from podplane_tui.tui.clipboard import clipboard_command, fill_clipboard
from podplane_tui.tui.input.driver import SuspensionAsked, TerminalDriver
from podplane_tui.tui.keys import bindings
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.keys.type_ahead import KeyHold, is_for_nobody
from podplane_tui.tui.messages import ActionRequested, CancelRequested, ThemeChosen
from podplane_tui.tui.polling import WatchingApp
from podplane_tui.tui.saved_view import Memory, recall, remember
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.styles import first_stylesheets, later_stylesheets
from podplane_tui.tui.theme import THEMES
from podplane_tui.tui.threads import AtExit, in_thread
from podplane_tui.tui.toasts import TOAST_LIMIT, left_to_say
from podplane_tui.tui.widgets.vm_list.table import VMTable

if TYPE_CHECKING:
    from podplane_tui import backend
    from podplane_tui.tui.actions.dispatcher import Actions
    from podplane_tui.tui.state.jobs import Job

_WARM_UP = 3.0
"""Seconds after which what verbs and shells need is imported: the first of them is half a second quicker for it."""

WANTED_SOON = ("podplane_tui.tui.actions.dispatcher", "podplane_tui.tui.widgets.shell_panel", "paramiko")
_THEMES = {theme.name: theme for theme in THEMES}


def palette_commands() -> type[Provider]:
    """What the palette offers, when it is first opened."""
    from podplane_tui.tui.palette import PaletteCommands  # noqa: PLC0415

    return PaletteCommands


class PodplaneApp(WatchingApp):
    """`arch` is the architecture new machines get. `select` is the cluster whose row the cursor starts on.

    `start_spec` is what every start from here uses; `message` is shown once at the beginning. `state_dir` is our
    own, None for the usual one. `inventory` is one that has looked already, with what it saw.

    `config` is in force; its file, where what is changed here is written to, is at `config_path`, None for nowhere.
    `stop_timeouts` and `theme` stand in place of its own. Without `keep_theme` only the settings screen writes.
    """

    TITLE = "podplane-tui"
    CSS_PATH: ClassVar[list[Path]] = first_stylesheets()  # type: ignore[assignment] # Textual takes any sequence
    BINDINGS: ClassVar[list[BindingType]] = [*bindings.APP]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {palette_commands}

    jobs: var[tuple[Job, ...]] = var(())

    def __init__(
        self,
        data_dir: Path,
        runtime_dir: Path,
        arch: str,
        *,
        config: Config | None = None,
        config_path: Path | None = None,
        stop_timeouts: StopTimeouts | None = None,
        theme: str = "",
        keep_theme: bool = True,
        start_spec: backend.StartSpec | None = None,
        select: str | None = None,
        message: str = "",
        state_dir: Path | None = None,
        inventory: tuple[Inventory, tuple[VMStatus, ...]] | None = None,
        welcome: bool = False,
    ) -> None:
        config = config or Config()
        # Before Textual asks for its colours: with other ones it would have to parse every style sheet once more.
        self.set_reactive(PodplaneApp.theme, theme or config.dashboard.theme)
        super().__init__(data_dir, runtime_dir, state_dir, arch=arch, config=config, inventory=inventory)
        for ours in THEMES:
            self.register_theme(ours)
        self._config_path = config_path
        self._stop_timeouts = stop_timeouts
        self._keep_theme = keep_theme
        self._start_spec = start_spec
        self._actions: Actions | None = None
        self._select = select
        self._message = message
        self._welcome = welcome
        self._memory_path = dashboard_memory(state_dir)
        self._memory = self._kept_memory = recall(self._memory_path)
        self._keeping = False
        self._key_hold = KeyHold(self, coming=self._question_coming)

    def get_driver_class(self) -> type[Driver]:
        """The terminal, read in our own way."""
        return TerminalDriver

    def get_theme(self, theme_name: str) -> Theme | None:
        """A theme by its name; ours are known before they are registered."""
        return _THEMES.get(theme_name) or super().get_theme(theme_name)

    def get_default_screen(self) -> Dashboard:
        """The dashboard, fed with what the app knows."""
        dashboard = Dashboard(
            data_dir=self.data_dir,
            runtime_dir=self.runtime_dir,
            arch=self.arch,
            select=self._select,
            view=self._memory.view,
            history=self._history,
        )
        self.dashboard = dashboard.data_bind(
            PodplaneApp.vms,
            PodplaneApp.jobs,
            PodplaneApp.events,
            PodplaneApp.stale_for,
            PodplaneApp.local_server,
            PodplaneApp.moment,
        )
        return self.dashboard

    def on_mount(self) -> None:
        """Begin with what was seen already, or else by looking."""
        self.set_keymap(dict(self.config.keys))
        if not self._has_looked:
            self._poll()

    def on_resize(self, event: events.Resize) -> None:
        """Paint everything when the terminal is ours again: it tells the size we know, and Textual paints nothing then.

        That is so after Ctrl-Z and fg, and after SIGSTOP and SIGCONT.
        """
        if self.dashboard.painted and event.size == self.screen.size:
            self.refresh(layout=True)

    @on(Dashboard.Painted)
    def _go_on(self, event: Dashboard.Painted) -> None:
        """All that would only have kept the first frame waiting."""
        event.stop()
        for path in later_stylesheets():
            self.stylesheet.add_source(path.read_text("utf-8"), (str(path), ""))
        early = (self.dashboard.tabs.children, self.dashboard.machines.query("#side-details"))
        if len(self.screen_stack) > 1 or any(early):  # made without these sheets
            for screen in self.screen_stack:
                self.stylesheet.update(screen)
        self.dashboard.tabs.call_next(self.dashboard.tabs.fill)
        if self._has_looked:
            self._poll()
        self._keep_recordings()
        self.set_interval(1.0, self._notice_age)
        self.set_timer(_WARM_UP, self._warm_up)
        if self._message:
            self.notify(one_line(self._message, limit=TOAST_LIMIT), markup=False)
        if self._welcome and not self._memory.toured:
            self.notify(
                f"New here? {key_name(self, 'app.tour')} shows around.", title="Welcome", timeout=8, markup=False
            )
            self._remember(self._memory._replace(toured=True))

    @work(group="warm-up")
    async def _warm_up(self) -> None:
        try:
            await in_thread(lambda: [import_module(name) for name in WANTED_SOON], name="warm-up")
        finally:
            if not gc.isenabled():  # whoever opens the dashboard may have put it off
                # What is there by now stays. To look through it for cycles took 50 ms, every few seconds under a flood.
                gc.freeze()
                gc.enable()

    def action_tour(self) -> None:
        """Show around."""
        from podplane_tui.tui.screens.tour import Tour  # noqa: PLC0415

        self.push_screen(Tour())

    async def action_suspend(self) -> None:
        """Back to the shell, with no console attached: a guest whose console nobody reads stands still."""
        if self.is_web:
            self.refuse("There is no shell behind a browser: close the tab to leave.")
            return
        await self.dashboard.release_console()
        if isinstance(driver := self._driver, TerminalDriver):
            self.app_suspend_signal.publish(self)
            driver.suspend()

    @on(SuspensionAsked)
    async def _suspend(self, event: SuspensionAsked) -> None:
        event.stop()
        await self.action_suspend()

    # Configuring

    @work(group="dialog", exclusive=True)
    async def action_settings(self) -> None:
        """Show the configuration and change it."""
        from podplane_tui.tui.actions.settings import ask_settings  # noqa: PLC0415

        if self._config_path is None:
            self.refuse("There is no home directory, so settings can't be kept: set HOME or XDG_CONFIG_HOME.")
            return
        self.clear_notifications()  # none of them may cover the screen
        try:
            config = await ask_settings(self, self._config_path)
        except VMError as error:
            self.refuse(str(error))
            return
        if config is not None:
            self._put_in_force(config)

    def _put_in_force(self, config: Config) -> None:
        if config.dashboard.theme != self.config.dashboard.theme:
            self.theme = config.dashboard.theme
        self.config = config
        self.set_keymap(dict(config.keys))
        if self._actions is not None:
            self._actions.workshop = replace(self._actions.workshop, stop_timeouts=self._stop_timeouts or config.stop)
        self.look_now()

    def watch_theme(self) -> None:
        """Leave colours out (NO_COLOR) as the theme needs it: Textual settles on a way when it starts."""
        if self.no_color:
            way = NoColor() if self.native_ansi_color else Monochrome()
            self._filters[:] = [way if isinstance(each, NoColor | Monochrome) else each for each in self._filters]

    def search_themes(self) -> None:
        """The palette's themes; the one that is chosen is kept."""
        from podplane_tui.tui.actions.settings import Themes  # noqa: PLC0415

        self.push_screen(CommandPalette(providers=[Themes], placeholder="Search for themes…"))

    async def on_theme_chosen(self, event: ThemeChosen) -> None:
        """Take it, now and from now on."""
        from podplane_tui.tui.actions.settings import keep_theme  # noqa: PLC0415

        event.stop()
        self.theme = event.name
        if self._config_path is None or not self._keep_theme:
            return
        try:
            await keep_theme(self._config_path, event.name)
        except VMError as error:
            self.refuse(f"The theme was not kept: {error}")

    def copy_to_clipboard(self, text: str) -> None:
        """To the terminal's clipboard, and to that of the desktop where there is one."""
        super().copy_to_clipboard(text)
        if (command := clipboard_command(os.environ)) is not None:
            self.run_worker(in_thread(lambda: fill_clipboard(command, text), name="clipboard"), group="clipboard")

    @on(VMTable.ViewChanged)
    def _view_changed(self, event: VMTable.ViewChanged) -> None:
        event.stop()
        self._remember(self._memory._replace(view=event.view))

    def _remember(self, memory: Memory) -> None:
        """Keep it for the next run; that it can't be kept is no reason to disturb anybody."""
        self._memory = memory
        if not self._keeping:
            self._keeping = True
            self._keep_memory()

    @work(group="memory")
    async def _keep_memory(self) -> None:
        """Write one after the other, until the latest is kept: of two at a time the earlier could be the last."""
        while self._kept_memory is not (memory := self._memory):
            with contextlib.suppress(OSError, CorruptFile):
                keep = partial(remember, self._memory_path, memory, known=self._kept_memory)
                await in_thread(keep, name="memory", at_exit=AtExit.FINISH)
            self._kept_memory = memory
        self._keeping = False

    # Doing: what the actions need, see `ActionHost`

    @property
    def dialog_open(self) -> bool:
        """Whether another screen than the dashboard is shown."""
        return self.screen is not self.dashboard

    @property
    def list_focused(self) -> bool:
        """Whether keys go to the list of VMs."""
        return not self.dialog_open and self.dashboard.focused is self.dashboard.table

    def key(self, binding_id: str) -> str:
        """The key that the binding has now, as sentences name it."""
        return key_name(self, binding_id)

    def select(self, cluster_id: str) -> None:
        """Put the cursor on this cluster, now or as soon as it appears."""
        self.dashboard.select(cluster_id)

    def show_job(self, job: Job) -> None:
        """Show the job as it is now, in the place of what was shown of it."""
        from podplane_tui.tui.state.jobs import updated  # noqa: PLC0415 - comes with the first verb

        self.jobs = updated(self.jobs, job)

    def _touched_since(self, moment: float) -> frozenset[str]:
        busy = self._actions.jobs.busy if self._actions is not None else ()
        return frozenset(job.key for job in self.jobs if job.ended and job.ended > moment).union(busy)

    @property
    def actions(self) -> Actions:
        """What does the verbs. It brings dialogs and most of the backend, and so comes with the first of them."""
        if self._actions is None:
            from podplane_tui.tui.actions.dispatcher import Actions  # noqa: PLC0415
            from podplane_tui.tui.actions.tasks import Workshop  # noqa: PLC0415

            timeouts = self._stop_timeouts or self.config.stop
            workshop = Workshop(self.data_dir, self.runtime_dir, timeouts, self._start_spec, self.state_dir)
            self._actions = Actions(self, workshop)
        return self._actions

    @property
    def finishing(self) -> list[str]:
        """What the program, once it was left, still has to do before it ends."""
        return [job.headline for job in self.jobs if job.active and not VERBS[job.verb].waits]

    @property
    def parting_words(self) -> list[str]:
        """What there is to say once the program was left."""
        return left_to_say(self)

    def on_action_requested(self, event: ActionRequested) -> None:
        """Do it."""
        event.stop()
        self.actions.request(event)
        self.dashboard.requests -= 1

    async def on_event(self, event: events.Event) -> None:
        """Keys wait while a dialog is on its way: what is typed after the key that opens it is meant for it.

        One that can lose data ignores what was typed before it could be seen.
        """
        if not self._key_hold.takes(event) and not is_for_nobody(self, event):
            await super().on_event(event)

    def _question_coming(self) -> bool:
        """Whether a key that was typed may open a dialog, or has opened one that has no focus yet."""
        if self.dialog_open:
            return not self.screen.is_mounted
        return (
            self.dashboard.requests > 0
            or (self._actions is not None and self._actions.asking > 0)
            or any(worker.group == "dialog" and not worker.is_finished for worker in self.workers)
        )

    def on_cancel_requested(self, event: CancelRequested) -> None:
        """Give a job up."""
        event.stop()
        self.actions.jobs.cancel(event.number)

    def refuse(self, reason: str) -> None:
        """Say why something is not done."""
        self.notify(one_line(reason, limit=TOAST_LIMIT), severity="warning", markup=False)
