"""The terminals of the machines whose console was looked at, each with what it replays and follows."""

import time
from collections.abc import Awaitable, Callable, Collection, Iterator

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.recording.store import Recording
from podplane_tui.tui.widgets.console import text as words
from podplane_tui.tui.widgets.console.status import Jump
from podplane_tui.tui.widgets.streams.recording import MAX_UNRECORDED, RecordingStream
from podplane_tui.tui.widgets.terminal.view import TerminalView

MAX_VIEWS = 12
"""Machines whose console is remembered when another one is looked at; the one looked at longest ago is forgotten."""


class ConsoleViews:
    """A terminal per machine, by its key. `mount` takes a new one in; `write` gets what terminals send."""

    def __init__(self, mount: Callable[[TerminalView], Awaitable[object]], write: Callable[[bytes], None]) -> None:
        self._mount = mount
        self._write = write
        self._views: dict[str, TerminalView] = {}
        self._streams: dict[str, RecordingStream] = {}
        self._early: dict[str, bytearray] = {}
        """What came of a machine, unrecorded, while there was no stream to show it."""
        self._anew: set[str] = set()
        """Machines whose terminal begins anew with what it shows next."""

    def __iter__(self) -> Iterator[TerminalView]:
        return iter(self._views.values())

    def of(self, vm: VMStatus | None) -> TerminalView | None:
        """A machine's terminal, if there was anything to show in it."""
        return None if vm is None else self._views.get(vm.key)

    def begin_anew(self, vm: VMStatus) -> None:
        """Empty a machine's terminal when it is next given something to replay."""
        self._anew.add(vm.key)

    def shows_extract(self, vm: VMStatus) -> bool:
        """Whether what a machine's terminal shows is a part of a recording, around one line."""
        stream = self._streams.get(vm.key)
        return stream is not None and stream.extract

    async def rest(self, *, but: VMStatus | None) -> None:
        """Follow nothing, but what that machine's terminal shows."""
        for key, view in list(self._views.items()):
            if view.stream is not None and (but is None or key != but.key):
                await view.detach()

    async def replay(
        self, vm: VMStatus, recording: Recording | None, *, mark: int | None, again: Callable[[], object]
    ) -> None:
        """Show a recording, from where it was left when it was shown before, and follow it while it grows.

        Without one, all there is to show is what `printed` brings. `mark` is the offset of a line to show; `again` is
        called when it has to be looked for once more.
        """
        path = None if recording is None else recording.path
        before, view = self._streams.get(vm.key), self._views.pop(vm.key, None)
        if view is None:
            view = TerminalView()
            view.display = False
            await self._mount(view)
        self._views[vm.key] = view  # the latest is the last
        offset = None
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
        jump = Jump(view, again)
        stream = RecordingStream(
            path,
            offset=offset,
            live=_yes if recording is None else live,
            write=self._write,
            mark=mark,
            marked=jump.here,
            replayed=jump.show,
        )
        stream.push(bytes(self._early.pop(vm.key, b"")))
        self._streams[vm.key] = stream
        await view.attach(stream)
        while len(self._views) > MAX_VIEWS:
            self._forget(next(iter(self._views)))

    def printed(self, key: str, data: bytes) -> None:
        """A machine has printed something: on record now, or these bytes, which are not."""
        stream = self._streams.get(key)
        if stream is not None and not stream.closed:
            stream.push(data)
        else:
            early = self._early.setdefault(key, bytearray())
            early += data
            del early[:-MAX_UNRECORDED]

    def answer_from(self, vm: VMStatus, offset: int) -> None:
        """The guest waits for the terminal's answers to what it prints from an offset on."""
        if (stream := self._streams.get(vm.key)) is not None:
            stream.answers_from = offset

    def answer_nobody(self) -> None:
        """No console is connected: there is nobody to answer, and nothing comes that is not on record."""
        self._early.clear()
        for stream in self._streams.values():
            stream.answers_from = None

    def keep(self, keys: Collection[str]) -> None:
        """Forget the consoles of all machines but these."""
        for key in [key for key in self._views if key not in keys]:
            self._forget(key)

    def _forget(self, key: str) -> None:
        self._streams.pop(key, None)
        self._anew.discard(key)
        self._views.pop(key).remove()


def _yes() -> bool:
    return True


def _no() -> bool:
    return False
