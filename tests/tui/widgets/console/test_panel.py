"""The console panel on real Unix sockets: attached in view, free for others otherwise."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from podplane_tui.backend.console import connection
from podplane_tui.backend.core.status import Problem, State, VMStatus
from podplane_tui.tui.widgets.console import views
from podplane_tui.tui.widgets.terminal.view import TerminalView
from tests.conftest import Workspace
from tests.tui.widgets.console.support import Guest, PanelApp, machine, show, stopped
from tests.waiting import until


class Runs:
    """The PIDs of two processes that stand for two runs of a QEMU; the one that is `serving` has the console."""

    def __init__(self, first: int, second: int) -> None:
        self.first, self.second, self.serving = first, second, first


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """Two of them. It is this process that listens for them."""
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(subprocess.Popen(["sleep", "600"])) for _ in range(2)]
        runs = Runs(*(process.pid for process in processes))
        monkeypatch.setattr(connection, "peer_of", lambda _socket: runs.serving)
        yield runs
        for process in processes:
            process.kill()


@pytest.mark.slow
async def test_it_attaches_shows_and_types(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"login: ")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)) as pilot:
        show(app, vm)
        await until(lambda: app.shows("login:"), what="the greeting")
        assert app.notice == ""
        assert app.panel.connected
        assert app.panel.enter() == ""
        await pilot.press("l", "s", "ctrl+q", "ctrl+p", "escape", "tab", "enter")
        await until(lambda: guest.received == b"ls\x11\x10\x1b\t\r", what="the keys")
        assert app.is_running
        await pilot.press("ctrl+right_square_bracket")
        assert not app.panel.typing
        await pilot.press("z")
        await pilot.pause()
        assert b"z" not in guest.received
    await until(lambda: guest.clients == 0, what="the end of the program to free the console")


async def test_out_of_view_it_is_free_and_comes_back_with_what_it_showed(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"hello\r\n")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: app.shows("hello"), what="the greeting")
        app.panel.in_view = False
        await until(lambda: guest.clients == 0, what="the console to be free")
        app.panel.in_view = True
        await until(lambda: guest.clients == 1, what="the console to be attached again")
        assert app.shows("hello")


@pytest.mark.slow
async def test_who_wants_to_type_before_there_is_a_terminal_types_as_soon_as_there_is(workspace: Workspace) -> None:
    a, b = machine(workspace, "a"), machine(workspace, "b")
    guest = Guest(a.files.console, b"login: ")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)) as pilot:
        show(app, a, b)
        assert app.panel.view is None
        assert app.panel.enter() == ""
        await until(lambda: app.panel.typing and app.panel.connected, what="typing")
        await pilot.press("h", "i")
        await until(lambda: guest.received == b"hi", what="what was typed")
        show(app, b, a)
        assert app.panel.enter() == ""
        await until(lambda: "there is no console at" in app.notice, what="the notice")
        async with Guest(b.files.console, b"late").listening():
            await until(lambda: app.shows("late"), what="the other console")
            assert not app.panel.typing


@pytest.mark.slow
async def test_a_machine_that_is_being_started_gets_the_keys_when_it_runs(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    starting = VMStatus(vm.files, State.STARTING)
    app = PanelApp()
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, starting)
        assert app.panel.enter() == "a is starting: it gets the keys as soon as it runs."
        guest = Guest(vm.files.console, b"login: ")
        async with guest.listening():
            show(app, vm)
            await until(lambda: app.panel.typing and app.panel.connected, what="typing")
            await pilot.press("h", "i")
            await until(lambda: guest.received == b"hi", what="what was typed")


@pytest.mark.slow
async def test_a_start_that_fails_is_waited_for_no_longer(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    app = PanelApp()
    async with app.run_test(size=(80, 24)):
        show(app, VMStatus(vm.files, State.STARTING))
        assert app.panel.enter()
        show(app, VMStatus(vm.files, State.STOPPED))
        async with Guest(vm.files.console, b"later").listening():
            show(app, vm)
            await until(lambda: app.shows("later"), what="the console")
            assert not app.panel.typing


@pytest.mark.slow
async def test_another_machine_frees_the_first_and_going_back_shows_it_again(workspace: Workspace) -> None:
    a, b = machine(workspace, "a"), machine(workspace, "b")
    guests = Guest(a.files.console, b"I am a\r\n"), Guest(b.files.console, b"I am b\r\n")
    app = PanelApp()
    async with guests[0].listening(), guests[1].listening(), app.run_test(size=(80, 24)):
        show(app, a, b)
        await until(lambda: app.shows("I am a"), what="a")
        show(app, b, a)
        await until(lambda: app.shows("I am b"), what="b")
        assert (guests[0].clients, guests[1].clients) == (0, 1)
        assert not app.shows("I am a")
        show(app, a, b)
        await until(lambda: guests[0].clients == 1, what="a again")
        await until(lambda: guests[1].clients == 0, what="b to be free")
        assert app.shows("I am a")


@pytest.mark.slow
async def test_fast_changes_end_with_the_last_one_attached(workspace: Workspace) -> None:
    machines = [machine(workspace, name) for name in "abcd"]
    guests = [Guest(vm.files.console, vm.cluster_id.encode()) for vm in machines]
    app = PanelApp()
    async with (
        guests[0].listening(),
        guests[1].listening(),
        guests[2].listening(),
        guests[3].listening(),
        app.run_test(size=(80, 24)) as pilot,
    ):
        for turn in range(20):
            show(app, machines[turn % 4], *machines)
            if turn % 3 == 0:
                await pilot.pause()
        await until(lambda: [guest.clients for guest in guests] == [0, 0, 0, 1], what="the last one alone")


async def test_what_came_late_of_one_console_is_not_shown_in_anothers(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"hello\r\n")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)):
        app.panel._views.printed("b.amd64", b"of another\r\n")
        show(app, vm)
        await until(lambda: app.shows("hello"), what="the greeting")
        source = app.panel._views._consoles[vm.key].source
        assert source is not None
        await until(lambda: not source._unrecorded, what="all that was to be shown behind it")
        assert not app.shows("of another")


@pytest.mark.slow
async def test_nothing_there_is_said_and_tried_again(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    app = PanelApp()
    async with app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: "there is no console at" in app.notice, what="the notice")
        assert app.panel.enter()
        guest = Guest(vm.files.console, b"there\r\n")
        async with guest.listening():
            await until(lambda: app.shows("there"), what="the console")
            assert app.notice == ""


@pytest.mark.slow
async def test_a_machine_that_stops_leaves_its_last_words_and_a_new_run_follows_them(
    workspace: Workspace, runs: Runs
) -> None:
    vm = machine(workspace, "a", pid=runs.first)
    app = PanelApp()
    async with app.run_test(size=(80, 24)):
        async with Guest(vm.files.console, b"\x1b[31mgoodbye").listening():
            show(app, vm)
            await until(lambda: app.shows("goodbye"), what="the last words")
        show(app, stopped(workspace, "a"))
        await until(lambda: "a is stopped: press s to start it." in app.notice, what="the notice")
        assert app.shows("goodbye")
        async with Guest(vm.files.console, b"hello again").listening():
            runs.serving = runs.second
            show(app, machine(workspace, "a", pid=runs.second))
            await until(lambda: app.shows("hello again"), what="the new run")
            assert app.shows("goodbye")
            assert app.shows(" started ")


async def test_suspending_waits_until_the_console_is_free(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"hello\r\n")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: app.panel.connected, what="the console")
        await app.panel.release()
        assert not app.panel.connected
        await until(lambda: guest.clients == 0, what="the console to be free")
        app.app_resume_signal.publish(app)
        await until(lambda: guest.clients == 1, what="the console to come back")


async def test_a_machine_that_is_gone_is_forgotten(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"secret\r\n")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: app.shows("secret"), what="the console")
        app.panel.vms = ()
        app.panel.vm = None
        await until(lambda: guest.clients == 0, what="the console to be free")
        show(app, stopped(workspace, "a"))
        await until(lambda: "a is stopped" in app.notice, what="the notice")
        assert not app.shows("secret")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda vm: vm, "a was started without a serial console"),
        (lambda vm: VMStatus(vm.files, State.CRASHED, problems=(Problem("left [b]things[/b]"),)), "left [b]things[/b]"),
        (lambda vm: VMStatus(vm.files, State.BROKEN), "a is broken: press ! to repair it."),
        (lambda vm: VMStatus(vm.files, State.STARTING), "a is starting."),
    ],
)
async def test_why_there_is_no_console(
    workspace: Workspace, change: Callable[[VMStatus], VMStatus], words: str
) -> None:
    live_without_console = VMStatus(machine(workspace, "a").files, State.RUNNING, pid=os.getpid())
    app = PanelApp()
    async with app.run_test(size=(80, 24)):
        show(app, change(live_without_console))
        await until(lambda: words in app.notice, what="the notice")


@pytest.mark.slow
async def test_only_so_many_consoles_are_remembered(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MAX_VIEWS", 2)
    machines = [machine(workspace, name) for name in "abc"]
    guests = [Guest(vm.files.console, f"I am {vm.cluster_id}".encode()) for vm in machines]
    app = PanelApp()
    async with (
        guests[0].listening(),
        guests[1].listening(),
        guests[2].listening(),
        app.run_test(size=(80, 24)),
    ):
        for vm in machines:
            show(app, vm, *machines)
            await until(lambda vm=vm: app.shows(f"I am {vm.cluster_id}"), what=vm.cluster_id)  # type: ignore[misc]
        assert len(app.panel.query(TerminalView)) == 2


@pytest.mark.slow
async def test_a_restart_is_shown_to_whoever_was_reading_further_up(workspace: Workspace, runs: Runs) -> None:
    app = PanelApp()
    async with app.run_test(size=(80, 24)) as pilot:
        vm = machine(workspace, "a", pid=runs.first)
        async with Guest(vm.files.console, b"".join(b"line %d\r\n" % i for i in range(100))).listening():
            show(app, vm)
            await until(lambda: app.shows("line 99"), what="the end of the first run")
            view = app.panel.view
            assert view is not None
            view.scroll_history(-50)
            await pilot.pause()
            await until(lambda: not view.viewport.following, what="the view further up")
        show(app, stopped(workspace, "a"))
        async with Guest(vm.files.console, b"hello again").listening():
            runs.serving = runs.second
            show(app, machine(workspace, "a", pid=runs.second))
            await until(lambda: app.shows("hello again"), what="the new run")
            assert view.viewport.following
