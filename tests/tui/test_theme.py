"""The themes: chosen, readable, and left to the terminal where it has few colours."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from podplane_tui.backend.config.model import DashboardSettings
from podplane_tui.tui.theme import DARK, LIGHT, THEMES, theme_for_terminal
from tests.conftest import Workspace
from tests.tui.support import (
    listed,
    make_app,
    make_disk,
    painted,
)
from tests.waiting import until


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
async def test_our_themes_can_be_chosen(workspace: Workspace, theme: Theme) -> None:
    make_disk(workspace, "one")
    app = make_app(workspace, settings=DashboardSettings(theme=theme.name))
    async with app.run_test(size=(80, 24)):
        await listed(app, "one")
        assert app.current_theme is theme
        await until(lambda: any("one" in line for line in painted(app)), what="the list")
        assert app.screen.styles.background == Color.parse(str(theme.background))


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_text_can_be_read_on_every_ground(theme: Theme) -> None:
    """WCAG 2's 4.5 to 1 for everything that is words."""
    variables = theme.to_color_system().generate()
    for ground in ("background", "surface"):
        below = Color.parse(variables[ground])
        for name in ("foreground", "text-primary", "text-accent", "text-warning", "text-error", "text-success"):
            lights = sorted(_luminance(colour) for colour in (below, below + Color.parse(variables[name])))
            assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5, (name, ground)


def _luminance(colour: Color) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("term", "colorterm", "wanted", "theme"),
    [
        ("xterm-256color", "", "tokyo-night", "tokyo-night"),
        ("screen", "truecolor", "nord", "nord"),
        ("linux", "", "tokyo-night", "ansi-dark"),
        ("screen", "", "podplane-light", "ansi-light"),
        ("xterm", "", "ansi-light", "ansi-light"),
        ("xterm", "", "no-such-theme", "no-such-theme"),  # which is complained of elsewhere
        ("dumb", "", "podplane-dark", "ansi-dark"),
    ],
)
def test_a_terminal_of_16_colours_gets_a_theme_of_those(
    monkeypatch: pytest.MonkeyPatch, term: str, colorterm: str, wanted: str, theme: str
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLORTERM", colorterm)
    assert theme_for_terminal(wanted) == theme
