"""The line that searches a terminal's text."""

import pytest
from textual.widgets import Static

from podplane_tui.tui.widgets.terminal.search_bar import TerminalSearch
from tests.conftest import Workspace
from tests.tui.widgets.console.support import Guest, PanelApp, machine, show
from tests.waiting import until

pytestmark = pytest.mark.slow


async def test_the_text_can_be_searched(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    guest = Guest(vm.files.console, b"one fish\r\ntwo fish\r\nred fox\r\n")
    app = PanelApp()
    async with guest.listening(), app.run_test(size=(80, 24)) as pilot:
        assert app.panel.find()
        show(app, vm)
        await until(lambda: app.shows("fox"), what="the text")
        assert app.panel.find() == ""
        await pilot.press(*"fish")
        count = app.panel.query_one(".terminal-search-count", Static)
        await until(lambda: str(count.visual) == "2 of 2", what="the last match")
        await pilot.press("enter")
        await until(lambda: str(count.visual) == "1 of 2", what="the one before")
        await pilot.press("down")
        await until(lambda: str(count.visual) == "2 of 2", what="the one after")
        await pilot.press(*"es")
        await until(lambda: str(count.visual) == "nothing found", what="no match")
        await pilot.press("escape")
        assert not app.panel.query_one(TerminalSearch).display
    assert guest.received == b""
