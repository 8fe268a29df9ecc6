"""The panels below the list: one in view, all named in the title, keys to the one in view."""

import asyncio
import importlib

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import OptionList

from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.widgets import tabs
from podplane_tui.tui.widgets.vm_list.table import VMTable
from tests.conftest import Workspace
from tests.tui.support import (
    app_of,
    dashboard,
    details_shown,
    files_of,
    listed,
    make_app,
    painted,
    screen_text,
    settled,
    text_of,
)
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


def details_text(app: PodplaneApp) -> str:
    options = app.screen.query_one("#details OptionList", OptionList).options
    return "\n".join(str(option.prompt) for option in options)


async def test_the_keys_of_the_tabs_change_the_panel(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    await pilot.press("4")
    await details_shown(app)
    assert not app.screen.query_one("#console").display
    words = {"podplane-local-alpha", files_of(workspace, "alpha").image.name, "not running"}
    await until(lambda: all(each in details_text(app) for each in words), what="the details")
    await pilot.press("down")
    await until(lambda: "podplane-local-beta" in details_text(app), what="the details of the next machine")
    await pilot.press("1")
    await until(lambda: app.screen.query_one("#console").display, what="the console")


async def test_the_title_says_whose_state_it_tells(pilot: Pilot[None]) -> None:
    await pilot.press("6")
    await until(lambda: "─ local server · down" in screen_text(pilot), what="the server's state, not a machine's")
    await pilot.press("4")
    await until(lambda: "─ alpha" in screen_text(pilot), what="the machine's name")


async def test_the_tabs_in_the_title_can_be_clicked(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    row = next(y for y, line in enumerate(painted(app)) if "Details Events" in line)
    column = painted(app)[row].index("Details")
    await pilot.click(offset=(column + 1, row))
    await settled(pilot)
    assert dashboard(app).tab == "details"
    await pilot.click(offset=(painted(app)[row].index("Console") + 1, row))
    await settled(pilot)
    assert dashboard(app).tab == "console"


async def test_e_shows_the_events_and_escape_goes_back_to_the_list(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("e")
    await until(lambda: app.focused is not None and app.focused.id == "events-list", what="the events")
    assert dashboard(app).tab == "events"
    await until(lambda: "Nothing has happened yet." in text_of(app, "#events-text"), what="that there are none")
    await pilot.press("escape")
    await until(lambda: isinstance(app.focused, VMTable), what="the list")


async def test_keys_do_not_go_to_a_panel_that_is_out_of_view(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("e", "4")
    await until(lambda: dashboard(app).tabs.panel is not None and dashboard(app).tab == "details", what="the details")
    await until(lambda: isinstance(app.focused, VMTable), what="the list")
    await pilot.press("down")
    await until(lambda: dashboard(app).table.selected == "beta.amd64", what="the next machine")


async def test_an_app_that_ends_while_a_panel_is_made_ends_well(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, loop = make_app(workspace), asyncio.get_running_loop()
    ended = asyncio.Event()

    def leave() -> None:
        app.exit()
        ended.set()

    def import_and_leave(name: str) -> object:
        module = importlib.import_module(name)
        loop.call_soon_threadsafe(leave)  # right before the panel could be mounted
        return module

    async with app.run_test():
        await listed(app)
        monkeypatch.setattr(tabs, "import_module", import_and_leave)
        app.post_message(Key("6", "6"))
        await asyncio.wait_for(ended.wait(), 30)
    assert app._exception is None
