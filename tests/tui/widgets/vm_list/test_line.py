"""A line of the list: every cell as wide as its column, whatever is in it."""

import pytest
from rich.style import Style

from podplane_tui.tui.widgets.vm_list.line import column_at, header, line, width_of
from podplane_tui.tui.widgets.vm_list.row import BAR, Cell, Column

COLUMNS = (Column("name", "NAME", None, right=False), Column("cpu", "CPU", 6, right=True))
WIDTHS = (8, 6)
BASE = Style(bgcolor="blue")


def style_of(words: str) -> Style:
    return {"": Style(), BAR: Style(italic=True), "loud": Style(bold=True)}[words]


@pytest.mark.parametrize(
    ("name", "cpu", "shown"),
    [
        (Cell("alpha"), Cell("3"), " alpha          3 "),
        (Cell("alphabetic"), Cell("1234567"), " alphabet  123456 "),
        (Cell(""), Cell(""), " " * 18),
        (Cell("漢字漢字漢"), Cell("9"), " 漢字漢字       9 "),
        (Cell("漢字x漢字"), Cell("9"), " 漢字x漢        9 "),
        (Cell("a"), Cell("50", bar="▄▄"), " a           50▄▄ "),
    ],
)
def test_cells_fill_their_columns_and_no_more(name: Cell, cpu: Cell, shown: str) -> None:
    strip = line({"name": name, "cpu": cpu}, COLUMNS, WIDTHS, BASE, style_of)
    assert strip.text == shown
    assert strip.cell_length == width_of(COLUMNS, WIDTHS) == 18


def test_styles_lie_over_that_of_the_line_which_has_the_gaps() -> None:
    strip = line({"name": Cell("a", "loud"), "cpu": Cell("5", bar="▄")}, COLUMNS, WIDTHS, BASE, style_of)
    looks = {text.strip(): style for text, style, _ in strip if style is not None}
    assert all(style.bgcolor == BASE.bgcolor for style in looks.values())
    assert looks["a"].bold
    assert not looks["5"].bold
    assert looks["▄"].italic


def test_the_names_of_columns_stand_where_their_cells_do() -> None:
    strip = header(COLUMNS, WIDTHS, ["NAME", "CPU▼"], BASE)
    assert strip.text == " NAME        CPU▼ "
    assert strip.cell_length == width_of(COLUMNS, WIDTHS)


@pytest.mark.parametrize(("x", "number"), [(0, 0), (9, 0), (10, 1), (17, 1), (18, None), (500, None)])
def test_a_cell_belongs_to_the_column_around_it(x: int, number: int | None) -> None:
    assert column_at(x, WIDTHS) == number


def test_without_columns_nothing_is_anywhere() -> None:
    assert column_at(0, ()) is None
    assert width_of((), ()) == 0
