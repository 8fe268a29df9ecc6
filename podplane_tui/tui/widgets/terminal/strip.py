"""A row of the terminal core as a strip that makes escape sequences straight from the row's runs.

Rich segments and styles are what a frame of ever new colours spends most of its time on, and a line that is only sent
to the user's terminal needs none of them.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from textual.strip import Strip

from podplane_tui.terminal.buffer.row import Run


class Renderer(Protocol):
    """What knows the colours: makes both forms of a row's runs, filled up with blanks to the columns."""

    def segments(self, runs: Sequence[Run]) -> list[Segment]:
        """The runs with Rich styles."""

    def sequences(self, runs: Sequence[Run]) -> str:
        """The runs with escape sequences for a terminal of 16 million colours."""


class RowStrip(Strip):
    """A strip of ``columns`` cells that holds runs and becomes segments at the first use that needs them.

    Textual renders strips that are neither cut, filtered nor laid over as they are. For all else this is a strip like
    others: the attributes of the base class stay unset until one of them is asked for.
    """

    __slots__ = ("_renderer", "_runs")

    def __init__(self, renderer: Renderer, runs: Sequence[Run], columns: int) -> None:
        self._renderer = renderer
        self._runs = runs
        self._cell_length = columns
        self._render_cache: str | None = None

    def __getattr__(self, name: str) -> Any:
        if name not in Strip.__slots__:
            raise AttributeError(name)
        super().__init__(self._renderer.segments(self._runs), self._cell_length)
        return object.__getattribute__(self, name)

    def render(self, console: Console) -> str:
        if self._render_cache is None and console._color_system in (None, ColorSystem.TRUECOLOR):
            self._render_cache = self._renderer.sequences(self._runs)
        return super().render(console)

    def divide(self, cuts: Any) -> Sequence[Strip]:
        cuts = list(cuts)
        return [self] if cuts == [self._cell_length] else super().divide(cuts)
