"""Terminals with 16 colours, and people who want none: everything can still be told apart."""

from __future__ import annotations

import pytest
from rich.style import Style
from textual.widgets import Button

from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.screens.columns import ColumnsDialog
from tests.conftest import Workspace
from tests.tui.support import listed, make_app, make_disk, painted, settled
from tests.waiting import until


def styles(app: PodplaneApp, text: str) -> list[Style]:
    """The styles of the lines that hold `text`; none while there are none."""
    lines = (strip for strip in app.screen._compositor.render_strips() if text in strip.text)
    return [style for strip in lines for _, style, _ in strip if style is not None]


def colors(app: PodplaneApp) -> set[str]:
    """All colours on the screen."""
    found = (style for strip in app.screen._compositor.render_strips() for _, style, _ in strip if style is not None)
    return {color.name for style in found for color in (style.color, style.bgcolor) if color is not None}


def reversed_text(app: PodplaneApp) -> str:
    """What stands in reverse video."""
    strips = app.screen._compositor.render_strips()
    return "".join(text for strip in strips for text, style, _ in strip if style is not None and style.reverse)


@pytest.mark.slow
async def test_without_colours_what_is_chosen_and_what_has_the_focus_is_seen(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("one", "two"):
        make_disk(workspace, name)
    app = make_app(workspace, theme="ansi-dark", select="two")
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "one", "two")
        await until(lambda: any(style.reverse for style in styles(app, " two ")), what="the row under the cursor")
        assert not any(style.reverse for style in styles(app, " one "))
        assert colors(app) == {"default"}
        await pilot.press("d")
        await until(lambda: isinstance(app.focused, Button), what="the dialog")
        await settled(pilot)
        assert "Cancel" in reversed_text(app)
        assert "Delete" not in reversed_text(app)
        await pilot.press("escape", "C")
        await until(lambda: isinstance(app.screen, ColumnsDialog), what="the columns")
        await settled(pilot)
        assert any("▐X▌ CPU %" in line for line in painted(app))
        await pilot.press("down", "space")
        await settled(pilot)
        assert any("▐ ▌ CPU %" in line for line in painted(app))
        assert any(style.underline for style in styles(app, "▐ ▌ CPU %"))
        await pilot.press("escape")
        app.theme = "tokyo-night"
        await settled(pilot)
        greys = {color for color in colors(app) if color.startswith("#")}
        assert greys
        assert all(len({color[1:3], color[3:5], color[5:7]}) == 1 for color in greys)
        app.theme = "ansi-light"
        await settled(pilot)
        assert colors(app) == {"default"}
