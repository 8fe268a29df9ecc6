"""How many cells characters take."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Terminal
from podplane_tui.terminal.buffer.width import (
    CONTROL,
    MAX_CELL_LENGTH,
    NARROW,
    WIDE,
    WORDS,
    ZERO,
    cells_in_line,
    cells_of,
    class_runs,
    run_class,
    width_of,
    word,
)


def test_a_wide_character_with_one_mark_is_still_wide() -> None:
    """As many code points as cells, so counting does not tell it from two narrow characters."""
    for text in ("😀\u200d", "世\u0301"):
        terminal = Terminal(6, 2)
        terminal.feed(f"{text}x".encode())
        assert [cell for cell, _ in terminal.rows[0].cells()] == [text, "", "x"]
        terminal.feed(b"\x1b[1;2H.")
        assert terminal.display[0] == " .x   "


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("ab", ["a", "b"]),
        ("é─", ["é", "─"]),
        ("e\u0301x", ["e\u0301", "x"]),
        ("漢a", ["漢", "", "a"]),
        ("漢\u0301字", ["漢\u0301", "", "字", ""]),
        ("👩\u200d💻", ["👩\u200d", "", "💻", ""]),  # joined or not: the cells of its parts
        ("\u26a0\ufe0f!", ["\u26a0\ufe0f", "!"]),  # the selector changes no width
        ("a\u00adb", ["a", "\u00ad", "b"]),
        ("", []),
    ],
)
def test_marks_share_a_cell_and_wide_characters_take_two(text: str, cells: list[str]) -> None:
    assert list(cells_of(text)) == cells
    assert width_of(text) == cells_in_line(text or " ") - (not text) == len(cells)


def test_runs_are_of_one_class_and_control_characters_come_singly() -> None:
    assert class_runs("ab漢字e\u0301\u0302\x07\x07") == [
        *((NARROW, "ab"), (WIDE, "漢字"), (NARROW, "e"), (ZERO, "\u0301\u0302")),
        *((CONTROL, "\x07"), (CONTROL, "\x07")),
    ]


def test_a_text_of_several_classes_has_none() -> None:
    assert [run_class(text) for text in ("abc", "漢字", "\u0301", "a漢", "漢a")] == [NARROW, WIDE, ZERO, "", ""]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("café", (4, "é", True)),
        ("e\u0301", (1, "e", False)),
        ("世\u0301", (2, "世", False)),
        ("─漢", (3, "漢", False)),
        ("\u0301a", (0, "", False)),
        ("a\x07", (0, "", False)),
        ("─" * (MAX_CELL_LENGTH + 1), (MAX_CELL_LENGTH + 1, "─", True)),
        ("é" + "\u0301" * MAX_CELL_LENGTH, (0, "", False)),
    ],
)
def test_what_is_known_of_a_word(text: str, expected: tuple[int, str, bool]) -> None:
    assert word(text) == expected
    assert word(text) == expected


def test_remembered_words_are_bounded() -> None:
    for number in range(20_000):
        word(f"é{number}")
        if len(WORDS) > 10_000:
            pytest.fail("words are never forgotten")
    assert WORDS["é19999"] == (6, "9", True)


@pytest.mark.parametrize("text", ["\u0301a", "a" + "\u0301" * MAX_CELL_LENGTH])
def test_a_line_with_marks_that_cannot_be_kept_fits_nowhere(text: str) -> None:
    assert cells_in_line(text) > 1_000_000


def test_as_many_marks_as_a_cell_holds_take_no_room() -> None:
    assert cells_in_line("a" + "\u0301" * (MAX_CELL_LENGTH - 1)) == 1
