"""What is put off comes to the same as if it had been done to each row at once."""

from __future__ import annotations

import random

import pytest

from podplane_tui.terminal import DEFAULT_STYLE, Row, Style
from podplane_tui.terminal.buffer.recipe import CLEAR, SET, TOGGLE, Recipe, attributes

BLUE = Style(background=4)
BOLD = Style(bold=True)
PROTECTED = Style(foreground=1, protected=True)


def wide_row() -> Row:
    row = Row("ab")
    row.put_wide(2, "漢", BOLD)
    row.put_wide(4, "字", PROTECTED)
    row.put(6, "c", PROTECTED)
    return row


def looks(row: Row) -> list[tuple[str, Style]]:
    cells = list(row.cells())
    while cells and cells[-1] == (" ", DEFAULT_STYLE):
        cells.pop()
    return cells


@pytest.mark.parametrize("seed", range(300))
def test_what_a_recipe_says_is_what_a_row_does(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    eager, lazy = wide_row(), wide_row()
    recipe = Recipe(8)
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(8)
        end = chance.randint(start + 1, 8)
        style = chance.choice([DEFAULT_STYLE, BLUE])
        kind = chance.randrange(5)
        if kind == 3:
            eager.erase_unprotected(start, end, style)
            recipe.erase_unprotected(start, end, style)
        elif kind == 4:
            width = chance.randint(1, 8 - start)
            target = chance.randint(0, 8 - width)
            eager.paste(target, eager.copy(start, start + width))
            recipe.repeat(start, target, width)
        elif kind == 0:
            char = chance.choice(" x")
            style = chance.choice([style, PROTECTED])
            eager.fill(start, end, char, style)
            recipe.fill(start, end, char, style)
        else:
            count = chance.randint(1, 9)
            (eager.insert if kind == 1 else eager.delete)(start, count, end, style)
            (recipe.insert if kind == 1 else recipe.delete)(start, count, end, style)
    recipe.carry_out(lazy)
    assert looks(lazy) == looks(eager)
    assert len(lazy.chars or []) == len(lazy.styles) == lazy.length


def test_what_is_shifted_apart_stays_apart() -> None:
    row, recipe = wide_row(), Recipe(8)
    recipe.insert(3, 1, 8, DEFAULT_STYLE)
    recipe.delete(3, 1, 8, DEFAULT_STYLE)
    recipe.carry_out(row)
    assert row.full_text() == "ab  字c"


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        ([{"bold": SET}], Style(), Style(bold=True)),
        ([{"bold": SET}, {"bold": TOGGLE}], Style(), Style()),
        ([{"bold": TOGGLE}, {"bold": TOGGLE}], BOLD, BOLD),
        ([{"bold": TOGGLE}, {"reverse": CLEAR}], Style(reverse=True), BOLD),
        (
            [{"blink": TOGGLE}, {"blink": CLEAR}, {"blink": TOGGLE}],
            Style(foreground=1),
            Style(foreground=1, blink=True),
        ),
        ([{"underline": TOGGLE}], Style(underline=3), Style()),
        ([{"underline": TOGGLE}, {"underline": TOGGLE}], Style(underline=3), Style(underline=1)),
        ([{"bold": SET}, {"bold": CLEAR}], Style(underline=3), Style(underline=3)),
    ],
)
def test_changes_of_attributes_add_up(changes: list[dict[str, int]], before: Style, after: Style) -> None:
    row, recipe = Row(), Recipe(3)
    row.put(0, "abc", before)
    for change in changes:
        recipe.restyle(1, 3, attributes(**change))
    recipe.carry_out(row)
    assert [style for _, style in row.cells()] == [before, after, after]


def test_changed_blanks_are_stored_and_what_is_filled_is_not_changed() -> None:
    row, recipe = Row("a"), Recipe(4)
    recipe.restyle(0, 4, attributes(reverse=SET))
    recipe.fill(0, 2, "x", BLUE)
    recipe.fill(3, 4, " ", DEFAULT_STYLE)
    recipe.carry_out(row)
    assert list(row.cells()) == [("x", BLUE), ("x", BLUE), (" ", Style(reverse=True))]


def test_a_copy_goes_its_own_way() -> None:
    first, second = Row("abc"), Row("abc")
    recipe = Recipe(3)
    recipe.fill(0, 1, "x", BLUE)
    other = recipe.copy()
    other.delete(0, 1, 3, DEFAULT_STYLE)
    other.fill(2, 3, "y", BOLD)
    recipe.carry_out(first)
    other.carry_out(second)
    assert (first.full_text(), second.full_text()) == ("xbc", "bcy")


def test_any_number_of_fillings_is_remembered_as_what_is_left_of_them() -> None:
    row, recipe = Row("ab"), Recipe(3)
    for color in range(200):
        recipe.fill(0, 1, "x", Style(foreground=color))
        recipe.fill(2, 3, chr(0x20 + color % 64), BLUE)
    recipe.carry_out(row)
    assert list(row.cells()) == [("x", Style(foreground=199)), ("b", DEFAULT_STYLE), (chr(0x20 + 199 % 64), BLUE)]


def test_shifting_ends_a_wrapped_line() -> None:
    row, recipe = Row("abc"), Recipe(3)
    row.wrapped = True
    recipe.fill(0, 1, "x", BLUE)
    recipe.copy().carry_out(row)
    assert row.wrapped
    recipe.insert(0, 1, 3, DEFAULT_STYLE)
    recipe.carry_out(row)
    assert not row.wrapped
