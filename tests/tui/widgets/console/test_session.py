"""A console in this program's hands: opened, lost, asked for where another program holds it."""

from typing import Any

import pytest

from podplane_tui.backend.console.client import ConsoleLine, open_line
from podplane_tui.tui.widgets.console import panel, session
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
