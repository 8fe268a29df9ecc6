"""What is typed, and the key that detaches."""

from __future__ import annotations

import pytest

from podplane_tui.backend.console.connection import MAX_PENDING
from podplane_tui.backend.console.typed import DETACH, Typed


@pytest.mark.parametrize("keyboard", [False, True])
@pytest.mark.parametrize(
    ("pieces", "pending", "detaches"),
    [
        ([b"ls\r"], b"ls\r", False),
        ([b"a", b"b"], b"ab", False),
        ([DETACH], b"", True),
        ([b"before", b"more\x1dafter"], b"beforemore", True),
        ([b"\x1d\x1d"], b"", True),
        ([b"\x1b[1;5D\x03\x04\x1c\x1e"], b"\x1b[1;5D\x03\x04\x1c\x1e", False),
    ],
)
def test_all_but_one_key_is_for_the_guest(
    pieces: list[bytes], pending: bytes, *, detaches: bool, keyboard: bool
) -> None:
    typed = Typed(bytearray(), keyboard=keyboard)
    assert [typed.feed(piece) for piece in pieces][-1] is detaches
    assert bytes(typed.pending) == pending


def test_a_terminal_that_hangs_up_detaches_and_a_pipe_that_ends_does_not() -> None:
    assert Typed(bytearray(), keyboard=True).feed(b"") is True
    pipe = Typed(bytearray(), keyboard=False)
    assert pipe.wants_more
    assert pipe.feed(b"") is False
    assert not pipe.wants_more


def test_a_keyboard_is_read_however_much_waits_and_a_pipe_waits_itself() -> None:
    for keyboard in (True, False):
        typed = Typed(bytearray(), keyboard=keyboard)
        typed.feed(b"x" * (MAX_PENDING - 1))
        assert typed.wants_more
        typed.feed(b"yz")
        assert typed.wants_more is keyboard
        assert bytes(typed.pending[-2:]) == (b"xy" if keyboard else b"yz")
        del typed.pending[:10]
        assert typed.wants_more


def test_what_the_guest_takes_makes_room() -> None:
    typed = Typed(bytearray(), keyboard=True)
    typed.feed(b"x" * MAX_PENDING)
    typed.feed(b"lost")
    assert typed.lost == 4
    del typed.pending[:4]
    typed.feed(b"kept")
    assert typed.pending.endswith(b"xkept")
    assert typed.lost == 4
