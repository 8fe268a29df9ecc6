"""From rows of the list to lines on the screen, each painted once and kept until something about it changes."""

from collections.abc import Callable, Iterable
from typing import Literal

from rich.style import Style
from textual.strip import Strip
from textual.style import Style as VisualStyle

from podplane_tui.tui.widgets.vm_list import line
from podplane_tui.tui.widgets.vm_list.order import Sorting
from podplane_tui.tui.widgets.vm_list.row import Row
from podplane_tui.tui.widgets.vm_list.rows import Layout

Part = Literal["", "header", "cursor", "hover"]
"""What has a style of its own; without a name, the list itself."""


class Painter:
    """Paints the lines of a list. `style_of` knows the whole style of each part, its background on the list's."""

    def __init__(self, style_of: Callable[[Part], Style]) -> None:
        self._style_of = style_of
        self._lines: dict[str, Strip] = {}
        """Painted lines by key; what is not as it was when its line was painted is taken out."""
        self._styles: dict[Part, Style] = {}
        self._text_styles: dict[str, Style] = {}

    def restyle(self) -> None:
        """Another theme, the focus, a class: every colour may be another."""
        self._styles.clear()
        self._text_styles.clear()
        self._lines.clear()

    def forget_all(self) -> None:
        """Paint every line again when it is next asked for."""
        self._lines.clear()

    def forget(self, keys: Iterable[str]) -> list[str]:
        """Paint these lines again when they are next asked for; returns those that had been painted."""
        return [key for key in keys if self._lines.pop(key, None) is not None]

    def header(self, layout: Layout, sorting: Sorting) -> Strip:
        """The line of the columns' names, with an arrow at the one that rows are sorted by."""
        arrow = "▼" if sorting.descending else "▲"
        labels = [column.label + (arrow if column.key == sorting.column else "") for column in layout.columns]
        return line.header(layout.columns, layout.widths, labels, self.style("header"))

    def kept(self, key: str) -> Strip | None:
        """The line as it was painted last; None when it is to be painted."""
        return self._lines.get(key)

    def line(self, key: str, row: Row, layout: Layout, *, part: Part) -> Strip:
        """Paint the line of one row, and keep it until its key is forgotten."""
        strip = line.line(row, layout.columns, layout.widths, self.ground(part), self._text_style)
        self._lines[key] = strip
        return strip

    def ground(self, part: Part) -> Style:
        """The style of a row's cells: that of the part on that of the list."""
        return self.style("") + self.style(part) if part else self.style("")

    def style(self, part: Part) -> Style:
        """The style of a part."""
        if part not in self._styles:
            self._styles[part] = self._style_of(part)
        return self._styles[part]

    def _text_style(self, words: str) -> Style:
        """What is said about text, "" nothing: the row has the background."""
        if words not in self._text_styles:
            style = VisualStyle.parse(words) if words else VisualStyle.null()
            colour = style.foreground.rich_color if style.foreground is not None else None
            self._text_styles[words] = Style(color=colour, bold=style.bold)
        return self._text_styles[words]
