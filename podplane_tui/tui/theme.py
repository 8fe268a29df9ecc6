"""The project's own theme, for dark and for light terminals. The only place where colours stand as numbers."""

from textual.theme import Theme

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
