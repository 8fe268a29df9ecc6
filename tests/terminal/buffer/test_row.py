"""One line of cells, written in order and out of order."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import DEFAULT_STYLE, Row, Style
from tests.terminal.support import fed


@pytest.mark.parametrize(
    "edit",
    ["\x1b[1;2HX", "\x1b[1;2H\x1b[K", "\x1b[1;2H\x1b[@", "\x1b[1;2H\x1b[P", "\x1b[1;2H\x1b[X", "\x1b[1;4He\u0301"],
)
def test_every_edit_is_a_new_version(edit: str) -> None:
    terminal = fed("\x1b[31mabc漢")
    row = terminal.rows[0]
    row.cache = "painted"
    version = row.version
    terminal.feed(edit.encode())
    assert terminal.rows[0] is row
    assert row.version != version
    assert row.cache is None


RED = Style(foreground=1)
BLUE = Style(background=4)


def characters(row: Row) -> list[str]:
    """The stored cells, after a look at whether the row is in order."""
    chars = [char for char, _ in row.cells()]
    assert row.length == len(chars)
    assert row.full_text() == "".join(chars) == "".join(text for text, _ in row.runs())
    return chars


def wide_row() -> Row:
    row = Row()
    row.put_wide(0, "漢字", DEFAULT_STYLE)
    row.put(4, "ab", DEFAULT_STYLE)
    return row


def test_text_in_one_style_is_one_run() -> None:
    row = Row("ab")
    row.put(2, "c", DEFAULT_STYLE)
    row.put(3, "d", RED)
    row.put(4, "e", RED)
    assert row.runs() == [("abc", DEFAULT_STYLE), ("de", RED)]
    row.put(1, "X", RED)
    assert row.runs() == [("a", DEFAULT_STYLE), ("X", RED), ("c", DEFAULT_STYLE), ("de", RED)]


def test_a_gap_is_blank_in_the_default_style() -> None:
    row = Row()
    row.put(3, "x", RED)
    assert row.runs() == [("   ", DEFAULT_STYLE), ("x", RED)]
    row.put(0, "y", RED)  # from now on by cells
    row.put(6, "z", RED)
    assert row.runs()[-2:] == [("  ", DEFAULT_STYLE), ("z", RED)]


def test_a_line_written_over_is_as_new() -> None:
    row = wide_row()
    row.put(0, "0123456", RED)
    assert row.runs() == [("0123456", RED)]
    assert characters(row) == list("0123456")


@pytest.mark.parametrize(
    ("start", "text", "cells"),
    [
        (0, "X", ["X", " ", "字", "", "a", "b"]),
        (1, "X", [" ", "X", "字", "", "a", "b"]),
        (1, "XY", [" ", "X", "Y", " ", "a", "b"]),
        (3, "XY", ["漢", "", " ", "X", "Y", "b"]),
        (2, "XY", ["漢", "", "X", "Y", "a", "b"]),
    ],
)
def test_half_of_a_wide_character_becomes_a_blank(start: int, text: str, cells: list[str]) -> None:
    row = wide_row()
    row.put(start, text, DEFAULT_STYLE)
    assert characters(row) == cells


def test_a_wide_character_over_two_halves_leaves_blanks() -> None:
    row = wide_row()
    row.put_wide(1, "語", RED)
    assert characters(row) == [" ", "語", "", " ", "a", "b"]


@pytest.mark.parametrize(("length", "cells"), [(0, []), (1, [" "]), (2, ["漢", ""]), (3, ["漢", "", " "]), (9, None)])
def test_truncating_does_not_leave_a_half(length: int, cells: list[str] | None) -> None:
    row = wide_row()
    row.truncate(length)
    assert characters(row) == (["漢", "", "字", "", "a", "b"] if cells is None else cells)


def test_truncating_pieces_keeps_their_styles() -> None:
    row = Row("abc")
    row.put(3, "def", RED)
    row.truncate(4)
    assert row.runs() == [("abc", DEFAULT_STYLE), ("d", RED)]
    row.truncate(2)
    assert row.runs() == [("ab", DEFAULT_STYLE)]


def test_truncating_what_is_not_there_is_no_change() -> None:
    row = Row("abc")
    row.cache = "painted"
    row.truncate(3)
    assert (row.version, row.cache) == (0, "painted")


def test_inserting_pushes_out_at_the_margin_and_leaves_what_is_right_of_it() -> None:
    row = Row("0123456789")
    row.insert(2, 3, 7, BLUE)
    assert row.runs() == [("01", DEFAULT_STYLE), ("   ", BLUE), ("23789", DEFAULT_STYLE)]
    row.insert(2, 99, 7, BLUE)
    assert row.text == "01     789"


def test_deleting_brings_in_blanks_at_the_margin() -> None:
    row = Row("0123456789")
    row.delete(2, 3, 7, BLUE)
    assert row.runs() == [("0156", DEFAULT_STYLE), ("   ", BLUE), ("789", DEFAULT_STYLE)]
    row.delete(2, 99, 7, DEFAULT_STYLE)
    assert row.text == "01     789"


def test_inserting_and_deleting_behind_the_text_changes_nothing() -> None:
    row = Row("ab")
    row.insert(5, 2, 10, DEFAULT_STYLE)
    row.delete(5, 2, 10, DEFAULT_STYLE)
    assert (row.text, row.length, row.version) == ("ab", 2, 0)


def test_wide_characters_cut_by_inserting_or_deleting_become_blanks() -> None:
    row = wide_row()
    row.insert(1, 1, 4, DEFAULT_STYLE)
    assert characters(row) == [" ", " ", " ", " ", "a", "b"]
    row = wide_row()
    row.delete(1, 1, 6, DEFAULT_STYLE)
    assert characters(row) == [" ", "字", "", "a", "b"]


@pytest.mark.parametrize("marks_at_once", [1, 3, 40])
def test_a_cell_holds_only_so_many_marks(marks_at_once: int) -> None:
    for row in (Row("ab"), wide_row()):
        for _ in range(10):
            row.combine(row.length - 1, "\u0301" * marks_at_once, limit=5)
            row.combine(0, "\u0302" * marks_at_once, limit=5)
        cells = characters(row)
        assert cells[-1] == "b" + "\u0301" * 4
        assert cells[0][1:] == "\u0302" * 4


def test_a_mark_on_the_second_half_belongs_to_the_wide_character() -> None:
    row = wide_row()
    row.combine(3, "\u0301", limit=5)
    assert characters(row) == ["漢", "", "字\u0301", "", "a", "b"]


def test_copied_halves_are_blanks() -> None:
    row = wide_row()
    assert row.copy(1, 3).chars == [" ", " "]
    assert row.copy(0, 4).chars == ["漢", "", "字", ""]
    assert row.copy(5, 8) == (["b", " ", " "], [DEFAULT_STYLE] * 3, True)


def test_pasting_over_halves_blanks_the_others() -> None:
    row = wide_row()
    row.paste(1, Row("xy").copy(0, 2))
    assert characters(row) == [" ", "x", "y", " ", "a", "b"]
    plain = Row("abcdef")
    plain.paste(1, wide_row().copy(0, 2))
    plain.put(2, "X", DEFAULT_STYLE)
    assert characters(plain) == ["a", " ", "X", "d", "e", "f"]


def test_blanks_at_the_end_are_dropped_unless_the_text_goes_on() -> None:
    row = Row("ab  ")
    row.put(0, "x", RED)
    row.wrapped = True
    row.compact()
    assert row.full_text() == "xb  "
    row.wrapped = False
    row.to_cells()
    row.compact()
    assert row.runs() == [("x", RED), ("b", DEFAULT_STYLE)]
    assert row.length == 2


def test_coloured_blanks_are_kept() -> None:
    row = Row("ab")
    row.fill(2, 5, " ", BLUE)
    row.to_cells()
    row.compact()
    assert row.runs() == [("ab", DEFAULT_STYLE), ("   ", BLUE)]
    assert row.text == "ab"
    row.fill(1, 9, " ", DEFAULT_STYLE)
    assert row.runs() == [("a", DEFAULT_STYLE)]


def test_erasing_spares_what_is_protected() -> None:
    kept = Style(protected=True)
    row = Row("abcdef")
    row.put(2, "X", kept)
    row.put(4, "Y", kept)
    row.erase_unprotected(1, 6, BLUE)
    assert row.runs() == [("a", DEFAULT_STYLE), (" ", BLUE), ("X", kept), (" ", BLUE), ("Y", kept), (" ", BLUE)]
    row.erase_unprotected(0, 8, DEFAULT_STYLE)
    assert row.full_text() == "  X Y"


def test_a_protected_wide_character_stays_whole_at_the_edge() -> None:
    row = Row()
    row.put_wide(0, "漢字", Style(protected=True))
    row.erase_unprotected(1, 3, DEFAULT_STYLE)
    assert characters(row) == ["漢", "", "字", ""]
