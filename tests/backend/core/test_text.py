"""Other programs' words on one line of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.core.text import one_line


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"plain  words\r\n", "plain  words"),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07bell\x07", r"red bell\x07"),
        (b"a\tb\nc\x0b\x0cd", "a b c d"),
        (b"caf\xc3\xa9 \xff", r"café \xff"),
        ("a\u2028b\u202ec\udcff", r"a b\u202ec\udcff"),
        (b"\x1b", ""),
        (b"\x1b]never ends", ""),
    ],
)
def test_line(raw: bytes | str, line: str) -> None:
    assert one_line(raw) == line


@given(st.one_of(st.binary(), st.text(st.characters())), st.integers(1, 40))
def test_line_is_printable_and_short(raw: bytes | str, limit: int) -> None:
    line = one_line(raw, limit=limit)
    assert line.isprintable()
    assert len(line) <= limit
