"""The help: all keys, in force where one is."""

import pytest
from textual.pilot import Pilot

from podplane_tui.tui.screens.dashboard import Dashboard
from tests.conftest import Workspace
from tests.tui.support import app_of, settled, text_of
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


async def test_question_mark_shows_all_keys(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("question_mark")
    await settled(pilot)
    text = text_of(app, "#help-text")
    for binding in Dashboard.BINDINGS:
        assert not isinstance(binding, tuple)
        assert binding.tooltip in text
    for words in ("Stop typing", "Scroll back", "command palette"):
        assert words in text
    await pilot.press("escape")
    await settled(pilot)
    assert isinstance(app.screen, Dashboard)


async def test_what_can_be_done_changes_while_the_help_is_open(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    await pilot.press("question_mark")
    await settled(pilot)
    assert "alpha is not running" in text_of(app, "#help-text")
    for disk in workspace.data.rglob("*.qcow2"):
        disk.unlink()
    app.look_now()
    await until(lambda: "There is no VM here yet" in text_of(app, "#help-text"), what="the keys that are left")
    assert "alpha is not running" not in text_of(app, "#help-text")
