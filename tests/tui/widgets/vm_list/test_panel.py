"""The frame of the list, and the field that narrows it."""

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Input

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.tui.styles import stylesheets
from podplane_tui.tui.widgets.vm_list.panel import MachineList
from podplane_tui.tui.widgets.vm_list.table import VMTable
from tests.tui.support import (
    app_of,
    dashboard,
    screen_text,
    settled,
)
from tests.waiting import until


@pytest.mark.slow
async def test_slash_filters_and_escape_clears(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("slash", "b", "e", "t")
    await settled(pilot)
    assert len(app.screen.query_one(VMTable).order) == 1
    assert dashboard(app).table.selected == "beta.amd64"
    assert "VMs 1 of 2" in screen_text(pilot)
    await pilot.press("enter")
    assert isinstance(app.focused, VMTable)
    assert len(app.screen.query_one(VMTable).order) == 1
    await pilot.press("escape")
    await settled(pilot)
    assert len(app.screen.query_one(VMTable).order) == 2
    assert not app.screen.query_one("#filter", Input).display


@pytest.mark.slow
async def test_an_empty_filter_goes_with_enter(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("slash")
    assert isinstance(app.focused, Input)
    await pilot.press("enter")
    await settled(pilot)
    assert not app.screen.query_one("#filter", Input).display


class ListApp(App[None]):
    """The list alone."""

    CSS_PATH = stylesheets()  # type: ignore[assignment] # Textual takes any sequence

    def __init__(self) -> None:
        super().__init__()
        self.list = MachineList(VMTable(arch="amd64", select=None), data_dir=Path("/d"), runtime_dir=Path("/r"))

    def compose(self) -> ComposeResult:
        yield self.list

    @property
    def frame(self) -> str:
        return Content.from_markup(str(self.list.border_title)).plain


def stopped(*names: str) -> tuple[VMStatus, ...]:
    return tuple(VMStatus(VMFiles("amd64", name, Path("/d"), Path("/r")), State.STOPPED) for name in names)


@pytest.mark.slow
async def test_the_frame_says_how_many_are_shown_marked_hidden_and_how_old_it_all_is() -> None:
    app = ListApp()
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.frame == "VMs"
        app.list.vms = stopped("a", "b", "bb")
        await pilot.pause()
        assert app.frame == "VMs"
        await app.list.open_filter()
        await pilot.press("b")
        await until(lambda: app.frame == "VMs 2 of 3", what="what the filter leaves")
        await pilot.press("enter", "asterisk")
        await until(lambda: app.frame == "VMs 2 of 3 · 2 marked", what="the marks")
        app.list.query_one(Input).value = "bb"
        await until(lambda: app.frame == "VMs 1 of 3 · 2 marked, 1 hidden", what="a hidden mark")
        app.list.stale_for = 7
        assert app.frame.endswith(" · no answer for 7 s")
        assert app.list.table.has_class("-stale")
        app.list.stale_for = 0
        app.list.clear_filter()
        await until(lambda: app.frame == "VMs · 2 marked", what="all of them")
        assert not app.list.filtering
