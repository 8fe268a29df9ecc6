"""Sentences that name a key name the one that is configured."""

from __future__ import annotations

import pytest

from podplane_tui.tui.keys.naming import spoken
from podplane_tui.tui.screens.help import HelpScreen
from podplane_tui.tui.screens.tour import Tour
from tests.conftest import Workspace
from tests.tui.support import (
    dashboard,
    listed,
    make_app,
    make_disk,
    settled,
    text_of,
    toasts,
)
from tests.waiting import until


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("s", "s"),
        ("S", "S"),
        ("f5", "F5"),
        ("ctrl+f", "Ctrl-F"),
        ("ctrl+right_square_bracket", "Ctrl-]"),
        ("exclamation_mark", "!"),
        ("escape", "Esc"),
        ("shift+pageup", "Shift-PgUp"),
        ("ctrl+shift+f6", "Ctrl-Shift-F6"),
        ("enter", "Enter"),
        ("space", "Space"),
        ("up", "↑"),
        ("slash", "/"),
        ("ctrl+backslash", "Ctrl-\\"),
        ("underscore", "_"),
        ("plus", "+"),
    ],
)
def test_keys_are_written_as_people_write_them(key: str, name: str) -> None:
    assert spoken(key) == name


@pytest.mark.slow
async def test_sentences_name_the_keys_that_are_configured(workspace: Workspace) -> None:
    keys = {
        "app.help": "f9",
        "vm.create": "f6",
        "vm.start": "ctrl+y",
        "dialog.cancel": "escape,f12",
        "help.close": "f12",
        "app.tour": "f3",
        "tour.close": "f12",
    }
    app = make_app(workspace, keys=keys, welcome=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.screen.query("#empty-state"), what="the empty list")
        await until(lambda: "Press F6 to make one, F9 for all keys" in text_of(app, "#empty-state"), what="the keys")
        assert "New here? F3 shows around." in toasts(app)
        await pilot.press("s")
        await settled(pilot)
        assert toasts(app)[-1] == "New here? F3 shows around."
        await pilot.press("ctrl+y")
        await until(lambda: toasts(app)[-1] == "There is no VM here yet: press F6 to make one.", what="the refusal")
        await pilot.press("f6")
        await until(lambda: app.screen.query(".dialog"), what="the dialog")
        assert str(app.screen.query_one(".dialog").border_subtitle) == "Esc cancels"
        await pilot.press("f12", "f9")
        await until(lambda: isinstance(app.screen, HelpScreen), what="the help")
        assert str(app.screen.query_one(".dialog").border_subtitle) == "F12 closes"
        await pilot.press("f12", "f3")
        await until(lambda: isinstance(app.screen, Tour), what="the tour")
        assert "Ctrl-Y  x  r" in text_of(app, "#tour-text")
        await pilot.press("f12")
        make_disk(workspace, "one")
        await listed(app, "one")
        notice = "one is stopped: press Ctrl-Y to start it."
        await until(lambda: text_of(app, "#console-notice") == notice, what="the notice")
        assert dashboard(app).table.selected == "one.amd64"
