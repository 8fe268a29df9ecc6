"""The console panel on recordings: replayed and followed without a gap, typed into by one at a time."""

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Static

from podplane_tui.backend.console.claim import Held, ask, asker, holder, take
from podplane_tui.backend.console.client import ConsoleLine
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.recording.store import HowEnded, begin, belongs_to, finish, recordings
from podplane_tui.tui.widgets.console import panel as console_panel
from podplane_tui.tui.widgets.console import states
from podplane_tui.tui.widgets.console.panel import ConsolePanel
from podplane_tui.tui.widgets.streams import recording as recording_stream
from tests.conftest import Workspace
from tests.tui.widgets.console.support import Guest, PanelApp, machine, show
from tests.waiting import until


class Recorded(Guest):
    """A serial port whose QEMU records it: what it prints goes to the client, if there is one, and to a file."""

    def __init__(self, vm: VMStatus, log: Path) -> None:
        super().__init__(vm.files.console, b"")
        self.log = log

    def print(self, data: bytes) -> None:
        super().print(data)
        with self.log.open("ab") as file:
            file.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        self._writers.append(writer)
        try:
            while data := await reader.read(1000):
                self.received += data
                self.print(data)
        finally:
            self._writers.remove(writer)
            self.clients -= 1
            writer.close()


@asynccontextmanager
async def recorded(workspace: Workspace, content: bytes = b"") -> AsyncIterator[tuple[VMStatus, Recorded]]:
    """A running machine that is recorded from its first byte."""
    vm = machine(workspace, "a")
    log = begin(vm.files)
    log.write_bytes(content)
    belongs_to(log, os.getpid())
    arguments = ("qemu-system-x86_64", "-serial", f"unix:{vm.files.console},server=on,wait=off,logfile={log}")
    vm = replace(vm, arguments=arguments)
    guest = Recorded(vm, log)
    async with guest.listening():
        yield vm, guest


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_panel, "LOOK_INTERVAL", 0.05)
    monkeypatch.setattr(recording_stream, "LIVE_INTERVAL", 0.05)


def text_of(panel: ConsolePanel) -> str:
    assert panel.view is not None
    terminal = panel.view.terminal
    return terminal.text((0, 0), (len(terminal.scrollback) + terminal.lines, 0))


def messages(app: PanelApp) -> list[str]:
    return [notification.message for notification in app._notifications]


def numbers_in(panel: ConsolePanel) -> list[int]:
    return [int(number) for number in re.findall(r"line (\d+)", text_of(panel))]


@pytest.mark.slow
async def test_nothing_is_lost_or_doubled_between_replay_and_live(workspace: Workspace) -> None:
    lines = [b"line %d\r\n" % number for number in range(9000)]
    app = PanelApp()
    async with recorded(workspace, b"".join(lines[:5000])) as (vm, guest):
        done = threading.Event()

        def go_on() -> None:
            with guest.log.open("ab", buffering=0) as file:
                for line in lines[5000:]:
                    file.write(line)
            done.set()

        writer = threading.Thread(target=go_on)
        async with app.run_test(size=(80, 24)):
            writer.start()
            show(app, vm)
            while not done.is_set():  # looked at again and again meanwhile
                app.panel.in_view = not app.panel.in_view
                await asyncio.sleep(0.01)
            app.panel.in_view = True
            await until(lambda: app.shows("line 8999"), what="the last line")
            assert numbers_in(app.panel) == list(range(9000))
            assert guest.clients == 0
        writer.join()


@pytest.mark.slow
async def test_a_long_recording_fills_the_scrollback_and_no_more(workspace: Workspace) -> None:
    content = b"".join(b"line %d\r\n" % number for number in range(100_000))
    app = PanelApp()
    async with recorded(workspace, content) as (vm, _), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: app.shows("line 99999"), what="the last line")
        numbers = numbers_in(app.panel)
        assert len(numbers) > 10_000
        assert numbers == list(range(numbers[0], 100_000))
        assert app.panel.view is not None
        assert app.panel.view.terminal.scrolled_off < 13_000


@pytest.mark.slow
async def test_the_console_is_held_to_type_and_what_comes_back_is_shown_once(workspace: Workspace) -> None:
    app = PanelApp()
    async with recorded(workspace, b"login: ") as (vm, guest), app.run_test(size=(80, 24)) as pilot:
        show(app, vm)
        await until(lambda: app.shows("login:"), what="the recording")
        assert (app.panel.status, guest.clients, holder(vm.files)) == ("live", 0, None)
        assert app.panel.enter() == ""
        await pilot.press(*"root")
        await until(lambda: app.shows("login: root"), what="the echo")
        assert guest.received == b"root"
        held = holder(vm.files)
        assert held is not None
        assert (held.who.split()[:2], held.pid) == (["the", "dashboard"], os.getpid())
        await pilot.press("ctrl+right_square_bracket")
        await until(lambda: guest.clients == 0 and holder(vm.files) is None, what="the console to be free")
        assert app.panel.status == "live"  # not: held by ourselves
        assert app.panel.enter() == ""
        await until(lambda: guest.clients == 1, what="the console again")
        await pilot.press("ctrl+right_square_bracket")
        await until(lambda: guest.clients == 0, what="the console to be free again")
        guest.print(b"\r\ndone")
        await until(lambda: app.shows("done"), what="what came later")
        assert text_of(app.panel).split() == ["login:", "root", "done"]


@pytest.mark.slow
async def test_what_is_replayed_is_not_answered_and_what_is_live_is(workspace: Workspace) -> None:
    app = PanelApp()
    async with recorded(workspace, b"old \x1b[6n") as (vm, guest), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: app.shows("old"), what="the recording")
        assert app.panel.enter() == ""
        await until(lambda: app.panel.connected and guest.clients == 1, what="the console")
        guest.print(b"\x1b[6n")
        await until(lambda: guest.received == b"\x1b[1;5R", what="the answer")


async def test_the_answers_of_a_terminal_reach_a_guest_that_we_record(workspace: Workspace) -> None:
    """From the first connection on, when its recording does not exist yet."""
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"login: ")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: app.shows("login:"), what="the greeting")
        guest.print(b"\x1b[6n")
        await until(lambda: guest.received == b"\x1b[1;8R", what="the answer")


@pytest.mark.slow
async def test_an_earlier_run_is_not_answered_though_the_console_is_held(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    log = begin(vm.files)
    log.write_bytes(b"long ago \x1b[6n" + b"x" * 1000)
    finish(vm.files, HowEnded.POWERDOWN)
    [earlier] = recordings(vm.files)
    guest = Guest(vm.files.console, b"now ")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: app.shows("now") and app.panel.connected, what="the console")
        app.panel.show_recorded(earlier, 0)
        await until(lambda: app.shows("long ago"), what="the earlier run")
        view = app.panel.view
        assert view is not None
        await until(lambda: not view.attached, what="its end")
        assert guest.clients == 1
        assert app.panel.enter() == ""
        await until(lambda: app.shows("now"), what="the latest run")
        guest.print(b"\x1b[6n")
        await until(lambda: guest.received == b"\x1b[1;5R", what="the answer to what came last")


@pytest.mark.slow
async def test_keys_for_one_guest_wait_while_the_console_of_another_is_let_go_of(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = machine(workspace, "a"), machine(workspace, "b")
    guests = Guest(a.files.console, b"I am a"), Guest(b.files.console, b"I am b")
    let_go, go_on = threading.Event(), threading.Event()
    close = ConsoleLine.close

    def slowly(line: ConsoleLine) -> None:
        let_go.set()
        go_on.wait()
        close(line)

    app = PanelApp()
    try:
        async with guests[0].listening(), guests[1].listening(), app.run_test(size=(80, 24)) as pilot:
            for vm in (b, a):
                show(app, vm, a, b)
                await until(lambda vm=vm: app.shows(f"I am {vm.cluster_id}"), what=vm.cluster_id)  # type: ignore[misc]
                await until(lambda guest=guests[vm is b]: guest.clients == 1, what="the console")  # type: ignore[misc]
            monkeypatch.setattr(ConsoleLine, "close", slowly)
            show(app, b, a)
            assert app.panel.enter() == ""
            await until(let_go.is_set, what="the end of a's console")
            assert app.panel.typing
            assert guests[0].clients == 1
            await pilot.press("h", "i")
            go_on.set()
            await until(lambda: guests[1].received == b"hi", what="what was typed")
            assert guests[0].received == b""
    finally:
        go_on.set()


@pytest.mark.slow
async def test_who_holds_the_console_is_said_and_asked(workspace: Workspace) -> None:
    app = PanelApp()
    async with recorded(workspace, b"login: ") as (vm, guest), app.run_test(size=(80, 24)) as pilot:
        other = take(vm.files, "the dashboard on pts/9")
        show(app, vm)
        await until(lambda: app.panel.status == "live, held by the dashboard on pts/9", what="who holds it")
        assert "the dashboard on pts/9 holds this console" in app.panel.enter()
        assert asker(vm.files) is None
        assert app.panel.enter()  # once more: ask
        await until(lambda: asker(vm.files) is not None, what="the request")
        assert guest.clients == 0
        other.release()
        await until(lambda: app.panel.typing and guest.clients == 1, what="the console")
        await pilot.press("x")
        await until(lambda: guest.received == b"x", what="the key")
        assert asker(vm.files) is None


def asking(vm: VMStatus) -> "asyncio.Task[Held]":
    return asyncio.create_task(
        asyncio.to_thread(lambda: ask(vm.files, "the dashboard on pts/9", cancel=threading.Event()))
    )


@pytest.mark.slow
async def test_whoever_types_is_told_and_hands_over(workspace: Workspace) -> None:
    app = PanelApp()
    async with recorded(workspace, b"login: ") as (vm, guest), app.run_test(size=(80, 24)) as pilot:
        show(app, vm)
        await until(lambda: app.shows("login:"), what="the recording")
        assert app.panel.enter() == ""
        await until(lambda: guest.clients == 1, what="the console")
        request = asking(vm)
        await until(
            lambda: "the dashboard on pts/9 asks for the console: Ctrl-] hands it over." in messages(app),
            what="the toast",
        )
        assert not request.done()
        await pilot.press("ctrl+right_square_bracket")
        held = await request
        assert guest.clients == 0
        assert app.shows("login:")
        assert messages(app) == []  # what it asked for is done
        held.release()


@pytest.mark.slow
async def test_whoever_only_holds_it_hands_over_at_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "IDLE", 0.0)
    app = PanelApp()
    async with recorded(workspace, b"login: ") as (vm, guest), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: app.shows("login:"), what="the recording")
        assert app.panel.enter() == ""
        await until(lambda: guest.clients == 1, what="the console")
        held = await asking(vm)
        assert not app.panel.typing
        held.release()


@pytest.mark.slow
async def test_an_unrecorded_machine_is_recorded_while_in_view(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"login: ")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: app.panel.status.startswith("recorded since attached at "), what="the mark")
        await until(lambda: app.shows("login:"), what="the greeting")
        held = await asking(vm)
        await until(lambda: guest.clients == 0, what="the console to be let go of")
        (recording,) = vm.files.recordings_dir.glob("*.raw")
        with recording.open("ab") as file:  # so does whoever has it now
            file.write(b"root\r\n")
        await until(lambda: app.shows("login: root"), what="what the other one records")
        held.release()
        await until(lambda: guest.clients == 1, what="the console again")


@pytest.mark.slow
async def test_where_nothing_can_be_recorded_it_is_shown_all_the_same(workspace: Workspace) -> None:
    (workspace.root / "state").write_bytes(b"in the way")
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"login: ")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)) as pilot:
        show(app, vm)
        await until(lambda: app.shows("login:"), what="the greeting")
        assert app.panel.status == "live, not recorded"
        assert app.panel.enter() == ""
        await pilot.press("x")
        await until(lambda: app.shows("login: x"), what="the echo")


@pytest.mark.slow
async def test_a_stopped_machine_shows_its_last_run(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    log = begin(vm.files)
    log.write_bytes(b"hello\r\nreboot: Power down")
    finish(vm.files, HowEnded.POWERDOWN)
    app = PanelApp()
    async with app.run_test(size=(80, 24)):
        show(app, VMStatus(vm.files, State.STOPPED))
        await until(lambda: app.shows("reboot: Power down"), what="the recording")
        await until(lambda: "it was powered off." in app.notice, what="how it ended")
        assert "a is stopped: press s to start it.  Below is its last run, " in app.notice
        view = app.panel.view
        assert view is not None
        await until(lambda: view.has_class("-detached"), what="the end of it, dimmed")
        assert app.panel.enter()
        assert isinstance(app.panel.query_one("#console-notice"), Static)
