"""What passes the guard of a terminal's stacks."""

from __future__ import annotations

import pytest

from podplane_tui.backend.console.stack_guard import StackGuard


def passed(data: bytes, size: int) -> bytes:
    guard = StackGuard()
    return b"".join(guard.feed(data[place : place + size]) for place in range(0, len(data), size)) + guard.end()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "operation",
    [
        *(b"22t", b"23t", b"22;0t", b"23;2;1t", b"0022;t", b"#P", b"#Q", b"3#Q", b"1;2#P", b"22;0;0t", b'61"p', b"+p"),
        *(b"2\x003;0t", b"23\x7ft", b"\x0022;0t", b"2\x803;0t", b"2\xe2\x80\xa63t", b"65559t", b"5\xc2\x9b23t"),
        b"0" * 900 + b"23t",
        *(b"?3h", b"?3l", b"?40h", b"?0003h", b"?3;40h", b"?\x003h", b"?3r", b"?65539h", b"132$|", b"$|"),
    ],
)
def test_the_stacks_are_left_alone(operation: bytes, size: int) -> None:
    assert passed(b"a\x1b[" + operation + b"b", size).translate(None, b"\0") == b"a\x18b"


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize("data", [b"a\x1b\x00[23tb", b"a\xc2\x9b23tb", b"a\x1b\x80[23tb", b"a\x1b\x1b[23tb"])
def test_no_introducer_gets_by(data: bytes, size: int) -> None:
    assert b"23t" not in passed(data, size).translate(None, b"\0\x80")


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_8_bit_controls_count_once_they_are_switched_on(size: int) -> None:
    assert passed("ś23t".encode()[:-1] + b"\x9b23t", size) == "ś23".encode() + b"\x9b23t"
    assert passed(b"\x1b%@\xe4\x9b23tb", size) == b"\x1b%@\xe4\x18b"


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"a\x1b[?7;3;25hb", b"a\x18\x1b[?7;25hb"),
        (b"a\x1b[?3;1049l\x1b[?3hb", b"a\x18\x1b[?1049l\x18b"),
        (b"a\x1b[?7;\n40;25hb", b"a\n\x18\x1b[?7;25hb"),
        (b"\x1b%@a\x9b?3;7hb", b"\x1b%@a\x18\x1b[?7hb"),
    ],
)
def test_the_number_of_columns_stays_and_other_modes_are_set(data: bytes, shown: bytes, size: int) -> None:
    assert passed(data, size) == shown


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("prefix", [b"\x1b]", b"\x1b\x7f]", b"\x1b]\xc3\xa9"])
def test_the_palette_of_the_linux_console_is_left_alone(prefix: bytes, size: int) -> None:
    assert passed(b"a" + prefix + b"Rb\x07", size) == b"a\x18b\x07"
    assert passed(b"a" + prefix + b"P1fF0000red", size) == b"a\x18red"
    assert passed(b"a" + prefix + b"P1fF\n0000b", size) == b"a\n\x18b"
    assert passed(b"a" + prefix + b"P1f" + prefix + b"Rzz", size) == b"a\x18\x18zz"
    assert passed(b"a" + prefix + b"P1f\x1b[23tzz", size) == b"a\x18\x18zz"


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_what_is_left_out_joins_nothing(size: int) -> None:
    assert passed(b"\x1b[2\x1b[23t3;0t", size) == b"\x1b[2\x183;0t"


def test_what_a_terminal_executes_is_kept() -> None:
    assert passed(b"\x1b[2\r\n3t", 1) == b"\r\n\x18"


@pytest.mark.parametrize("begin", [b"\x1b[", b"\x1b]", b"\x1b", b"\x1b\x80"])
@pytest.mark.parametrize("filler", [b"0", b"\0", "…".encode()])
def test_a_sequence_without_end_is_ended_and_not_kept(begin: bytes, filler: bytes) -> None:
    guard = StackGuard()
    shown = b"".join(guard.feed(piece) for piece in [begin, *[filler * 100] * 100, b"23t"])
    assert shown.replace(b"\x18", b"") == begin + filler * 10_000 + b"23t"
    assert b"\x18" in shown[:1400] or (filler == b"0" and begin[-1:] not in {b"[", b"]"})  # ended by its first 0
    assert guard.end() == b""


@pytest.mark.parametrize("data", [b"\xe2\x80\x9d4;", "ś 1".encode(), b"text"])
def test_text_is_neither_held_nor_taken_for_a_control(data: bytes) -> None:
    guard = StackGuard()
    assert guard.feed(data) == data
    assert not guard.colours_changed


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)),
        b"\x1b[21t\x1b[24t\x1b[122t\x1b[#8\x1b#8\x1b[P",
        b"\x1b[31;22mx\x1b[23H\x1b[3h\x1b[40l\x1b[2;3r\x1b[?30h\x1b[?43l\x1b[?1003;1006h\x1b[?|\x1b[3|",
        b"half \x1b]P12",
        b"\x1b]0;P12\x07\x1b]10;R\x07\x1b]2;PR\x07\x1bP1\x1b\\R",
        b"\x1b]2;title\x07",
        b"half \x1b[22",
        b"half \x1b",
        b"\x1b[" + b"1;" * 100 + b"m",
    ],
)
def test_all_else_passes_unchanged(data: bytes, size: int) -> None:
    assert passed(data, size) == data


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(
    ("data", "changed"),
    [
        (b"\x1b]4;1;red\x07", True),
        (b"\x1b]11;#fff\x07", True),
        (b"\x1b]5;0;red\x07", True),
        (b"\x1b]04;1;#123456\x07", True),
        (b"\x1b]011;#123456\x07", True),
        (b"\x1b]1\x001;#123456\x07", True),
        (b"\x1b\x00]4;1;red\x07", True),
        (b"\x1b]P1123456", False),
        (b"\xc2\x9d4;1;red\x07", True),
        (b"\x1b]2;4;1\x07", False),
        (b"\x1b]112\x07", False),
        (b"\x1b[4;11m", False),
    ],
)
def test_it_knows_whether_colours_were_set(data: bytes, size: int, *, changed: bool) -> None:
    guard = StackGuard()
    for place in range(0, len(data), size):
        guard.feed(data[place : place + size])
    assert guard.colours_changed is changed
