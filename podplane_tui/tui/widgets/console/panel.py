"""The serial console of the selected machine: what it has printed since power-on, and a way to type into it.

What is shown is read from the machine's recording, so that any number of dashboards can watch. The console itself,
which QEMU serves to one client at a time, is held only to type, and to record a machine whose QEMU does not.
"""

import asyncio
import contextlib
import threading
from dataclasses import replace
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from podplane_tui.backend.console.claim import IDLE, Claim
from podplane_tui.backend.core.errors import Cancelled, ConsoleHeld, VMError
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.recording.store import Recording
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.toasts import take_back
from podplane_tui.tui.widgets.base import Panel
from podplane_tui.tui.widgets.console import text as words
from podplane_tui.tui.widgets.console.session import ConsoleHold
from podplane_tui.tui.widgets.console.status import Look, look_at
from podplane_tui.tui.widgets.console.views import ConsoleViews
from podplane_tui.tui.widgets.terminal.search_bar import TerminalSearch
from podplane_tui.tui.widgets.terminal.view import TerminalView

LOOK_INTERVAL = 1.0
"""Seconds between looks at who holds a console and whether there is a recording; until the next try to connect, too."""


class ConsolePanel(Panel):
    """The console of `vm`, or why there is none.

    One task replays, connects and lets go, so that the order of things is the order they are wanted in.
    """

    vms: var[tuple[VMStatus, ...] | None] = var(None)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._notice = Static(id="console-notice")
        self._noticed = ""
        self._views = ConsoleViews(self.mount, self._type)
        self._hold = ConsoleHold(printed=self._views.printed, asked=self._asked, closed=self._line_closed)
        self._look = Look()
        self._announced: Claim | None = None
        self._request_shown = ""
        self._changed = asyncio.Event()
        self._past: Recording | None = None
        """What is shown in place of the machine's latest recording."""
        self._mark: int | None = None
        """The offset in what is to be shown that was asked for."""
        self._suspended = False
        self._entering = False
        """Somebody wants to type as soon as there is a terminal."""
        self._error = ""

    def compose(self) -> ComposeResult:
        """The notice; a terminal per machine joins it when it is first looked at."""
        yield self._notice
        yield TerminalSearch()

    def on_mount(self) -> None:
        """Begin."""
        self._tend()
        self.app.app_resume_signal.subscribe(self, lambda _app: self._resume())

    async def on_unmount(self) -> None:
        """Let go of everything."""
        await self._hold.end()

    @property
    def view(self) -> TerminalView | None:
        """The selected machine's terminal, if there was anything to show in it."""
        return self._views.of(self.vm)

    @property
    def typing(self) -> bool:
        """Whether keys go to the guest."""
        return self.view is not None and self.view.typing

    @property
    def connected(self) -> bool:
        """Whether the console is held by this program."""
        return self._hold.connected

    def enter(self) -> str:
        """Send keys to the guest from now on."""
        self._back_to_now(self.vm)
        vm, reason = self.vm, self._refusal()
        starting = vm is not None and _will_run(vm)
        self._entering = starting or not reason
        self._begin_typing()
        if vm is not None and starting:
            return f"{one_line(vm.cluster_id)} is starting: it gets the keys as soon as it runs."
        return reason

    def _begin_typing(self) -> None:
        if self._entering and self.vm is not None and self.vm.live and self.view is not None:
            self._entering = False
            self.view.typing = True  # heard by `_typing_changed`, which may refuse it

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
        """Show the line that begins at an offset of one of the machine's recordings, until the user turns elsewhere."""
        if self.vm is not None:
            self._past, self._mark = recording, offset
            self._views.begin_anew(self.vm)
            self._changed.set()

    def _back_to_now(self, vm: VMStatus | None) -> None:
        """Show the machine's latest recording again."""
        past, self._past, self._mark = self._past, None, None
        if vm is not None and (past is not None or self._views.shows_extract(vm)):
            self._views.begin_anew(vm)
            self._changed.set()

    def _end_typing(self) -> None:
        if self.view is not None:
            self.view.typing = False

    async def release(self) -> None:
        """Let go of the console before the program is suspended: one that nobody reads would stop the guest."""
        self._suspended = True
        self._changed.set()
        await self._hold.until_free()

    def _resume(self) -> None:
        self._suspended = False
        self._changed.set()

    def watch_vm(self, before: VMStatus | None, vm: VMStatus | None) -> None:
        """Another machine, or the same in another state."""
        if before is None or vm is None or before.key != vm.key:
            self._look, self._error, self._entering = Look(), "", False
            self._hold.withdraw_offer()
            self._hold.stop_asking()
            for search in self.query(TerminalSearch):
                search.end()
            self._back_to_now(before)
        else:
            if before.pid != vm.pid:
                self._back_to_now(vm)
            self._entering = self._entering and (vm.live or _will_run(vm))
        self._changed.set()
        self._show()

    def watch_in_view(self) -> None:
        """The user looks here, or elsewhere."""
        if not self.in_view:
            self._entering = False
            self._hold.stop_asking()
            self._back_to_now(self.vm)
        self._changed.set()

    def watch_vms(self, vms: tuple[VMStatus, ...] | None) -> None:
        """Forget the consoles of machines that are gone."""
        self._views.keep({vm.key for vm in vms or ()})

    @on(TerminalView.Attached)
    @on(TerminalView.Detached)
    def _connection_changed(self, event: TerminalView.Attached | TerminalView.Detached) -> None:
        event.stop()
        if isinstance(event, TerminalView.Detached) and event.error is not None:
            self._error = event.error.strerror or str(event.error)  # tried again with the next look
        else:
            self._changed.set()
        self._show()

    @on(TerminalView.TypingChanged)
    def _typing_changed(self, event: TerminalView.TypingChanged) -> None:
        refusal = self._refusal() if event.typing else ""
        if refusal:
            self._end_typing()
            self.notify(refusal, severity="warning", markup=False)
        elif event.typing:
            self._back_to_now(self.vm)
        else:
            take_back(self.app, self._request_shown)
        self._changed.set()

    # What is to be shown

    @work(group="console", exclusive=True)
    async def _tend(self) -> None:
        while True:
            self._changed.clear()
            await self._settle()
            self._show()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_INTERVAL if self.in_view else None):
                    await self._changed.wait()

    async def _settle(self) -> None:
        """Bring what is replayed and what is connected in line with what is wanted."""
        vm = self.vm if self.in_view and not self._suspended else None
        await self._views.rest(but=vm)
        if vm is None:
            await self._close_line()
            return
        look = await in_thread(lambda: look_at(vm), name="console-look")
        if self._past is not None and look.recording is not None and self._past.path == look.recording.path:
            self._past = None  # it is the latest
        shown = self._past or look.recording
        if self._is_wanted(vm) and shown is not None:
            await self._replay(vm, shown)
        before = self._hold.line
        await self._connect(vm, look)
        if self._hold.line is not before:  # somebody else holds it now, and it may be recorded only since
            look = await in_thread(lambda: look_at(vm), name="console-look")
            if self._hold.connected and self._past is None and self._is_wanted(vm):
                await self._replay(vm, look.recording)
        if self._is_wanted(vm):
            self._look = look
            self._begin_typing()
            if not _will_run(vm):
                self._entering = False  # a terminal that comes later takes nobody by surprise

    def _is_wanted(self, vm: VMStatus) -> bool:
        """Whether that machine's run is still what the user looks at."""
        return self.vm is not None and (self.vm.key, self.vm.pid) == (vm.key, vm.pid)

    async def _replay(self, vm: VMStatus, recording: Recording | None) -> None:
        mark, self._mark = self._mark, None
        again = partial(self.show_recorded, recording, mark or 0) if recording is not None else lambda: None
        await self._views.replay(vm, recording, mark=mark, again=again)

    # The console itself

    async def _connect(self, vm: VMStatus, look: Look) -> None:
        """Hold the console to type, and to record where QEMU does not; let go of it otherwise."""
        wanted = vm.live and vm.console is not None and (self.typing or not (look.by_qemu or look.asker is not None))
        if not wanted or (self.connected and not self._hold.is_of(vm)):
            await self._close_line()
        if not wanted or self.connected or not self._is_wanted(vm):
            return
        try:
            end = await self._hold.connect(vm)
        except VMError as error:
            self._not_connected(error)
            return
        self._error, self._announced = "", None
        self._views.answer_from(vm, end)

    def _not_connected(self, error: VMError) -> None:
        self._error = str(error)
        if self.typing:
            self._end_typing()
            text = self._refusal() if isinstance(error, ConsoleHeld) else ""
            self.notify(text or self._error, severity="warning", markup=False)

    async def _close_line(self) -> None:
        self._views.answer_nobody()
        if self.connected:
            self._look = replace(self._look, holder=None)  # that was us
        await self._hold.close()

    def _type(self, data: bytes) -> None:
        """What the terminal sends: keys, and answers where there is somebody to answer."""
        self._hold.type(data, typing=self.typing)

    def _line_closed(self) -> None:
        self._end_typing()
        self._changed.set()

    # One holder at a time

    def _refusal(self) -> str:
        """Why nobody can type now; "" when one can. Tried again soon, one that is held is asked for."""
        vm = self.vm
        if vm is None or not vm.live or vm.console is None or (self.view is None and self._error):
            return " ".join(self._notices()) or "There is no console to type into."
        return self._hold.refusal(self._look.holder, partial(self._ask, vm))

    @work(group="console-ask")
    async def _ask(self, vm: VMStatus, cancel: threading.Event) -> None:
        try:
            ours = await self._hold.ask(vm, cancel, wanted=lambda: self._is_wanted(vm) and self.view is not None)
        except Cancelled:
            return
        except VMError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        if ours and self.view is not None:
            self.view.typing = True

    def _asked(self, claim: Claim) -> None:
        """Somebody asks for the console: theirs at once when nothing is typed here, else when typing ends."""
        view = self.view
        if not self.connected or view is None:
            return
        if not view.typing:
            self._changed.set()
        elif self._hold.idle >= IDLE:
            self._end_typing()
            self.notify(f"{claim.who} has the console now: nothing was typed here for {IDLE:.0f} s.", markup=False)
        elif claim != self._announced:
            self._announced = claim
            key = self._key("terminal.stop_typing")
            self._request_shown = f"{claim.who} asks for the console: {key} hands it over."
            self.notify(self._request_shown, timeout=15, markup=False)

    # Showing

    def _show(self) -> None:
        """The terminal with what it has, above it a line about what is missing; or the notice alone."""
        if not self.is_mounted:
            return
        view, vm = self.view, self.vm
        for other in self._views:
            other.display = other is view
        following = self._past is None and view is not None and view.attached
        shown = self.in_view and following and vm is not None and vm.live
        connected = shown and (self._look.by_qemu or self.connected or self._look.holder is not None)
        self._notice.display = not connected
        self.set_class(view is not None, "-remembered")
        text = ("  " if view is not None else "\n\n").join(self._notices())
        if not connected and text != self._noticed:  # an update lays the whole screen out anew
            self._noticed = text
            self._notice.update(Content(text))
        holder = None if self.connected else self._look.holder
        self.status = words.status(self._look.recording, holder) if connected else ""

    def _key(self, binding_id: str) -> str:
        return key_name(self, binding_id)

    def _notices(self) -> list[str]:
        if self._past is not None:
            return [words.past(self._past, self._key)]
        return [] if self.vm is None else words.notices(self.vm, self._look.recording, self._error, self._key)


def _will_run(vm: VMStatus) -> bool:
    """Whether a machine is being started and has no QEMU yet."""
    return vm.state is State.STARTING and not vm.live
