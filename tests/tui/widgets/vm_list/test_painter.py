"""Lines of the list: painted once, and in the styles of what they are."""

import pytest
from rich.style import Style
from textual.strip import Strip

from podplane_tui.tui.widgets.vm_list.order import Sorting
from podplane_tui.tui.widgets.vm_list.painter import Painter, Part
from podplane_tui.tui.widgets.vm_list.row import Cell, Column
from podplane_tui.tui.widgets.vm_list.rows import Layout

LAYOUT = Layout((Column("name", "NAME", None, right=False), Column("cpu", "CPU", 6, right=True)), (8, 6))
ROW = {"name": Cell("alpha"), "cpu": Cell("3", "bold #ff0000")}
OTHER = {"name": Cell("beta"), "cpu": Cell("4")}


class Theme:
    """Styles, and how often each was asked for."""

    def __init__(self) -> None:
        self.styles: dict[Part, Style] = {
            "": Style.parse("white on black"),
            "header": Style.parse("bold white on blue"),
            "cursor": Style.parse("on green"),
            "hover": Style.parse("on yellow"),
        }
        self.asked: list[Part] = []

    def style_of(self, part: Part) -> Style:
        self.asked.append(part)
        return self.styles[part]


@pytest.fixture
def theme() -> Theme:
    return Theme()


@pytest.fixture
def painter(theme: Theme) -> Painter:
    return Painter(theme.style_of)


def grounds(strip: Strip) -> set[str]:
    return {style.bgcolor.name for _, style, _ in strip if style is not None and style.bgcolor is not None}


@pytest.mark.parametrize(("part", "ground"), [("", "black"), ("cursor", "green"), ("hover", "yellow")])
def test_a_line_has_the_ground_of_its_part_under_the_styles_of_its_cells(
    painter: Painter, part: Part, ground: str
) -> None:
    strip = painter.line("a", ROW, LAYOUT, part=part)
    assert strip.text == " alpha          3 "
    assert grounds(strip) == {ground}
    [figure] = [style for text, style, _ in strip if text.strip() == "3" and style is not None]
    assert (figure.bold, figure.color and figure.color.name) == (True, "#ff0000")
    assert painter.ground(part).color == painter.style("").color


def test_a_line_is_kept_until_it_is_forgotten(painter: Painter) -> None:
    assert painter.kept("a") is None
    first = painter.line("a", ROW, LAYOUT, part="")
    second = painter.line("b", OTHER, LAYOUT, part="")
    assert painter.kept("a") is first
    assert painter.forget(["a", "c"]) == ["a"]
    assert painter.forget(["a"]) == []
    assert (painter.kept("a"), painter.kept("b")) == (None, second)
    again = painter.line("a", OTHER, LAYOUT, part="cursor")
    assert (again.text.split(), grounds(again)) == (["beta", "4"], {"green"})
    assert painter.kept("a") is again
    painter.forget_all()
    assert (painter.kept("a"), painter.kept("b")) == (None, None)


def test_styles_are_asked_for_once_until_there_are_others(painter: Painter, theme: Theme) -> None:
    for key in "abc":
        painter.line(key, ROW, LAYOUT, part="cursor")
    assert sorted(theme.asked) == ["", "cursor"]
    theme.styles["cursor"] = Style.parse("on magenta")
    assert grounds(painter.line("a", ROW, LAYOUT, part="cursor")) == {"green"}
    painter.restyle()
    assert painter.kept("a") is None
    assert grounds(painter.line("a", ROW, LAYOUT, part="cursor")) == {"magenta"}


@pytest.mark.parametrize(
    ("sorting", "shown"),
    [
        (Sorting("name"), " NAME▲        CPU "),
        (Sorting("cpu", descending=True), " NAME        CPU▼ "),
        (Sorting("ssh"), " NAME         CPU "),
    ],
)
def test_the_header_has_an_arrow_at_the_column_that_sorts(painter: Painter, sorting: Sorting, shown: str) -> None:
    strip = painter.header(LAYOUT, sorting)
    assert strip.text == shown
    assert grounds(strip) == {"blue"}
