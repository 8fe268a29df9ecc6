"""The help: all keys, in force where one is."""

import pytest
from textual.pilot import Pilot

from podplane_tui.tui.screens.dashboard import Dashboard
from tests.tui.support import (
    app_of,
    settled,
    text_of,
)

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
