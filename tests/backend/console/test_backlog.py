"""What a slow terminal is shown."""

from __future__ import annotations

import select

from podplane_tui.backend.console.backlog import MAX_BACKLOG, Backlog


def shown(backlog: Backlog, step: int = 1000) -> bytes:
    """All of it, taken in steps."""
    taken = b""
    while backlog:
        piece = backlog.head()[:step]
        backlog.remove(len(piece))
        taken += piece
    return taken


def test_nothing_is_nothing() -> None:
    backlog = Backlog()
    assert not backlog
    backlog.add(b"")
    assert not backlog
    assert backlog.head() == b""


def test_bytes_come_out_in_order_whatever_is_taken_at_once() -> None:
    for step in (1, 7, 10_000):
        backlog = Backlog()
        for piece in (b"one ", b"two ", b"three"):
            backlog.add(piece)
        assert shown(backlog, step) == b"one two three"


def test_the_head_is_so_short_that_a_write_of_it_does_not_block() -> None:
    backlog = Backlog()
    backlog.add(b"x" * (3 * select.PIPE_BUF))
    assert backlog.head() == b"x" * select.PIPE_BUF


def test_what_is_too_much_gives_way_to_a_note_that_says_how_much() -> None:
    backlog = Backlog()
    backlog.add(b"a" * MAX_BACKLOG)
    assert shown(backlog, 2**20) == b"a" * MAX_BACKLOG  # as much as that is kept
    backlog.add(b"a" * MAX_BACKLOG)
    backlog.add(b"b" * 100)
    kept, gone = MAX_BACKLOG // 2, MAX_BACKLOG // 2 + 100
    text = shown(backlog)
    note, tail = text[: -kept - 1], text[-kept:]
    assert b"[%d bytes not shown" % gone in note
    assert tail == b"a" * (kept - 100) + b"b" * 100


def test_a_note_that_is_half_shown_is_shown_to_its_end_and_what_goes_meanwhile_gets_another() -> None:
    backlog = Backlog()
    backlog.add(b"a" * (MAX_BACKLOG + 1))
    backlog.remove(len(backlog.head()[:5]))
    backlog.add(b"b" * MAX_BACKLOG)
    text = shown(backlog)
    assert text.count(b"bytes not shown") == 2
    assert text.endswith(b"b" * (MAX_BACKLOG // 2))
