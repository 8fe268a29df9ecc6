"""The keys in force, as help and palette show them."""

import pytest
from textual.pilot import Pilot

from podplane_tui.tui.screens import dashboard_keys
from tests.tui.support import (
    app_of,
    dashboard,
)
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


async def test_every_command_of_the_palette_names_its_key(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    screen = dashboard(app)
    commands = {
        each.title: each for each in dashboard_keys.commands(screen, screen.about, screen.refused, arch="amd64")
    }
    assert commands["Start alpha"].words.endswith(" · s")
    assert commands["Find"].words.endswith(" · ^f")
    assert commands["Columns"].words.endswith(" · C")
    assert commands["Stop alpha"].words == "alpha is not running · x"
    assert [commands[name].refused for name in ("Start alpha", "Stop alpha")] == [False, True]
    elsewhere = [each.title for each in dashboard_keys.commands(screen, screen.about, screen.refused, arch="arm64")]
    assert "Start alpha amd64" in elsewhere


async def test_the_help_begins_with_where_one_is(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    assert dashboard_keys.key_sections(dashboard(app), dashboard(app).refused)[0][0] in {"View", "List"}
    await pilot.press("e")
    await until(lambda: app.focused is not None and app.focused.id == "events-list", what="the events")
    sections = dashboard_keys.key_sections(dashboard(app), dashboard(app).refused)
    assert sections[0][0] == "Events"
    assert any("Give the job under the cursor up" in line.words for line in sections[0][1])
    lines = {line.words: line.refused for _, lines in sections for line in lines}
    assert lines["Stop a VM: power button, then SIGTERM, then SIGKILL"] == "alpha is not running"
    assert lines["Start a VM"] == ""
