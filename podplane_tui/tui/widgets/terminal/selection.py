"""What the mouse selects of a terminal's text, and how Textual keeps it: as offsets of columns and line addresses."""

from textual.geometry import Offset
from textual.selection import Selection

from podplane_tui.tui.widgets.terminal.viewport import Position, Viewport

Range = tuple[Position, Position]
"""The first position, and the one after the last."""


def dragged(anchor: Position, position: Position) -> Range:
    """What lies between two cells, both included, whichever comes first."""
    start, (line, column) = sorted((anchor, position))
    return start, (line, column + 1)


def clicked(viewport: Viewport, position: Position, *, times: int) -> Range | None:
    """The word that a double click takes, the line that a triple click takes, nothing for others."""
    match times:
        case 2:
            return viewport.word(position)
        case 3:
            return viewport.paragraph(position[0])
        case _:
            return None


def to_textual(selected: Range) -> Selection:
    """The range as Textual keeps it."""
    (first, start), (last, end) = selected
    return Selection(Offset(start, first), Offset(end, last))


def from_textual(selection: Selection, viewport: Viewport) -> Range:
    """The range of a selection; a side that is open goes as far as the text is kept."""
    start = (selection.start.y, selection.start.x) if selection.start is not None else (viewport.oldest, 0)
    end = (selection.end.y, selection.end.x) if selection.end is not None else (viewport.end, 0)
    return start, end
