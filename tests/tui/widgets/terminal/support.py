"""What rows may look like, what a terminal makes of them, and views of a text."""

from rich.console import Console
from rich.style import Style as RichStyle
from rich.terminal_theme import MONOKAI

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.terminal.painter import Look
from podplane_tui.tui.widgets.terminal.viewport import Viewport

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


def viewport_of(text: str, *, columns: int = 20, lines: int = 4, scrollback: int = 1000) -> Viewport:
    terminal = Terminal(columns, lines, scrollback=scrollback)
    terminal.feed(text.replace("\n", "\r\n").encode())
    return Viewport(terminal)


def numbered(count: int, *, scrollback: int = 1000) -> Viewport:
    """Lines that say their addresses, the last one without an end."""
    return viewport_of("\n".join(f"line {number}" for number in range(count)), scrollback=scrollback)
