"""Short ways to feed a terminal and to look at it."""

from __future__ import annotations

from podplane_tui.terminal import Terminal


def fed(data: str | bytes, columns: int = 10, lines: int = 4, scrollback: int = 100) -> Terminal:
    """A terminal that has been fed `data`."""
    terminal = Terminal(columns, lines, scrollback)
    terminal.feed(data.encode() if isinstance(data, str) else data)
    return terminal


def shown(terminal: Terminal) -> list[str]:
    """The visible lines without trailing blanks, and without blank lines at the end."""
    lines = [line.rstrip() for line in terminal.display]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def place(terminal: Terminal) -> tuple[int, int]:
    """The cursor as `(x, y)`."""
    return terminal.cursor.x, terminal.cursor.y
