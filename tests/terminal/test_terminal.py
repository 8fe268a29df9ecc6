"""What readers get: changes and text; what a reset keeps."""

from __future__ import annotations

from tests.terminal.support import HOSTILE, fed, shown


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


def test_a_restart_leaves_nothing_but_text() -> None:
    terminal, fresh = fed("old\r\n" + HOSTILE + '\x1b[61"p' + "\x1b[?1049hfull screen\x1bP$qr", 20, 6), fed("", 20, 6)
    terminal.restart()
    assert (terminal.modes, terminal.cursor.shape, terminal.cursor.visible) == (fresh.modes, "block", True)
    assert (terminal.title, terminal.icon_name, terminal.palette, terminal.default_colors) == ("", "", {}, {})
    assert shown(terminal) == ["old"]
    for each in (terminal, fresh):
        each.feed(b"qqq\tx\x0eq\x0f\r\n" + b"y" * 21 + b"\x1b[?1048l" + b"\r\n\x1b[23t\x1b]2;6869\x07")
    assert [line for line in shown(terminal) if line][1:] == [line for line in shown(fresh) if line]
    assert terminal.title == "6869"
    asked = ("m", "r", "s", '"p', '"q', "*x", " q")
    queries = "".join(f"\x1bP$q{each}\x1b\\" for each in asked) + "\x1b[?69$p\x1b[?45$p\x1b[?67$p"
    assert terminal.feed(queries.encode()) == fresh.feed(queries.encode())


def test_what_comes_after_a_restart_begins_below_all_text() -> None:
    for data, lines in [
        ("", ["new"]),
        ("a\r\n", ["a", "new"]),
        ("a\r\n\r\nb\x1b[H", ["a", "", "b", "new"]),
        ("a\r\nb\r\nc\r\nd\x1b[2;3r\x1b[H", ["b", "c", "d", "new"]),
    ]:
        terminal = fed(data)
        terminal.restart()
        terminal.feed(b"new")
        assert shown(terminal) == lines
    assert terminal.scrollback[0].text == "a"
