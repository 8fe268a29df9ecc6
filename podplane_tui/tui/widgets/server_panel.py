"""The tab about podplane's local server: whether it runs, where, and its log as it grows."""

from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import var
from textual.widgets import Log, Static

from podplane_tui.backend.core.format import format_path
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.runtime.local_server import LocalServer, LogTail
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.threads import in_thread_for
from podplane_tui.tui.widgets.base import Panel

LOOK_INTERVAL = 0.5
"""Seconds between two looks at the log, while it is in view."""

MAX_LINES = 5000


class ServerPanel(Panel):
    """Shows `local_server` and follows its log."""

    local_server: var[LocalServer | None] = var(None)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._tail: LogTail | None = None
        self._reading: LogTail | None = None
        self._failed = ""

    def compose(self) -> ComposeResult:
        """A line about it, and the log."""
        yield Static(id="server-head")
        yield Log(id="server-log", max_lines=MAX_LINES)

    def on_mount(self) -> None:
        """Look again and again."""
        self._write()
        self.set_interval(LOOK_INTERVAL, self._look)

    def watch_in_view(self) -> None:
        """Do not wait for the next look."""
        if self.is_mounted:
            self._look()

    def watch_local_server(self, server: LocalServer | None) -> None:
        """It came, went, or has another log."""
        if server is not None and (self._tail is None or self._tail.path != server.log):
            self._tail = LogTail(server.log)
            if self.is_mounted:
                self.query_one(Log).clear()
        self.status = "" if server is None else "up" if server.running else "down"
        self._write()

    def _look(self) -> None:
        tail = self._tail
        if self.in_view and tail is not None and tail is not self._reading:
            self._reading = tail  # until it is done: given up in the middle, what it had read would be lost
            self.run_worker(self._read(tail), group="server-log")

    async def _read(self, tail: LogTail) -> None:
        try:
            lines = await in_thread_for(self, tail.read, name="server-log")
            failed = ""
        except OSError as error:
            lines = ()
            failed = "there is none yet" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        if self._reading is tail:
            self._reading = None
        if tail is self._tail:
            self.query_one(Log).write_lines(lines)
            if failed != self._failed:
                self._failed = failed
                self._write()

    def _write(self) -> None:
        if not self.is_mounted:
            return
        server = self.local_server
        if server is None:
            text = Content("looking…")
        else:
            text = Content.assemble(
                _state(server, key_name(self, "server.start")), ("   log  ", "$foreground 60%"), format_path(server.log)
            )
            if self._failed:
                text = Content.assemble(text, (f": {self._failed}", "$text-warning"))
        self.query_one("#server-head", Static).update(text)


def _state(server: LocalServer, start_key: str) -> Content:
    if not server.running:
        why = "" if server.problem is None else f": {one_line(str(server.problem))}"
        return Content.styled(f"○ not running{why} · {start_key} starts it", "$text-warning")
    ports = {"http": server.http_port, "https": server.https_port, "ingress": server.ingress_https_port}
    told = "".join(f"  {name} {port}" for name, port in ports.items() if port is not None)
    return Content.assemble(("● running", "$text-success"), f" as process {server.pid}{told}")
