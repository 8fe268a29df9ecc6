"""The serial console of the selected machine: what it has printed since power-on, and a way to type into it.

What is shown is read from the machine's recording, so that any number of dashboards can watch. The console itself,
which QEMU serves to one client at a time, is held only to type, and to record a machine whose QEMU does not.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from podplane_tui.backend.console_holder import IDLE, Claim, Held, ask, own_name, take
from podplane_tui.backend.console_line import ConsoleLine, LineEvents, open_line
from podplane_tui.backend.errors import Cancelled, ConsoleHeld, VMError
from podplane_tui.backend.recordings import Recording, current_recording
from podplane_tui.backend.snapshot import VMSnapshot
from podplane_tui.tui.keys import key_name
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.widgets import console_words as words
from podplane_tui.tui.widgets.console_look import Jump, Look, look_at
from podplane_tui.tui.widgets.panel import Panel
from podplane_tui.tui.widgets.recording_stream import MAX_UNRECORDED, RecordingStream
from podplane_tui.tui.widgets.terminal import TerminalView
from podplane_tui.tui.widgets.terminal_search import TerminalSearch

LOOK_INTERVAL = 1.0
"""Seconds between looks at who holds a console and whether there is a recording; until the next try to connect, too."""

MAX_VIEWS = 12
"""Machines whose console is remembered when another one is looked at; the one looked at longest ago is forgotten."""

_OFFER_LASTS = 10.0
"""Seconds within which a second try to type into a console that is held means to ask for it."""
_MAX_PENDING = 4096
"""Bytes typed before the console is connected."""


class ConsolePanel(Panel):
    """The console of `vm`, or why there is none.

    One task replays, connects and lets go, so that the order of things is the order they are wanted in.
    """

    snapshots: reactive[tuple[VMSnapshot, ...] | None] = reactive(None)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._notice = Static(id="console-notice")
        self._noticed = ""
        self._who = own_name("the dashboard")
        self._views: dict[str, TerminalView] = {}
        self._streams: dict[str, RecordingStream] = {}
        self._look = Look()
        self._line: ConsoleLine | None = None
        self._handed: Held | None = None
        """The console, handed over to us and not connected yet."""
        self._pending = b""
        self._early = bytearray()
        """What came, unrecorded, before there was a stream to show it."""
        self._asking: threading.Event | None = None
        self._offered_at = -_OFFER_LASTS
        self._announced: Claim | None = None
        self._changed = asyncio.Event()
        self._let_go = asyncio.Event()
        self._let_go.set()
        self._past: Recording | None = None
        """What is shown in place of the machine's latest recording."""
        self._mark: int | None = None
        """The offset in what is to be shown that was asked for."""
        self._anew: set[str] = set()
        """Machines whose terminal begins anew with what it shows next."""
        self._suspended = False
        self._gone = False
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
        self._gone = True
        self._stop_asking()
        await self._close_line()

    @property
    def view(self) -> TerminalView | None:
        """The selected machine's terminal, if there was anything to show in it."""
        return None if self.vm is None else self._views.get(self.vm.key)

    @property
    def typing(self) -> bool:
        """Whether keys go to the guest."""
        return self.view is not None and self.view.typing

    @property
    def connected(self) -> bool:
        """Whether the console is held by this program."""
        return self._line is not None

    def enter(self) -> str:
        """Send keys to the guest from now on."""
        self._back_to_now(self.vm)
        reason = self._refusal()
        if self.view is not None and not reason:
            self.view.typing = True
        return reason

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
            self._anew.add(self.vm.key)
            self._changed.set()

    def _back_to_now(self, vm: VMSnapshot | None) -> None:
        """Show the machine's latest recording again."""
        past, self._past, self._mark = self._past, None, None
        if vm is None:
            return
        stream = self._streams.get(vm.key)
        if past is not None or (stream is not None and stream.extract):
            self._anew.add(vm.key)
            self._changed.set()

    def _end_typing(self) -> None:
        if self.view is not None:
            self.view.typing = False

    async def release(self) -> None:
        """Let go of the console before the program is suspended: one that nobody reads would stop the guest."""
        self._suspended = True
        self._changed.set()
        await self._let_go.wait()

    def _resume(self) -> None:
        self._suspended = False
        self._changed.set()

    def watch_vm(self, before: VMSnapshot | None, vm: VMSnapshot | None) -> None:
        """Another machine, or the same in another state."""
        if before is None or vm is None or before.key != vm.key:
            self._look, self._error = Look(), ""
            self._offered_at = -_OFFER_LASTS
            self._stop_asking()
            for search in self.query(TerminalSearch):
                search.end()
            self._back_to_now(before)
        elif before.pid != vm.pid:
            self._back_to_now(vm)
        self._changed.set()
        self._show()

    def watch_in_view(self) -> None:
        """The user looks here, or elsewhere."""
        if not self.in_view:
            self._stop_asking()
            self._back_to_now(self.vm)
        self._changed.set()

    def watch_snapshots(self, snapshots: tuple[VMSnapshot, ...] | None) -> None:
        """Forget the consoles of machines that are gone."""
        keys = {vm.key for vm in snapshots or ()}
        for key in [key for key in self._views if key not in keys]:
            self._forget(key)

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
        self._changed.set()

    # What is to be shown

    @work(group="console", exclusive=True)
    async def _tend(self) -> None:
        while True:
            self._changed.clear()
            await self._settle()
            self._show()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), LOOK_INTERVAL)

    async def _settle(self) -> None:
        """Bring what is replayed and what is connected in line with what is wanted."""
        vm = self.vm if self.in_view and not self._suspended else None
        for key, view in list(self._views.items()):
            if view.stream is not None and (vm is None or key != vm.key):
                await view.detach()
        if vm is None:
            await self._close_line()
            return
        look = await in_thread(lambda: look_at(vm), name="console-look")
        if self._past is not None and look.recording is not None and self._past.path == look.recording.path:
            self._past = None  # it is the latest
        shown = self._past or look.recording
        if self._is_wanted(vm) and shown is not None:
            await self._replay(vm, shown)
        before = self._line
        await self._connect(vm, look)
        if self._line is not before:  # somebody else holds it now, and it may be recorded only since
            look = await in_thread(lambda: look_at(vm), name="console-look")
            if self._line is not None and self._past is None and self._is_wanted(vm):
                await self._replay(vm, look.recording)
        if self._is_wanted(vm):
            self._look = look

    def _is_wanted(self, vm: VMSnapshot) -> bool:
        """Whether that machine's run is still what the user looks at."""
        return self.vm is not None and (self.vm.key, self.vm.pid) == (vm.key, vm.pid)

    async def _replay(self, vm: VMSnapshot, recording: Recording | None) -> None:
        """Show a recording, from where it was left when it was shown before, and follow it while it grows."""
        path = None if recording is None else recording.path
        before, view = self._streams.get(vm.key), self._views.pop(vm.key, None)
        if view is None:
            view = TerminalView()
            view.display = False
            await self.mount(view)
        self._views[vm.key] = view  # the latest is the last
        offset = None
        mark, self._mark = self._mark, None
        if vm.key in self._anew:
            self._anew.discard(vm.key)
            await view.detach()
            view.reset()
        elif before is not None and before.path == path:
            offset = before.offset
            done = before.over and (before.extract or recording is None or not recording.live)
            if view.stream is before or done:
                return
        elif before is not None:
            started = time.time() if recording is None else recording.started_at
            view.feed(words.divider(view.terminal.columns, started))
            view.action_follow()  # whoever restarts a machine wants to see it boot
        live = _no if recording is None or not vm.live else recording.still_live
        jump = Jump(view, partial(self.show_recorded, recording, mark or 0) if recording is not None else _no)
        stream = RecordingStream(
            path,
            offset=offset,
            live=_yes if recording is None else live,
            write=self._type,
            mark=mark,
            marked=jump.here,
            replayed=jump.show,
        )
        stream.push(bytes(self._early))
        self._early.clear()
        self._streams[vm.key] = stream
        await view.attach(stream)
        while len(self._views) > MAX_VIEWS:
            self._forget(next(iter(self._views)))

    def _forget(self, key: str) -> None:
        self._streams.pop(key, None)
        self._anew.discard(key)
        self._views.pop(key).remove()

    # The console itself

    async def _connect(self, vm: VMSnapshot, look: Look) -> None:
        """Hold the console to type, and to record where QEMU does not; let go of it otherwise."""
        wanted = vm.live and vm.console is not None and (self.typing or not (look.by_qemu or look.asker is not None))
        ours = self._line is not None and (self._line.key, self._line.pid) == (vm.key, vm.pid)
        if not wanted or (self._line is not None and not ours):
            await self._close_line()
        if not wanted or self._line is not None or not self._is_wanted(vm):
            return
        held, self._handed = self._handed, None
        loop = asyncio.get_running_loop()
        self._let_go.clear()
        try:
            line, end = await in_thread(lambda: self._open_line(vm, held, loop), name="console-line")
        except VMError as error:
            self._let_go.set()
            self._not_connected(error)
            return
        self._line, self._error, self._announced = line, "", None
        if (stream := self._streams.get(vm.key)) is not None:
            stream.answers_from = end
        pending, self._pending = self._pending, b""
        line.send(pending)

    def _open_line(self, vm: VMSnapshot, held: Held | None, loop: asyncio.AbstractEventLoop) -> tuple[ConsoleLine, int]:
        """The console in hand, and how much was on record then. For a thread."""

        def tell(function: Callable[[], None]) -> None:
            with contextlib.suppress(RuntimeError):  # the program has ended
                loop.call_soon_threadsafe(function)

        events = LineEvents(
            printed=lambda data: tell(lambda: self._printed(vm.key, data)),
            asked=lambda claim: tell(lambda: self._asked(claim)),
            closed=lambda: tell(self._line_closed),
        )
        line = open_line(vm, held or take(vm.files, self._who), events)
        if self._gone:
            line.close()
        recording = current_recording(vm)
        return line, 0 if recording is None else recording.end

    def _not_connected(self, error: VMError) -> None:
        self._pending = b""
        self._error = str(error)
        if self.typing:
            self._end_typing()
            text = self._refusal() if isinstance(error, ConsoleHeld) else ""
            self.notify(text or self._error, severity="warning", markup=False)

    async def _close_line(self) -> None:
        line, self._line = self._line, None
        self._pending = b""
        self._early.clear()
        for stream in self._streams.values():
            stream.answers_from = None
        self._give_back()
        if line is not None:
            self._look = replace(self._look, holder=None)  # that was us
            await in_thread(line.close, name="console-close")
        self._let_go.set()

    def _type(self, data: bytes) -> None:
        """What the terminal sends: keys, and answers where there is somebody to answer."""
        if self._line is not None:
            self._line.send(data)
        elif self.typing:
            self._pending += data[: _MAX_PENDING - len(self._pending)]

    def _printed(self, key: str, data: bytes) -> None:
        stream = self._streams.get(key)
        if stream is not None and not stream.closed:
            stream.push(data)
        else:
            self._early += data
            del self._early[:-MAX_UNRECORDED]

    def _line_closed(self) -> None:
        self._line = None
        self._let_go.set()
        self._end_typing()
        self._changed.set()

    # One holder at a time

    def _refusal(self) -> str:
        """Why nobody can type now; "" when one can. Tried again soon, one that is held is asked for."""
        vm, claim = self.vm, self._look.holder
        if vm is None or not vm.live or vm.console is None or self.view is None:
            return " ".join(self._notices()) or "There is no console to type into."
        if self._line is not None or self._handed is not None or claim is None:
            return ""
        if self._asking is not None:
            return f"{claim.who} has been asked for the console: wait until it lets go."
        if time.monotonic() - self._offered_at > _OFFER_LASTS:
            self._offered_at = time.monotonic()
            return f"{claim.who} holds this console, and it serves one at a time. Once more asks for it."
        self._asking = threading.Event()
        self._ask(vm, self._asking)
        return f"{claim.who} is asked for the console."

    @work(group="console-ask")
    async def _ask(self, vm: VMSnapshot, cancel: threading.Event) -> None:
        try:
            held = await in_thread(lambda: ask(vm.files, self._who, cancel=cancel), name="console-ask")
        except Cancelled:
            return
        except VMError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        finally:
            if self._asking is cancel:
                self._asking = None
        if cancel.is_set() or self._gone or not self._is_wanted(vm) or self.view is None:
            held.release()
            return
        self._handed = held
        self.view.typing = True

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.set()
            self._asking = None
        self._give_back()

    def _give_back(self) -> None:
        """Let go of a console that was handed over to us and is not wanted any more."""
        if self._handed is not None:
            self._handed.release()
            self._handed = None

    def _asked(self, claim: Claim) -> None:
        """Somebody asks for the console: theirs at once when nothing is typed here, else when typing ends."""
        line, view = self._line, self.view
        if line is None or view is None:
            return
        if not view.typing:
            self._changed.set()
        elif line.idle >= IDLE:
            self._end_typing()
            self.notify(f"{claim.who} has the console now: nothing was typed here for {IDLE:.0f} s.", markup=False)
        elif claim != self._announced:
            self._announced = claim
            key = self._key("terminal.stop_typing")
            self.notify(f"{claim.who} asks for the console: {key} hands it over.", timeout=15, markup=False)

    # Showing

    def _show(self) -> None:
        """The terminal with what it has, above it a line about what is missing; or the notice alone."""
        if not self.is_mounted:
            return
        view, vm = self.view, self.vm
        for other in self._views.values():
            other.display = other is view
        following = self._past is None and view is not None and view.attached
        shown = self.in_view and following and vm is not None and vm.live
        connected = shown and (self._look.by_qemu or self._line is not None or self._look.holder is not None)
        self._notice.display = not connected
        self.set_class(view is not None, "-remembered")
        text = ("  " if view is not None else "\n\n").join(self._notices())
        if not connected and text != self._noticed:  # an update lays the whole screen out anew
            self._noticed = text
            self._notice.update(Content(text))
        self.status = words.status(self._look.recording, None if self._line else self._look.holder) if connected else ""

    def _key(self, binding_id: str) -> str:
        return key_name(self, binding_id)

    def _notices(self) -> list[str]:
        if self._past is not None:
            return [words.past(self._past, self._key)]
        return [] if self.vm is None else words.notices(self.vm, self._look.recording, self._error, self._key)


def _yes() -> bool:
    return True


def _no() -> bool:
    return False
