"""A Textual app around one terminal widget in which `child.py` runs: `app.py WIDGET SOCKET`."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Static

HERE = Path(__file__).parent
Start = Callable[[], Any]


def ours(command: list[str]) -> tuple[Widget, Start]:
    widget = import_module("podplane_tui.tui.widgets.terminal.view").TerminalView(id="terminal")
    stream = import_module("podplane_tui.tui.widgets.streams.pty").PtyStream(command)

    async def start() -> None:
        widget.focus()
        widget.typing = True
        await widget.attach(stream, stream)

    return widget, start


def textual_tty(command: list[str]) -> tuple[Widget, Start]:
    """The widget starts its command by itself."""
    widget: Widget = import_module("textual_tty").Terminal(command=command, id="terminal")

    async def start() -> None:
        widget.focus()

    return widget, start


WIDGETS = {
    "ours": (ours, [HERE.parents[2] / "styles" / "terminal.tcss"]),
    "textual-tty": (textual_tty, []),
}


class BenchmarkApp(App[None]):
    """One terminal widget above one line of text."""

    def __init__(self, name: str, socket: str) -> None:
        make, styles = WIDGETS[name]
        super().__init__(css_path=[*styles, HERE / "app.tcss"])
        # The child needs nothing but the standard library.
        self.terminal, self.start = make([sys.executable, str(HERE / "child.py"), socket])

    def compose(self) -> ComposeResult:
        yield self.terminal
        yield Static("terminal benchmark", id="status")

    async def on_mount(self) -> None:
        await self.start()


if __name__ == "__main__":
    BenchmarkApp(sys.argv[1], sys.argv[2]).run()
