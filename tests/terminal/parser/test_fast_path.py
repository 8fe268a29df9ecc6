"""Chunks as a whole: the same as their bytes one by one."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Terminal
from tests.terminal.support import fed, fed_byte_by_byte, shown


def state(terminal: Terminal) -> tuple[object, ...]:
    """All that can be seen of a terminal."""
    return (
        [row.runs() for row in terminal.rows],
        [row.wrapped for row in terminal.rows],
        [row.text for row in terminal.scrollback],
        *(terminal.cursor, terminal.modes, terminal.title),
    )


CHUNKS = [
    pytest.param("ab\x1b[1mcd\x1b[me\x1b[31mf\x1b[Hx", id="styles in a row"),
    pytest.param("0123456789\x1b[31mab\r\n\x1b[mc", id="a wrap and a style"),
    pytest.param("01234567\x1b[31m89\x1b[32mX\bY", id="styles at the end of a row"),
    pytest.param("a\x1b[?1049hb\x1b[44m\x1b[2Jc\x1b[?1049ld", id="the alternate screen and back"),
    pytest.param("ab\x1b[4h\x1b[HX\x1b[31mY\r\n\x1b[4lZ", id="insert mode on and off"),
    pytest.param("\x1b[?69h\x1b[3;7sabcdefgh\n\n\n\ni\x1b[?69lj\x1b[Hk", id="side margins on and off"),
    pytest.param("a\x1b(0qx\x1b[1mj\x1b(Bq\x0ex\x0fy", id="character sets"),
    pytest.param("a\n\n\n\n\x1b[44mb\n\nc\x1b[mx", id="scrolling with a background"),
    pytest.param("\x1b[2;3ra\nb\nc\nd\x1b[4;1Hx\n\ny", id="scrolling in margins"),
    pytest.param("a漢\x1b[31m字e\u0301\x1b[1;2Hx\u0301漢漢漢漢漢漢", id="wide characters and marks"),
    pytest.param("é─│x\x1b[1;2H\x1b[31m─\x1b[3C┌\x1b[K", id="narrow characters that are not ASCII"),
    pytest.param("abcdef\x1b[1;4H\x1b[K\x1b[44m\x1b[1;2H\x1b[K\x1b[m\x1b[1;1H\x1b[K", id="erasing to the right"),
    pytest.param('a\x1bVb\x1bW\x1b[1;1H\x1b[K\x1b[1"qc\x1b[0"qd\r\x1b[?K', id="erasing what is protected"),
    pytest.param("ab\x1bVcd\x1bWef\x1b[1;2H\x1b[Kx", id="erasing around what is protected"),
    pytest.param("0123456789\b\bx\x1b[?45h\r\b\by", id="backspaces"),
    pytest.param("0123456789\n\x1b[20hab\ncd\r\r\ne", id="line feeds"),
    pytest.param("\x1b[2;4r\x1b[?6h\x1b[Ha\x1b[2;2Hb\x1b[9;99Hc\x1b[?6l\x1b[Hd", id="origin mode"),
    pytest.param("a\x1b[?25l\x1b[?2004h\x1b[?1hb\x1b[?25h\x1b[?2004lc", id="modes that are flags"),
    pytest.param("a\x1b]2;title\x07b\x1b]2;other\x1b\\c\x1b]2;unfinished", id="titles"),
    pytest.param("a\x1bNb\x1b*0\x1bNqq\x1b[3bx\x1b[2b", id="single shifts and repetition"),
    pytest.param("a\r\n" * 3 + "\x1b[1mb\r\n\x1b[Kc\r\n" * 5 + "d\te\x1b[K\r\n", id="lines and tokens by turns"),
    pytest.param("a\x1b(0xq\x1b[3b\x1b(B\x1b[2b", id="repeated line drawing"),
    pytest.param("a\x1bcb\x1b[!pc\x1b#8\x1b[Hd", id="resets"),
    pytest.param("ab\x1b7\x1b[31m\x1b[3;3Hc\x1b8d\x1bMe\x1bDf\x1bEg", id="saved cursor and indexes"),
    pytest.param("a\x1b[3\x18b\x1b[\x1b[31mc\x1b[…d\x1b", id="broken sequences"),
]


@pytest.mark.slow
@pytest.mark.parametrize("text", CHUNKS)
def test_a_chunk_does_what_its_bytes_do_one_by_one_wherever_it_is_cut(text: str) -> None:
    data = text.encode()
    expected = state(fed_byte_by_byte(text))
    assert state(fed(data)) == expected
    for cut in range(1, len(data)):
        terminal = fed(data[:cut])
        terminal.feed(data[cut:])
        assert state(terminal) == expected


@pytest.mark.parametrize("more", ["c", "\x1b[31mc", "c\x1b[31md\x1b[mé", "漢", "\u0301"])
@pytest.mark.parametrize("before", ["ab", "\x1b[1mab", "ab\x1b[1;1HA\x1b[1;3H"])
def test_text_added_to_a_row_is_a_new_version_of_it(before: str, more: str) -> None:
    terminal = fed(before)
    row = terminal.rows[0]
    row.cache = "painted"
    version = row.version
    terminal.feed(more.encode())
    assert terminal.rows[0] is row
    assert row.version > version
    assert row.cache is None
    assert row.length == len(list(row.cells()))


def test_thousands_of_different_sequences_do_what_they_say() -> None:
    terminal = fed("", 200, 60)
    for line in range(50):
        terminal.feed("".join(f"\x1b[{line + 1};{column + 1}H{column % 10}" for column in range(200)).encode())
    assert shown(terminal) == ["0123456789" * 20] * 50
