"""A console in this program's hands: opened, lost, asked for where another program holds it."""

import asyncio
import threading
from typing import Any

import pytest

from podplane_tui.backend.console.claim import ask, asker, holder, take
from podplane_tui.backend.console.client import ConsoleLine, open_line
from podplane_tui.backend.core.errors import Cancelled, ConsoleHeld, VMError
from podplane_tui.tui.widgets.console import panel, session
from podplane_tui.tui.widgets.console.session import ConsoleHold
from tests.conftest import Workspace
from tests.tui.widgets.console.support import Guest, PanelApp, machine, show
from tests.waiting import until


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "LOOK_INTERVAL", 0.05)


@pytest.mark.slow
async def test_a_console_that_hangs_up_is_called_again(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"hello\r\n")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: guest.connections == 1, what="the first connection")
        guest.hang_up()
        await until(lambda: guest.connections == 2 and app.panel.connected, what="the second connection")


@pytest.mark.slow
async def test_a_console_that_hangs_up_before_it_is_in_hand_is_called_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"hello\r\n")
    app = PanelApp()
    lines: list[ConsoleLine] = []

    def open_slowly(*arguments: Any) -> ConsoleLine:
        lines.append(line := open_line(*arguments))
        while len(lines) == 1 and not line.over:
            app.call_from_thread(guest.hang_up)
        app.call_from_thread(lambda: None)  # the event loop has heard of the end, if there was one
        return line

    monkeypatch.setattr(session, "open_line", open_slowly)
    async with guest.listening(), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: len(lines) == 2 and app.panel.connected, what="the second connection")
        assert not lines[1].over


def hold() -> ConsoleHold:
    return ConsoleHold(printed=lambda _key, _data: None, asked=lambda _claim: None, closed=lambda: None)


async def test_a_console_is_ours_until_it_is_let_go(workspace: Workspace) -> None:
    vm, ours = machine(workspace, "a"), hold()
    guest = Guest(vm.files.console, b"")
    async with guest.listening():
        line, recording = await ours.connect(vm)
        assert (line.key, line.pid) == (vm.key, vm.pid)
        assert recording is not None
        assert holder(vm.files) is not None
        await ours.close()
        assert line.over
        assert holder(vm.files) is None


async def test_a_console_that_cannot_be_connected_is_held_by_nobody(workspace: Workspace) -> None:
    vm, ours = machine(workspace, "a"), hold()
    with pytest.raises(VMError, match="there is no console at"):
        await ours.connect(vm)
    assert holder(vm.files) is None


async def test_a_console_that_was_handed_over_is_connected_or_given_back(workspace: Workspace) -> None:
    vm, ours = machine(workspace, "a"), hold()
    await ours.ask(vm, ours.new_request())
    assert holder(vm.files) is not None
    ours.stop_asking()
    assert holder(vm.files) is None
    await ours.ask(vm, ours.new_request())
    async with Guest(vm.files.console, b"").listening():
        line, _ = await ours.connect(vm)  # and not: held by another program
        assert not line.over
        await ours.end()
    assert holder(vm.files) is None


async def test_who_stops_asking_gets_nothing_and_may_ask_again(workspace: Workspace) -> None:
    vm, ours = machine(workspace, "a"), hold()
    other = take(vm.files, "another program")
    asking = asyncio.create_task(ours.ask(vm, ours.new_request()))
    await until(lambda: asker(vm.files) is not None, what="the request")
    ours.stop_asking()
    with pytest.raises(Cancelled, match="request for the console of podplane-local-a was cancelled"):
        await asking
    assert asker(vm.files) is None
    other.release()
    ours.stop_asking()
    await ours.ask(vm, ours.new_request())
    await ours.end()
    assert holder(vm.files) is None


async def test_a_request_that_was_cancelled_before_it_began_takes_nothing(workspace: Workspace) -> None:
    vm, ours = machine(workspace, "a"), hold()
    request = ours.new_request()
    ours.stop_asking()
    with pytest.raises(Cancelled, match="request for the console was cancelled"):
        await ours.ask(vm, request)
    assert holder(vm.files) is None


@pytest.mark.slow
async def test_an_error_of_a_request_that_was_cancelled_is_not_one_to_tell(workspace: Workspace) -> None:
    vm, ours = machine(workspace, "a"), hold()
    other = take(vm.files, "another program")
    first = asyncio.create_task(asyncio.to_thread(ask, vm.files, "a third", cancel=(end := threading.Event())))
    await until(lambda: asker(vm.files) is not None, what="the request of the third")
    with pytest.raises(ConsoleHeld, match="a third is already asking for the console"):
        await ours.ask(vm, ours.new_request())
    request = ours.new_request()
    ours.stop_asking()
    with pytest.raises(Cancelled, match="a third is already asking"):
        await ours.ask(vm, request)
    end.set()
    with pytest.raises(Cancelled, match="request for the console of podplane-local-a was cancelled"):
        await first
    other.release()


async def test_what_was_dropped_on_release_is_said(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"hello\r\n")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: app.panel.connected and app.panel.view, what="the console")
        line = app.panel._hold._line
        assert line is not None
        line.close()
        line.untaken = 1234
        app.panel.in_view = False
        await until(lambda: app._notifications, what="the toast")
        assert [toast.message for toast in app._notifications] == ["1,234 bytes were not taken by the guest."]
        assert app.panel._hold.take_untaken() == 0
