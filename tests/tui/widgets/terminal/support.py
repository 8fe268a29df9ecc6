"""What rows may look like, and what a terminal makes of them."""

from rich.console import Console
from rich.style import Style as RichStyle
from rich.terminal_theme import MONOKAI

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.terminal.painter import Look

COLUMNS = 60
TRUE_COLOURS = Console(color_system="truecolor", force_terminal=True)
BASE = RichStyle.parse("#e0e0e0 on #121212")
LOOKS = [
    Look(columns=COLUMNS, base=RichStyle()),
    Look(columns=COLUMNS, base=BASE),
    Look(columns=COLUMNS, base=BASE, ansi_theme=MONOKAI),
    Look(columns=COLUMNS, base=BASE, ansi_theme=MONOKAI, reverse_video=True),
    Look(columns=COLUMNS, base=BASE, palette={1: "123456"}, foreground="abcdef", background="fedcba"),
]


def seen(output: str) -> list[tuple[str, object]]:
    """What a terminal shows that gets this output: each cell with its style."""
    terminal = Terminal(COLUMNS, 2)
    terminal.feed(output.encode())
    return list(terminal.rows[0].cells())
