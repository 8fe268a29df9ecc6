"""Threads that come back late, or while another of their kind is at work: nothing is lost, nothing is done twice."""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Input, Log

from podplane_tui.backend.config.editor import ConfigFile, Value, change_config
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.recording.history import RecordedBoot
from podplane_tui.backend.runtime.local_server import LocalServer, LogTail
from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.tui import app as app_module
from podplane_tui.tui.saved_view import Memory, recall, remember
from podplane_tui.tui.screens import settings
from podplane_tui.tui.screens.settings import SettingsDialog
from podplane_tui.tui.state.jobs import Job, Outcome
from podplane_tui.tui.styles import stylesheets
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.widgets import server_panel
from podplane_tui.tui.widgets.boot import panel as boot_panel
from podplane_tui.tui.widgets.boot.panel import BootPanel
from podplane_tui.tui.widgets.console import session
from podplane_tui.tui.widgets.console.session import ConsoleHold
from podplane_tui.tui.widgets.details import panel as details
from podplane_tui.tui.widgets.details.lines import FileFact
from podplane_tui.tui.widgets.details.panel import DetailsPanel
from podplane_tui.tui.widgets.server_panel import ServerPanel
from podplane_tui.tui.widgets.vm_list.order import Sorting
from podplane_tui.tui.widgets.vm_list.table import ListView
from tests.conftest import Workspace
from tests.tui.support import dashboard, listed, make_app, settled
from tests.tui.widgets.console.support import machine
from tests.waiting import until


class WidgetApp(App[None]):
    CSS_PATH = stylesheets()  # type: ignore[assignment]

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget

    def compose(self) -> ComposeResult:
        yield self._widget


async def test_a_machines_recordings_are_read_by_one_thread_at_a_time(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: Counter[str] = Counter()
    go_on = {"a": threading.Event(), "b": threading.Event()}

    class SlowHistory:
        def __init__(self, files: VMFiles) -> None:
            self._name = files.cluster_id

        def look(self) -> tuple[RecordedBoot, ...]:
            begun[self._name] += 1
            go_on[self._name].wait()
            return ()

    monkeypatch.setattr(boot_panel, "BootHistory", SlowHistory)
    panel = BootPanel()
    app = WidgetApp(panel)

    def reading() -> int:
        return sum(worker.group == "boot-history" and not worker.is_finished for worker in app.workers)

    try:
        async with app.run_test():
            panel.vm = machine(workspace, "a")
            await until(lambda: begun["a"], what="the first machine's look")
            panel.vm = machine(workspace, "b")
            await until(lambda: begun["b"], what="the second machine's look")
            go_on["a"].set()
            await until(lambda: reading() == 1, what="the end of the first")
            panel._look()
            await until(lambda: reading() == 1 or begun["b"] > 1, what="what a further look does")
            assert begun["b"] == 1
    finally:
        for event in go_on.values():
            event.set()


async def test_no_line_of_a_log_is_lost_when_reading_takes_longer_than_the_time_between_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, go_on = threading.Event(), threading.Event()

    class SlowTail(LogTail):
        def read(self) -> tuple[str, ...]:
            lines = super().read()
            read.set()
            go_on.wait()
            return lines

    monkeypatch.setattr(server_panel, "LogTail", SlowTail)
    log = tmp_path / "server.log"
    log.write_text("a line\n")
    panel = ServerPanel()
    try:
        async with WidgetApp(panel).run_test():
            panel.local_server = LocalServer(running=True, log=log)
            panel._look()
            await until(read.is_set, what="the reading")
            panel._look()
            go_on.set()
            await until(lambda: "a line" in list(panel.query_one(Log).lines), what="the line")
    finally:
        go_on.set()


async def test_details_are_shown_though_each_look_takes_until_the_next(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = DetailsPanel()
    app = WidgetApp(panel)

    def slowly(files: VMFiles) -> tuple[FileFact, ...]:
        app.call_from_thread(panel._look_at_files)
        return (FileFact("disk", files.image, 1),)

    monkeypatch.setattr(details, "file_facts", slowly)
    async with app.run_test():
        panel.vm = machine(workspace, "a")
        await until(lambda: panel.files, what="the files")


@pytest.mark.slow
async def test_the_host_is_asked_who_listens_when_another_port_is_taken(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []

    def holders(ports: list[int]) -> dict[int, str]:
        asked.append(ports)
        return dict.fromkeys(ports, "somebody")

    monkeypatch.setattr(details, "port_holders", holders)
    panel = DetailsPanel()

    async def look() -> None:
        panel._look_at_ports()
        await until(lambda: not panel._looking, what="the end of the look")

    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        ports = Ports(ssh=server.getsockname()[1], registry=other.getsockname()[1])
        async with WidgetApp(panel).run_test():
            panel.vm = replace(machine(workspace, "a"), ports=ports)
            await until(lambda: panel.listeners, what="who listens")
            await look()
            assert asked == [[ports.ssh]]
            other.listen()
            await look()
            assert asked == [[ports.ssh], [ports.ssh, ports.registry]]
            assert panel.listeners == {ports.ssh: "somebody", ports.registry: "somebody"}


@pytest.mark.slow
async def test_what_is_remembered_last_is_what_is_kept(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    written: list[Memory] = []

    def slowly(path: Path, memory: Memory, *, known: Memory) -> None:
        begun.set()
        go_on.wait()
        remember(path, memory, known=known)
        written.append(memory)

    monkeypatch.setattr(app_module, "remember", slowly)
    app = make_app(workspace)
    try:
        async with app.run_test() as pilot:
            await listed(app)
            app._remember(app._memory._replace(toured=True))
            await until(begun.is_set, what="the first writing")
            app._remember(app._memory._replace(view=ListView(Sorting("cpu"))))
            app._remember(app._memory._replace(view=ListView(Sorting("memory"))))
            await settled(pilot)
            assert sum(thread.name == "memory" for thread in threading.enumerate()) == 1
            go_on.set()
            last = Memory(ListView(Sorting("memory")), toured=True)
            await until(lambda: last in written, what="the last writing")
            await until(lambda: all(worker.group != "memory" for worker in app.workers), what="the end of writing")
            assert written == [Memory(toured=True), last]
            assert recall(app._memory_path) == last
    finally:
        go_on.set()


@pytest.mark.slow
async def test_two_changes_at_once_are_both_remembered(workspace: Workspace) -> None:
    app = make_app(workspace)
    async with app.run_test():
        await listed(app)
        app._remember(app._memory._replace(toured=True))
        app._remember(app._memory._replace(view=ListView(Sorting("cpu"))))
        both = Memory(ListView(Sorting("cpu")), toured=True)
        await until(lambda: recall(app._memory_path) == both, what="both")


@pytest.mark.slow
async def test_saving_twice_is_saving_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    files: list[ConfigFile] = []

    def slowly(file: ConfigFile, changes: dict[str, Value | None]) -> ConfigFile:
        files.append(file)
        begun.set()
        go_on.wait()
        return change_config(file, changes)

    monkeypatch.setattr(settings, "change_config", slowly)
    app = make_app(workspace)
    try:
        async with app.run_test() as pilot:
            await listed(app)
            await pilot.press("f2")
            await until(lambda: isinstance(app.screen, SettingsDialog) and app.focused, what="the settings")
            dialog = app.screen
            assert isinstance(dialog, SettingsDialog)
            dialog.query_one("#settings-create-cpus", Input).value = "3"
            dialog.accept()
            await until(begun.is_set, what="the writing")
            dialog.accept()
            go_on.set()
            await until(lambda: app.screen is dashboard(app), what="the end of the dialog")
            await until(lambda: app.config.create.cpus == "3", what="what was saved to be in force")
            assert len(files) == 1
    finally:
        go_on.set()


@pytest.mark.slow
async def test_what_a_job_did_before_a_slow_look_is_its_story(workspace: Workspace) -> None:
    app = make_app(workspace)
    async with app.run_test():
        await listed(app)
        vm = machine(workspace, "a")
        ended = time.monotonic() - 100
        job = Job(1, Verb.START, vm.key, "a", ended - 1, time.time(), outcome=Outcome.DONE, ended=ended)
        app.jobs = (job,)
        app._note_changes((vm,), since=ended - 1)
        assert app.events == ()
        app._note_changes((vm,), since=ended + 1)
        assert len(app.events) == 1


@pytest.mark.parametrize("late", [False, True], ids=["while it opens", "when it is open"])
async def test_a_console_that_nobody_waits_for_any_more_is_let_go(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    begun, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    class Line:
        close = closed.set

    def slowly(_vm: object, _held: object, _events: object) -> Line:
        begun.set()
        go_on.wait()
        return Line()

    returned = asyncio.Event()

    async def never_heard(function: Callable[[], object], *, name: str) -> object:
        await in_thread(function, name=name)
        returned.set()
        return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(session, "open_line", slowly)
    monkeypatch.setattr(session, "take", lambda _files, _who: None)
    monkeypatch.setattr(session, "in_thread", never_heard)
    hold = ConsoleHold(printed=lambda _key, _data: None, asked=lambda _claim: None, closed=lambda: None)
    connecting = asyncio.create_task(hold.connect(machine(workspace, "a")))
    try:
        await until(begun.is_set, what="the connecting")
        if late:
            go_on.set()
            await returned.wait()
        connecting.cancel()
        await asyncio.wait([connecting])
    finally:
        go_on.set()
    await until(closed.is_set, what="the end of the line")
    assert hold._line is None
