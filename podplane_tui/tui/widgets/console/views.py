"""The terminals of the VMs whose console was looked at, each with what it replays and follows, and its keys' sink."""

import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field

from podplane_tui.backend.console.client import ConsoleLine
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.recording.store import Recording
from podplane_tui.tui.widgets.console import text as words
from podplane_tui.tui.widgets.console.jump import Jump
from podplane_tui.tui.widgets.console.sink import ConsoleSink
from podplane_tui.tui.widgets.streams.recording import MAX_UNRECORDED, RecordingSource
from podplane_tui.tui.widgets.terminal.view import TerminalView

MAX_VIEWS = 12
"""VMs whose console is remembered when another one is looked at; the one looked at longest ago is forgotten."""


@dataclass(slots=True)
class _Console:
    """A VM's terminal, with what it shows and what it is typed into."""

    view: TerminalView
    sink: ConsoleSink = field(default_factory=ConsoleSink)
    source: RecordingSource | None = None


class ConsoleViews:
    """A terminal per VM, by its key. `mount` takes a new one in."""

    def __init__(self, mount: Callable[[TerminalView], Awaitable[object]]) -> None:
        self._mount = mount
        self._consoles: dict[str, _Console] = {}
        self._line: tuple[str, ConsoleLine] | None = None
        """The console that is connected, and whose it is."""
        self._early: dict[str, bytearray] = {}
        """What came of a VM, unrecorded, while there was no source to show it."""
        self._anew: set[str] = set()
        """VMs whose terminal begins anew with what it shows next."""

    def __iter__(self) -> Iterator[TerminalView]:
        return (console.view for console in self._consoles.values())

    def of(self, vm: VMStatus | None) -> TerminalView | None:
        """A VM's terminal, if there was anything to show in it."""
        console = None if vm is None else self._consoles.get(vm.key)
        return None if console is None else console.view

    # What is shown

    def begin_anew(self, vm: VMStatus) -> None:
        """Empty a VM's terminal when it is next given something to replay."""
        self._anew.add(vm.key)

    def shows_extract(self, vm: VMStatus) -> bool:
        """Whether what a VM's terminal shows is a part of a recording, around one line."""
        console = self._consoles.get(vm.key)
        return console is not None and console.source is not None and console.source.extract

    async def rest(self, *, but: VMStatus | None) -> None:
        """Follow nothing, but what that VM's terminal shows."""
        for key, console in list(self._consoles.items()):
            if console.view.source is not None and (but is None or key != but.key):
                await console.view.detach()

    async def replay(
        self, vm: VMStatus, recording: Recording | None, *, mark: int | None, again: Callable[[], object]
    ) -> None:
        """Show a recording, from where it was left when it was shown before, and follow it while it grows.

        Without one, all there is to show is what `printed` brings. `mark` is the offset of a line to show; `again` is
        called when it has to be looked for once more.
        """
        path = None if recording is None else recording.path
        console = self._consoles.pop(vm.key, None) or await self._new(vm)
        self._consoles[vm.key] = console  # the latest is the last
        view, before = console.view, console.source
        offset = None
        if vm.key in self._anew:
            self._anew.discard(vm.key)
            await view.detach()
            view.reset()
        elif before is not None and before.path == path:
            offset = before.offset
            done = before.over and (before.extract or recording is None or not recording.live)
            if view.source is before or done:
                return
        elif before is not None:
            started = time.time() if recording is None else recording.started_at
            view.restart()
            view.feed(words.divider(view.terminal.columns, started))
            view.action_follow()  # whoever restarts a VM wants to see it boot
        live = _no if recording is None or not vm.live else recording.still_live
        jump = Jump(view, again)
        source = RecordingSource(
            path,
            offset=offset,
            live=_yes if recording is None else live,
            mark=mark,
            marked=jump.here,
            replayed=jump.show,
            booted=view.restart,
        )
        if self._line is not None and self._line[0] == vm.key and (recording is None or recording.live):
            # What was on record, or given, until now has been answered, or is too old to be.
            given = before.offset if before is not None and before.path == path else None
            source.answers_from = max(given or 0, 0 if recording is None else recording.end)
        source.push(bytes(self._early.pop(vm.key, b"")))
        console.source = source
        await view.attach(source, console.sink)
        while len(self._consoles) > MAX_VIEWS:
            self._forget(next(iter(self._consoles)))

    async def _new(self, vm: VMStatus) -> _Console:
        console = _Console(TerminalView())
        console.view.display = False
        await self._mount(console.view)
        if self._line is not None and self._line[0] == vm.key:
            console.sink.connect(self._line[1])
        return console

    # The console itself

    def connect(self, vm: VMStatus, line: ConsoleLine, recording: Recording | None) -> None:
        """Type into a VM's console, which is ours now.

        From the end of what was on record by then, the guest waits for the terminal's answers to what it prints.
        """
        self._line = vm.key, line
        if (console := self._consoles.get(vm.key)) is None:
            return
        console.sink.connect(line)
        path, end = (None, 0) if recording is None else (recording.path, recording.end)
        if console.source is not None and console.source.path == path:
            console.source.answers_from = end

    def disconnect(self, *, waiting: VMStatus | None = None) -> int:
        """No console is ours: there is nobody to type to or to answer, and nothing comes that is not on record.

        What was typed already is forgotten, but for the VM whose console it is still `waiting` for. Gives how many
        bytes were forgotten.
        """
        forgotten = 0
        self._line = None
        self._early.clear()
        for key, console in self._consoles.items():
            console.sink.disconnect()
            if waiting is None or key != waiting.key:
                forgotten += console.sink.forget()
            if console.source is not None:
                console.source.answers_from = None
        return forgotten

    def printed(self, key: str, data: bytes) -> None:
        """A VM has printed something: on record now, or these bytes, which are not."""
        console = self._consoles.get(key)
        if console is not None and console.source is not None and not console.source.closed:
            console.source.push(data)
        else:
            early = self._early.setdefault(key, bytearray())
            early += data
            del early[:-MAX_UNRECORDED]

    # Which there are

    def keep(self, keys: Collection[str]) -> None:
        """Forget the consoles of all VMs but these."""
        for key in [key for key in self._consoles if key not in keys]:
            self._forget(key)

    def _forget(self, key: str) -> None:
        self._anew.discard(key)
        self._consoles.pop(key).view.remove()


def _yes() -> bool:
    return True


def _no() -> bool:
    return False
