"""The serial console of the selected machine: attached while it is in view, let go at once when it is not."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from podplane_tui.backend import qmp
from podplane_tui.backend.errors import QMPError
from podplane_tui.backend.snapshot import State, VMSnapshot
from podplane_tui.backend.text import one_line
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.widgets.byte_stream import SocketStream
from podplane_tui.tui.widgets.panel import Panel
from podplane_tui.tui.widgets.terminal import TerminalView

RETRY_INTERVAL = 1.0
"""Seconds until the next try when a console is held by somebody else or does not answer."""

MAX_VIEWS = 12
"""Machines whose console is remembered when another one is looked at; the one looked at longest ago is forgotten."""


@dataclass(frozen=True, slots=True)
class Target:
    """One run of one machine: what to attach to."""

    key: str
    pid: int
    console: Path
    qmp: Path | None


class ConsolePanel(Panel):
    """The console of `vm`, or why there is none.

    One task attaches and detaches, so that the order of things is the order they are wanted in. QEMU serves one client
    at a time and keeps the others waiting without a word: its control socket is asked first, where it has one.
    """

    snapshots: reactive[tuple[VMSnapshot, ...] | None] = reactive(None)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._notice = Static(id="console-notice")
        self._views: dict[str, TerminalView] = {}
        self._runs: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._let_go = asyncio.Event()
        self._let_go.set()
        self._suspended = False
        self._held = False
        self._error = ""

    def compose(self) -> ComposeResult:
        """The notice; a terminal per machine joins it when it is first looked at."""
        yield self._notice

    def on_mount(self) -> None:
        """Begin."""
        self._tend()
        self.app.app_resume_signal.subscribe(self, lambda _app: self._resume())

    @property
    def view(self) -> TerminalView | None:
        """The selected machine's terminal, if it was ever attached."""
        return None if self.vm is None else self._views.get(self.vm.key)

    @property
    def typing(self) -> bool:
        """Whether keys go to the guest."""
        return self.view is not None and self.view.typing

    def enter(self) -> str:
        """Send keys to the guest from now on."""
        if self.view is None or not self.view.attached:
            return self.explanation or "The console is not connected."
        self.view.typing = True
        return ""

    async def release(self) -> None:
        """Detach before the program is suspended: a console nobody reads would stop the guest."""
        self._suspended = True
        self._changed.set()
        await self._let_go.wait()

    def _resume(self) -> None:
        self._suspended = False
        self._changed.set()

    def watch_vm(self, before: VMSnapshot | None, vm: VMSnapshot | None) -> None:
        """Another machine, or the same in another state."""
        if before is None or vm is None or before.key != vm.key:
            self._held, self._error = False, ""
        self._changed.set()
        self._show()

    def watch_in_view(self) -> None:
        """The user looks here, or elsewhere."""
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
        if isinstance(event, TerminalView.Detached):
            self._error = (event.error.strerror or str(event.error)) if event.error is not None else ""
        else:
            self._error = ""
        self._changed.set()
        self._show()

    # Attaching

    def _target(self) -> Target | None:
        vm = self.vm
        if vm is None or vm.pid is None or vm.console is None or self._suspended or not self.in_view:
            return None
        return Target(vm.key, vm.pid, vm.console, vm.qmp)

    @work(group="console", exclusive=True)
    async def _tend(self) -> None:
        current: Target | None = None
        while True:
            self._changed.clear()
            target = self._target()
            if current is not None and (target != current or self._views[current.key].stream is None):
                if view := self._views.get(current.key):
                    await view.detach()
                current = None
                self._let_go.set()
            if target is not None and current is None:
                self._held = await _is_held(target)
                if not self._held and self._target() == target:
                    self._let_go.clear()
                    current = target
                    await self._connect(target)
            self._show()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), None if current == target else RETRY_INTERVAL)
            if current is not None and current.key not in self._views:
                current = None
                self._let_go.set()

    async def _connect(self, target: Target) -> None:
        view = self._views.pop(target.key, None)
        if view is None:
            view = TerminalView()
            view.display = False
            await self.mount(view)
        self._views[target.key] = view  # the latest is the last
        if self._runs.get(target.key, target.pid) != target.pid:
            view.feed(_divider(view.terminal.columns))
            view.action_follow()  # whoever restarts a machine wants to see it boot
        self._runs[target.key] = target.pid
        await view.attach(SocketStream(target.console))
        while len(self._views) > MAX_VIEWS:
            self._forget(next(iter(self._views)))

    def _forget(self, key: str) -> None:
        self._runs.pop(key, None)
        self._views.pop(key).remove()

    # Showing

    def _show(self) -> None:
        """The terminal with what it has, above it a line about what is missing; or the notice alone."""
        if not self.is_mounted:
            return
        view = self.view
        for other in self._views.values():
            other.display = other is view
        connected = view is not None and view.attached
        self._notice.display = not connected
        self.set_class(view is not None, "-remembered")
        if not connected:
            self._notice.update(Content(("  " if view is not None else "\n\n").join(self._notices())))
        self.status = "connected" if connected else ("held by another program" if self._held else "")

    @property
    def explanation(self) -> str:
        """Why nothing is attached, in a sentence or two."""
        return " ".join(self._notices())

    def _notices(self) -> list[str]:
        vm = self.vm
        if vm is None:
            return []
        lines = [_why_none(vm)]
        if vm.live and vm.console is not None:
            if self._held:
                lines = [
                    "Another program holds this console, and QEMU serves one at a time.",
                    "It appears here when that one leaves.",
                ]
            elif self._error:
                lines = [f"The console can't be reached: {one_line(self._error)}.", "Trying again every second."]
            else:
                lines = ["Connecting…"]
        if vm.problem:
            lines.append(one_line(vm.problem, limit=600))
        return lines


async def _is_held(target: Target) -> bool:
    """Whether somebody else is connected to the console; False when that can't be told."""
    control = target.qmp
    if control is None:
        return False
    try:
        return await in_thread(lambda: qmp.console_client_connected(control, target.console), name="console-client")
    except QMPError:
        return False


def _divider(columns: int) -> bytes:
    """Ends whatever the last run left on the screen (alternate screen, margins, colours) and rules it off."""
    label = f" started {time.strftime('%H:%M:%S')} "
    return f"\x1b[?1049l\x1b[!p\x1b[r\r\n\x1b[J\x1b[2m{label.center(max(columns - 1, 0), '─')}\x1b[m\r\n".encode()


def _why_none(vm: VMSnapshot) -> str:
    name = one_line(vm.cluster_id)
    if vm.live:
        return f"{name} was started without a serial console on a socket."
    match vm.state:
        case State.STOPPED:
            return f"{name} is stopped: press s to start it."
        case State.CRASHED:
            return f"{name} ended without cleaning up: press s to start it again, or ! to clear what it left behind."
        case State.BROKEN:
            return f"{name} is broken: press ! to repair it."
        case _:
            return f"{name} is {vm.state}."
