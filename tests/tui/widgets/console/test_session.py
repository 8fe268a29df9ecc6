"""A console in this program's hands: opened, lost, asked for where another program holds it."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from podplane_tui.backend.console.claim import Claim, holder
from podplane_tui.backend.console.client import ConsoleLine, open_line
from podplane_tui.backend.core.errors import VMError
from podplane_tui.tui.widgets.console import panel, session
from podplane_tui.tui.widgets.console.session import ConsoleHold
from tests.conftest import Workspace
from tests.tui.widgets.console.support import Guest, PanelApp, machine, show
from tests.waiting import until


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "LOOK_INTERVAL", 0.05)


async def test_a_console_that_hangs_up_is_called_again(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"hello\r\n")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: guest.connections == 1, what="the first connection")
        guest.hang_up()
        await until(lambda: guest.connections == 2 and app.panel.connected, what="the second connection")


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


class Hold:
    """A hold, and what it has asked for."""

    def __init__(self) -> None:
        self.hold = ConsoleHold(printed=lambda _key, _data: None, asked=lambda _claim: None, closed=lambda: None)
        self.requests: list[threading.Event] = []

    def refusal(self, claim: Claim | None) -> str:
        return self.hold.refusal(claim, self.requests.append)


OTHER = Claim("another program", 1, 0.0)


async def test_a_console_that_another_holds_is_asked_for_at_the_second_try_and_once() -> None:
    held = Hold()
    assert held.refusal(None) == ""
    assert held.refusal(OTHER) == (
        "another program holds this console, and it serves one at a time. Once more asks for it."
    )
    assert held.requests == []
    assert held.refusal(OTHER) == "another program is asked for the console."
    assert held.refusal(OTHER) == "another program has been asked for the console: wait until it lets go."
    assert len(held.requests) == 1


async def test_an_offer_that_was_withdrawn_has_to_be_made_again() -> None:
    held = Hold()
    held.refusal(OTHER)
    held.hold.withdraw_offer()
    assert "Once more asks for it" in held.refusal(OTHER)
    assert held.requests == []


async def test_who_stops_asking_is_not_waited_for_and_may_ask_again() -> None:
    held = Hold()
    held.refusal(OTHER)
    held.refusal(OTHER)
    held.hold.stop_asking()
    assert held.requests[0].is_set()
    assert held.refusal(OTHER) == "another program is asked for the console."
    assert [request.is_set() for request in held.requests] == [True, False]


async def test_a_console_handed_over_to_nobody_who_wants_it_is_let_go(workspace: Workspace) -> None:
    vm, held = machine(workspace, "a"), Hold()
    for wanted in (False, True):
        assert await held.hold.ask(vm, threading.Event(), wanted=lambda wanted=wanted: wanted) is wanted  # type: ignore[misc]
        assert (holder(vm.files) is not None) is wanted
    assert held.refusal(OTHER) == ""  # it is in hand
    await held.hold.end()
    assert holder(vm.files) is None


async def test_what_is_typed_before_there_is_a_console_waits_for_it_up_to_a_bound(workspace: Workspace) -> None:
    vm, held = machine(workspace, "a"), Hold()
    guest = Guest(vm.files.console, b"")
    held.hold.type(b"nobody types this", typing=False)
    for _ in range(3):
        held.hold.type(b"x" * 3000, typing=True)
    async with guest.listening():
        await held.hold.connect(vm)
        assert held.hold.is_of(vm)
        assert not held.hold.is_of(replace(vm, pid=1))
        held.hold.type(b".", typing=False)
        await until(lambda: guest.received.endswith(b"."), what="what was typed")
        assert guest.received == b"x" * 4096 + b"."
        await held.hold.close()
        assert not held.hold.connected


async def test_what_waited_for_a_console_that_is_not_there_is_not_typed_into_the_next(workspace: Workspace) -> None:
    vm, held = machine(workspace, "a"), Hold()
    held.hold.type(b"rm -r /", typing=True)
    with pytest.raises(VMError, match="there is no console at"):
        await held.hold.connect(vm)
    assert holder(vm.files) is None
    guest = Guest(vm.files.console, b"")
    async with guest.listening():
        await held.hold.connect(vm)
        held.hold.type(b"ls", typing=True)
        await until(lambda: guest.received, what="what was typed")
        assert guest.received == b"ls"
        await held.hold.end()
