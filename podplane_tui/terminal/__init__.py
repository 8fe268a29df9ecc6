"""The terminal emulator core, built on pyte.

What lives here: bytes to screen rows, keys and mouse to bytes. What may not: Textual, Rich, sockets, processes.
"""

from podplane_tui.terminal.buffer.row import Row, Run
from podplane_tui.terminal.buffer.search import Match
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, Style
from podplane_tui.terminal.parser.stream import Stream
from podplane_tui.terminal.screen.screen import Screen
from podplane_tui.terminal.state import Cursor, Modes
from podplane_tui.terminal.terminal import Terminal

__all__ = ["DEFAULT_STYLE", "Cursor", "Match", "Modes", "Row", "Run", "Screen", "Stream", "Style", "Terminal"]
