"""Resizing: text is kept and re-wrapped, the cursor stays with it."""

from __future__ import annotations

import pytest

from tests.terminal.support import fed, long_log, place, shown

EVERYTHING = ((0, 0), (1 << 20, 0))


@pytest.mark.parametrize("size", [(50, 5), (10, 8), (20, 30), (7, 2), (4, 3), (200, 50), (20, 5)])
def test_text_and_scrollback_survive(size: tuple[int, int]) -> None:
    terminal = long_log()
    before = terminal.text(*EVERYTHING)
    terminal.resize(*size)
    assert (terminal.columns, terminal.lines) == size
    assert terminal.text(*EVERYTHING).rstrip("\n") == before
    terminal.resize(20, 5)
    assert shown(terminal)[-1] == "$ prompt"
    assert place(terminal) == (8, 4)


@pytest.mark.parametrize("lines", [2, 4, 6, 11])
@pytest.mark.parametrize("count", [3, 12, 40])  # some on screen, all on screen and above it, more than are kept
def test_lines_keep_their_addresses_while_the_width_stays(count: int, lines: int) -> None:
    terminal = fed("\r\n".join(f"line {number}" for number in range(count)), 20, 5, scrollback=10)

    def addresses() -> dict[str, int]:
        texts = [row.text for row in (*terminal.scrollback, *terminal.rows)]
        oldest = terminal.scrolled_off - len(terminal.scrollback)
        return {text.rstrip(): oldest + place for place, text in enumerate(texts) if text.strip()}

    before = addresses()
    terminal.resize(20, lines)
    after = addresses()
    assert after
    assert after.items() <= before.items()


def test_narrow_lines_are_joined_when_there_is_room() -> None:
    terminal = long_log()
    terminal.resize(50, 5)
    assert shown(terminal) == [
        *(f"line {number} with a text that is long enough to wrap" for number in range(8, 12)),
        "$ prompt",
    ]
    assert len(terminal.scrollback) == 8


def test_typing_goes_on_where_the_cursor_was() -> None:
    terminal = long_log()
    terminal.resize(9, 4)
    terminal.feed(b"XY")
    assert shown(terminal)[-2:] == ["$ promptX", "Y"]


def test_styles_are_kept() -> None:
    terminal = fed("\x1b[31mred and \x1b[32mgreen", 20, 3)
    terminal.resize(6, 4)
    runs = [(text, style.foreground) for row in terminal.rows for text, style in row.runs()]
    assert runs == [("red an", 1), ("d ", 1), ("gree", 2), ("n", 2)]


def test_wide_characters_are_not_cut() -> None:
    terminal = fed("a漢字漢字", 20, 3)
    terminal.resize(4, 4)
    assert shown(terminal) == ["a漢", "字漢", "字"]
    terminal.resize(20, 3)
    assert shown(terminal) == ["a漢字漢字"]


def test_scrolled_off_counts_on() -> None:
    terminal = long_log()
    assert terminal.scrolled_off == len(terminal.scrollback) == 32
    terminal.resize(50, 5)
    assert terminal.scrolled_off == len(terminal.scrollback)
