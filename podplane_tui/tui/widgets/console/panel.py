"""The serial console of the selected VM: what it has printed since power-on, and a way to type into it.

What is shown is read from the VM's recording, so that any number of dashboards can watch. The console itself, which
QEMU serves to one client at a time, is held only to type, and to record a VM whose QEMU does not.
"""

import asyncio
import threading
from functools import partial
from time import monotonic

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from podplane_tui.backend.console.claim import Claim
from podplane_tui.backend.core.errors import Cancelled, ConsoleHeld, VMError
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.recording.store import Recording
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.toasts import take_back, tell
from podplane_tui.tui.widgets.base import Panel, Unsent
from podplane_tui.tui.widgets.console import states
from podplane_tui.tui.widgets.console import text as words
from podplane_tui.tui.widgets.console.session import ConsoleHold
from podplane_tui.tui.widgets.console.states import Act, Signal
from podplane_tui.tui.widgets.console.status import look_at
from podplane_tui.tui.widgets.console.views import ConsoleViews
from podplane_tui.tui.widgets.terminal.search_bar import TerminalSearch
from podplane_tui.tui.widgets.terminal.view import TerminalView

LOOK_INTERVAL = 1.0
"""Seconds between looks at who holds a console and whether there is a recording; until the next try to connect, too."""


class ConsolePanel(Panel):
    """The console of `vm`, or why there is none.

    What happens goes into `states.after`, and what comes of it is carried out here: actions at once, steps one after
    the other in a task.
    """

    vms: var[tuple[VMStatus, ...] | None] = var(None)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._notice = Static(id="console-notice")
        self._noticed = ""
        self._views = ConsoleViews(self.mount)
        self._hold = ConsoleHold(printed=self._views.printed, asked=self._asked, closed=self._line_closed)
        self._state = states.ConsoleState()
        self._unsent = Unsent()
        self._to_do = asyncio.Event()
        self._settled = asyncio.Event()

    def compose(self) -> ComposeResult:
        """The notice; a terminal per VM joins it when it is first looked at."""
        yield self._notice
        yield TerminalSearch()

    def on_mount(self) -> None:
        """Begin."""
        self._tend()
        self.app.app_resume_signal.subscribe(self, lambda _app: self._happen(Signal.RESUMED))

    async def on_unmount(self) -> None:
        """Let go of everything."""
        unsent = self._views.disconnect()
        await self._hold.end()
        self._say_dropped(unsent)
        self._settled.set()

    @property
    def view(self) -> TerminalView | None:
        """The selected VM's terminal, if there was anything to show in it."""
        return self._views.of(self.vm)

    @property
    def typing(self) -> bool:
        """Whether keys go to the guest."""
        return self.view is not None and self.view.typing

    @property
    def connected(self) -> bool:
        """Whether the console is held by this program."""
        return self._state.held is not None

    # What the user wants

    def enter(self) -> str:
        """Send keys to the guest from now on."""
        actions = self._happen(Signal.TYPING_WANTED)
        return "".join(self._refusal(action.refusal) for action in actions if isinstance(action, states.Answer))

    def find(self) -> str:
        """Search the text; gives the reason when there is none."""
        if self.view is None:
            return "There is nothing to search yet."
        self.query_one(TerminalSearch).open(self.view)
        return ""

    @on(TerminalView.SearchChanged)
    def _search_changed(self, event: TerminalView.SearchChanged) -> None:
        event.stop()
        self.query_one(TerminalSearch).show_count(event.count, event.current)

    def show_recorded(self, recording: Recording, offset: int) -> None:
        """Show the line that begins at an offset of one of the VM's recordings, until the user turns elsewhere."""
        self._happen(states.JumpWanted(recording, offset))

    async def release(self) -> None:
        """Let go of the console before the program is suspended: one that nobody reads would stop the guest."""
        self._happen(Signal.SUSPENDED)
        await self._settled.wait()

    # What happens

    def watch_vm(self, vm: VMStatus | None) -> None:
        """Another VM, or the same in another state."""
        self._happen(states.VMChanged(vm, terminal=self.view is not None, typing=self.typing))

    def watch_in_view(self) -> None:
        """The user looks here, or elsewhere."""
        self._happen(states.ViewChanged(self.in_view))

    def watch_vms(self, vms: tuple[VMStatus, ...] | None) -> None:
        """Forget the consoles of VMs that are gone."""
        self._views.keep({vm.key for vm in vms or ()})
        if self._state.terminal and self.view is None:
            self._happen(Signal.TERMINAL_GONE)

    @on(TerminalView.Attached)
    @on(TerminalView.Detached)
    def _source_changed(self, event: TerminalView.Attached | TerminalView.Detached) -> None:
        event.stop()
        if event.view is not self.view:
            return
        if isinstance(event, TerminalView.Detached) and event.error is not None:
            self._happen(states.SourceFailed(event.error.strerror or str(event.error)))
        else:
            self._happen(Signal.SOURCE_CHANGED)

    @on(TerminalView.TypingChanged)
    def _typing_changed(self, event: TerminalView.TypingChanged) -> None:
        if event.view is self.view:  # what it says now: it may have changed again since the message
            self._happen(Signal.TYPING_BEGAN if self.typing else Signal.TYPING_ENDED)

    def _asked(self, claim: Claim) -> None:
        self._happen(states.Asked(claim, 0.0 if self.view is None else self.view.idle))

    def _line_closed(self) -> None:
        self._say_dropped(self._views.disconnect())
        self._happen(Signal.LINE_CLOSED)

    def _happen(self, event: states.Event) -> tuple[states.Action, ...]:
        self._state, actions = states.after(self._state, event, monotonic())
        if self._state.doing is not None:
            self._settled.clear()
            self._to_do.set()
        else:
            self._settled.set()
        for action in actions:
            self._act(action)
        return actions

    # What comes of it

    def _act(self, action: states.Action) -> None:
        view = self.view
        match action:
            case Act.SHOW:
                self._show()
            case Act.BEGIN_TYPING | Act.END_TYPING:
                if view is not None:
                    view.typing = action is Act.BEGIN_TYPING
            case Act.STOP_ASKING:
                self._hold.stop_asking()
            case Act.END_SEARCH:
                for search in self.query(TerminalSearch):
                    search.end()
            case states.Answer():  # for `enter` to give
                pass
            case states.Refuse(refusal):
                self.notify(self._refusal(refusal), severity="warning", markup=False)
            case states.Warn(error):
                self.notify(error, severity="warning", markup=False)
            case states.SayAsked(claim):
                self.notify(words.asked(claim, self._key), timeout=15, markup=False)
            case states.TakeBackAsked(claim):
                take_back(self.app, words.asked(claim, self._key))
            case states.SayHandedOver(claim):
                self.notify(words.handed_over(claim), markup=False)
            case states.Ask(vm):
                self._ask(vm, self._hold.new_request())
            case states.BeginAnew(vm, extract):
                if not extract or self._views.shows_extract(vm):
                    self._views.begin_anew(vm)

    @work(group="console", exclusive=True)
    async def _tend(self) -> None:
        while True:
            while (step := self._state.doing) is not None:
                self._happen(await self._carry_out(step))
            self._to_do.clear()
            try:
                async with asyncio.timeout(LOOK_INTERVAL if self.in_view else None):
                    await self._to_do.wait()
            except TimeoutError:
                self._happen(Signal.LOOK_DUE)

    async def _carry_out(self, step: states.Step) -> states.Event:
        match step:
            case states.Rest(but):
                await self._views.rest(but=but)
                return Signal.RESTED
            case states.LookAt(vm):
                return states.Looked(vm, await in_thread(lambda: look_at(vm), name="console-look"))
            case states.Replay(vm, recording, mark):
                again = partial(self.show_recorded, recording, mark or 0) if recording is not None else lambda: None
                await self._views.replay(vm, recording, mark=mark, again=again)
                return states.Replayed(vm)
            case states.Connect(vm):
                return await self._connect(vm)
            case states.LetGo(waiting):
                unsent = self._views.disconnect(waiting=waiting)
                await self._hold.close()
                self._say_dropped(unsent)
                return Signal.FREE

    async def _connect(self, vm: VMStatus) -> states.Event:
        try:
            line, recording = await self._hold.connect(vm)
        except VMError as error:
            self._say_dropped(self._views.disconnect())
            return states.NotConnected(vm, str(error), held=isinstance(error, ConsoleHeld))
        self._views.connect(vm, line, recording)
        return states.Connected(vm)

    @work(group="console-ask")
    async def _ask(self, vm: VMStatus, request: threading.Event) -> None:
        try:
            await self._hold.ask(vm, request)
        except Cancelled:
            return
        except VMError as error:
            self._happen(states.NotGranted(str(error)))
        else:
            self._happen(states.Granted(vm))

    def _say_dropped(self, unsent: int) -> None:
        """Say how much was typed that no guest has got: so many bytes, and what a console that was released had."""
        if dropped := unsent + self._hold.take_untaken():
            tell(self.app, words.dropped(dropped))

    # Showing

    def _show(self) -> None:
        """The terminal with what it has, above it a line about what is missing; or the notice alone."""
        if not self.is_mounted:
            return
        view, vm, look, holds = self.view, self.vm, self._state.look, self._state.holds
        for other in self._views:
            other.display = other is view
        following = self._state.past is None and view is not None and view.attached
        shown = self.in_view and following and vm is not None and vm.live
        connected = shown and (look.by_qemu or holds or look.holder is not None)
        self._notice.display = not connected
        self.set_class(view is not None, "-remembered")
        text = ("  " if view is not None else "\n\n").join(words.above(self._state, self._key))
        if not connected and text != self._noticed:  # an update lays the whole screen out anew
            self._noticed = text
            self._notice.update(Content(text))
        holder = None if holds else look.holder
        status = words.status(look.recording, holder) if connected else ""
        unsent = "" if view is None else self._unsent.words(view.backlog, monotonic())
        self.status = ", ".join(filter(None, (status, unsent)))

    def _refusal(self, refusal: states.Refusal) -> str:
        return words.refusal(refusal, self._state, self._key)

    def _key(self, binding_id: str) -> str:
        return key_name(self, binding_id)
