"""The list of details: a line that changes costs no others."""

from typing import Self

from textual.app import App, ComposeResult
from textual.content import Content
from textual.geometry import Region
from textual.widgets.option_list import Option

from podplane_tui.tui.widgets.details.panel import LineList


class RecordingList(LineList):
    """Notes which lines it has Textual repaint."""

    def __init__(self, *lines: str) -> None:
        self.repainted: list[int] = []
        super().__init__(*(Option(Content(line)) for line in lines), compact=True)

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        for region in regions or [Region(0, 0, 20, 3)]:
            self.repainted += region.line_range
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


class ListApp(App[None]):
    """One such list, three lines high."""

    CSS = "LineList { height: 3; width: 20; border: none; padding: 0; }"

    def __init__(self) -> None:
        super().__init__()
        self.lines = RecordingList(*(f"line {number}" for number in range(5)))

    def compose(self) -> ComposeResult:
        yield self.lines

    def shown(self) -> list[str]:
        """The text of the lines in view."""
        return [self.lines.render_line(y).text.rstrip() for y in range(3)]


async def test_only_the_line_that_changed_is_painted_again() -> None:
    app = ListApp()
    async with app.run_test():
        assert app.shown() == ["line 0", "line 1", "line 2"]
        app.lines.repainted.clear()
        app.lines.replace_line(1, Content("another"))
        assert app.shown() == ["line 0", "another", "line 2"]
        assert app.lines.repainted == [1]
        assert str(app.lines.options[1].prompt) == "another"


async def test_a_line_out_of_view_is_painted_when_it_comes_into_view() -> None:
    app = ListApp()
    async with app.run_test() as pilot:
        app.lines.repainted.clear()
        app.lines.replace_line(4, Content("the last"))
        assert app.lines.repainted == []
        app.lines.scroll_end(animate=False)
        await pilot.pause()
        app.lines.replace_line(3, Content("the one before"))
        assert app.shown() == ["line 2", "the one before", "the last"]
        assert app.lines.repainted[-1] == 1


async def test_a_line_that_takes_two_moves_those_below() -> None:
    app = ListApp()
    async with app.run_test():
        app.lines.replace_line(0, Content("much too long for one line"))
        assert app.shown() == ["much too long for", "one line", "line 1"]
        app.lines.replace_line(0, Content("short"))
        assert app.shown() == ["short", "line 1", "line 2"]
