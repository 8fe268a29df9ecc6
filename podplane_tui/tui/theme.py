"""The project's own theme, for dark and for light terminals. The only place where colours stand as numbers."""

from rich.console import Console
from textual import constants
from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="podplane-dark",
    primary="#4FC1C9",
    secondary="#7AA7E9",
    accent="#E3A869",
    warning="#E5C15D",
    error="#F0707A",
    success="#7CCB86",
    foreground="#D3DAE3",
    background="#10161D",
    surface="#18212B",
    panel="#243240",
    variables={"button-color-foreground": "#10161D"},
)

LIGHT = Theme(
    name="podplane-light",
    primary="#0B7285",
    secondary="#2B5FB3",
    accent="#9A4A08",
    warning="#8A6100",
    error="#B3202E",
    success="#1F7A34",
    foreground="#1D2730",
    background="#F8FAFB",
    surface="#EBF0F3",
    panel="#D9E2E8",
    dark=False,
    variables={"button-color-foreground": "#F8FAFB"},
)

THEMES = (DARK, LIGHT)


def theme_for_terminal(wanted: str) -> str:
    """The theme `wanted`, or one of the terminal's own colours when there are 16: others come out as grey on grey."""
    theme = {**BUILTIN_THEMES, **{ours.name: ours for ours in THEMES}}.get(wanted)
    console = Console(force_terminal=True, color_system=constants.COLOR_SYSTEM)  # type: ignore[arg-type] # a plain str
    if theme is None or theme.ansi or console.color_system not in {None, "standard"}:
        return wanted
    return "ansi-dark" if theme.dark else "ansi-light"
