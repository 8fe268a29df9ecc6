"""The terminal emulator core, built on pyte.

What lives here: bytes to screen rows, keys and mouse to bytes. What may not: Textual, Rich, sockets, processes.
"""

from .modes import Cursor, Modes
from .row import Row, Run
from .screen import Screen
from .search import Match
from .stream import Stream
from .style import DEFAULT_STYLE, Style
from .terminal import Terminal

__all__ = ["DEFAULT_STYLE", "Cursor", "Match", "Modes", "Row", "Run", "Screen", "Stream", "Style", "Terminal"]
