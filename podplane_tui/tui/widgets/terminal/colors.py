"""The colours of a terminal: those it is painted in, the theme's or the guest's, and those programs are told."""

from rich.style import Style as RichStyle
from rich.terminal_theme import TerminalTheme

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.terminal.painter import Look


def look_of(terminal: Terminal, *, base: RichStyle, ansi_theme: TerminalTheme | None, guest_colors: bool) -> Look:
    """How rows of the terminal look on ``base``; with ``guest_colors`` what the guest defined (OSC 4, 10, 11) counts.

    Without ``ansi_theme`` the colours 0 to 15 are left to the user's own terminal.
    """
    defaults = terminal.default_colors if guest_colors else {}
    return Look(
        columns=terminal.columns,
        base=base,
        ansi_theme=ansi_theme,
        reverse_video=terminal.modes.reverse_video,
        palette=dict(terminal.palette) if guest_colors else {},
        foreground=defaults.get(10),
        background=defaults.get(11),
    )


def told_colors(base: RichStyle, *, dark: bool) -> tuple[str, str]:
    """Text and background ("rrggbb") as programs are told them, so that they choose colours that can be read there.

    Where ``base`` leaves them to the user's own terminal, what counts is whether it is a ``dark`` one.
    """
    text, background = base.color, base.bgcolor
    if text and text.triplet and background and background.triplet:
        return text.triplet.hex[1:], background.triplet.hex[1:]
    return ("ffffff", "000000") if dark else ("000000", "ffffff")
