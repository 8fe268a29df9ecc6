"""The frame of the list, and the field that narrows it."""

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from podplane_tui.tui.widgets.vm_list.table import VMTable
from tests.tui.support import (
    app_of,
    dashboard,
    screen_text,
    settled,
)


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
