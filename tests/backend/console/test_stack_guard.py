"""What passes the guard of a terminal's stacks."""

from __future__ import annotations

import pytest

from podplane_tui.backend.console.stack_guard import StackGuard


def passed(data: bytes, size: int) -> bytes:
    guard = StackGuard()
    return b"".join(guard.feed(data[place : place + size]) for place in range(0, len(data), size)) + guard.end()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "operation", [b"22t", b"23t", b"22;0t", b"23;2;1t", b"0022;t", b"#P", b"#Q", b"3#Q", b"1;2#P", b"22;0;0t"]
)
def test_the_stacks_are_left_alone(operation: bytes, size: int) -> None:
    assert passed(b"a\x1b[" + operation + b"b", size) == b"ab"


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)),
        b"\x1b[21t\x1b[24t\x1b[122t\x1b[#8\x1b#8\x1b[P",
        b"\x1b[31;22mx\x1b[23H",
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
