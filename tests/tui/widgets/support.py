"""An app around one terminal view, and how tests wait and look."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self

from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Footer

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.streams.base import ByteSource, DescriptorStream
from podplane_tui.tui.widgets.terminal.view import TerminalView
from tests.paths import ROOT
from tests.tui.widgets.streams.support import ByteStream
from tests.waiting import until

STYLES = ROOT / "styles" / "terminal.tcss"


class RecordingView(TerminalView):
    """Notes which lines it has Textual repaint."""

    def __init__(self, terminal: Terminal | None = None) -> None:
        super().__init__(terminal)
        self.repainted: list[int] = []

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        for region in regions or [self.size.region]:
            self.repainted += region.line_range
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


class SocketStream(DescriptorStream):
    """A Unix stream socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._socket: socket.socket | None = None

    async def open(self) -> None:
        connection = self._socket = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, self.name)
        except BaseException:
            connection.close()
            raise
        self._descriptor = connection.fileno()

    def _release(self, descriptor: int) -> None:
        if self._socket is not None:
            self._socket.close()


class TerminalApp(App[None]):
    """A terminal view and a footer, with greedy key bindings of app and screen."""

    CSS_PATH = STYLES
    ESCAPE_TO_MINIMIZE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", priority=True),
        Binding("tab", "note('tab')", "Tab", priority=True),
        Binding("escape", "note('escape')", "Escape", priority=True),
        Binding("x", "note('x')", "Stop"),
    ]

    def __init__(self, terminal: Terminal | None = None) -> None:
        super().__init__()
        self.view = RecordingView(terminal)
        self.notes: list[str] = []
        self.messages: list[Message] = []
        self.copied: list[str] = []
        self.bells = 0

    def compose(self) -> ComposeResult:
        yield self.view
        yield Footer()

    def action_note(self, text: str) -> None:
        self.notes.append(text)

    def on_terminal_view_attached(self, message: TerminalView.Attached) -> None:
        self.messages.append(message)

    def on_terminal_view_detached(self, message: TerminalView.Detached) -> None:
        self.messages.append(message)

    def on_terminal_view_typing_changed(self, message: TerminalView.TypingChanged) -> None:
        self.messages.append(message)

    def on_terminal_display_title_changed(self, message: TerminalView.TitleChanged) -> None:
        self.messages.append(message)

    def on_terminal_display_search_changed(self, message: TerminalView.SearchChanged) -> None:
        self.messages.append(message)

    def copy_to_clipboard(self, text: str) -> None:
        self.copied.append(text)
        super().copy_to_clipboard(text)

    def bell(self) -> None:
        self.bells += 1

    def message(self, kind: type[Message]) -> Message | None:
        """The last message of a kind."""
        return next((message for message in reversed(self.messages) if isinstance(message, kind)), None)


class Other(Screen[None]):
    """A screen that hides the terminal."""


@asynccontextmanager
async def running(
    stream: ByteStream | None = None,
    *,
    source: ByteSource | None = None,
    size: tuple[int, int] = (80, 25),
    terminal: Terminal | None = None,
) -> AsyncIterator[tuple[TerminalApp, Pilot[None]]]:
    """The app, started, its view focused, attached to the stream, or to the source, which is not typed into.

    One line of ``size`` is the footer's.
    """
    app = TerminalApp(terminal)
    async with app.run_test(size=size) as pilot:
        app.view.focus()
        await until(lambda: app.view.has_focus)
        shows = stream or source
        if shows is not None:
            await app.view.attach(shows, stream)
            await until(lambda: app.view.attached or app.message(TerminalView.Detached) is not None)
        yield app, pilot


def shown(app: TerminalApp) -> list[str]:
    """What Textual's compositor has on the screen, line by line."""
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


def style_at(app: TerminalApp, x: int, y: int) -> Style:
    """The style on the screen at a cell."""
    return app.screen.get_style_at(x, y)


def on_screen(app: TerminalApp, pattern: str) -> bool:
    """Whether the pattern is found in a line on the screen."""
    return any(re.search(pattern, line) for line in shown(app))
