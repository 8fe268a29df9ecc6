"""What readers get: changes and text; what a reset keeps."""

from __future__ import annotations

from tests.terminal.support import fed, shown


def test_changed_rows_only() -> None:
    terminal = fed("a\r\nb\r\nc")
    assert terminal.take_changed() is None
    assert terminal.take_changed() == set()
    terminal.feed(b"\x1b[2;5Hx")
    assert terminal.take_changed() == {1}
    terminal.feed(b"\x1b[3;1H")
    assert terminal.take_changed() == set()
    terminal.feed(b"\x1b[?5h")
    assert terminal.take_changed() is None
    terminal.feed(b"\x1b[4;1H\n")
    assert terminal.take_changed() == {0, 1, 2, 3}


def test_text_joins_soft_wraps() -> None:
    terminal = fed("0123456789abc\r\nend   \r\n\r\nlast")
    assert terminal.text((0, 0), (9, 9)) == "0123456789abc\nend\n\nlast"
    assert terminal.text((0, 8), (1, 2)) == "89ab"
    assert terminal.text((2, 1), (2, 2)) == "n"
    assert terminal.text((2, 2), (2, 1)) == ""


def test_text_counts_cells_and_scrollback() -> None:
    terminal = fed("漢字x\r\n" + "\r\n".join("abcde"))
    assert len(terminal.scrollback) == 2
    assert terminal.text((0, 2), (0, 5)) == "字x"
    assert terminal.text((1, 0), (3, 1)) == "a\nb\nc"


def test_reset_keeps_scrollback() -> None:
    terminal = fed("a\r\n" * 20 + "\x1b]2;title\x07\x1b[1")
    terminal.reset()
    terminal.feed(b"x")
    assert shown(terminal) == ["x"]
    assert len(terminal.scrollback) == 17
