"""The keys in force, as help and palette show them."""

import pytest
from textual.pilot import Pilot

from podplane_tui.tui.screens import dashboard_keys
from podplane_tui.tui.screens.create import CreateDialog
from tests.tui.support import (
    app_of,
    dashboard,
    settled,
)
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


async def test_the_palette_has_the_verbs_that_make_sense(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    names = [command.title for command in app.get_system_commands(app.screen)]
    assert {"New VM", "Start alpha", "Delete alpha", "Events", "Boot", "Find", "Columns", "Tour", "Theme"} <= set(names)
    assert len(names) == len(set(names))
    assert "Stop alpha" not in names
    assert not {"Keys", "Maximize"} & set(names)  # help and the full view are ours
    await pilot.press("ctrl+p")
    await settled(pilot)
    await pilot.press(*"New VM")
    await settled(pilot)
    await pilot.press("down", "enter")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")


async def test_every_command_of_the_palette_names_its_key(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    commands = {name: words for name, words, _ in dashboard_keys.commands(dashboard(app), dashboard(app).vm)}
    assert commands["Start alpha"].endswith(" · s")
    assert commands["Find"].endswith(" · ^f")
    assert commands["Columns"].endswith(" · C")


async def test_the_help_begins_with_where_one_is(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    assert dashboard_keys.key_sections(dashboard(app))[0][0] in {"View", "List"}
    await pilot.press("e")
    await until(lambda: app.focused is not None and app.focused.id == "events-list", what="the events")
    sections = dashboard_keys.key_sections(dashboard(app))
    assert sections[0][0] == "Events"
    assert any("Give the job under the cursor up" in words for _, words in sections[0][1])
