"""A panel of its own, and serial ports on real Unix sockets."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widgets import Static

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.tui.styles import stylesheets
from podplane_tui.tui.widgets.console.panel import ConsolePanel
from tests.conftest import Workspace


class PanelApp(App[None]):
    CSS_PATH = stylesheets()  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.panel = ConsolePanel()

    def compose(self) -> ComposeResult:
        yield self.panel

    @property
    def notice(self) -> str:
        static = self.panel.query_one("#console-notice", Static)
        return str(static.visual) if static.display else ""

    def shows(self, text: str) -> bool:
        view = self.panel.view
        return view is not None and view.display and any(text in line for line in view.terminal.display)


class Guest:
    """A serial port: a Unix socket that greets, echoes and counts its clients."""

    def __init__(self, path: Path, greeting: bytes) -> None:
        self.path = path
        self.clients = 0
        self.connections = 0
        self.received = b""
        self._greeting = greeting
        self._writers: list[asyncio.StreamWriter] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        self.connections += 1
        self._writers.append(writer)
        writer.write(self._greeting)
        try:
            while data := await reader.read(1000):
                self.received += data
                writer.write(data)
        finally:
            self.clients -= 1
            writer.close()

    def print(self, data: bytes) -> None:
        for writer in self._writers:
            writer.write(data)

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_unix_server(self._serve, str(self.path))
        try:
            yield
        finally:
            server.close()
            self.hang_up()
            self.path.unlink(missing_ok=True)


def machine(workspace: Workspace, name: str, *, pid: int | None = None, state: State = State.RUNNING) -> VMStatus:
    files = VMFiles("amd64", name, workspace.data, workspace.runtime)
    files.pid_dir.mkdir(exist_ok=True)
    return VMStatus(files, state, pid=pid or os.getpid(), console=files.console)


def stopped(workspace: Workspace, name: str) -> VMStatus:
    return VMStatus(machine(workspace, name).files, State.STOPPED)


def show(app: PanelApp, vm: VMStatus, *others: VMStatus) -> None:
    app.panel.vms = (vm, *others)
    app.panel.vm = vm
