"""Answers wait in a queue that is bounded."""

from __future__ import annotations

import pytest

from podplane_tui.terminal import Terminal
from podplane_tui.terminal.screen.replies import LIMIT, Replies


def test_answers_are_taken_in_order_and_once() -> None:
    replies = Replies()
    replies.add(b"one")
    replies.add(b"two")
    assert replies.take() == b"onetwo"
    assert replies.take() == b""


def test_what_has_no_room_is_dropped_whole() -> None:
    replies = Replies()
    replies.add(b"x" * (LIMIT - 2))
    replies.add(b"abc")
    assert not replies.full
    replies.add(b"ab")
    assert replies.full
    assert replies.take() == b"x" * (LIMIT - 2) + b"ab"
    replies.add(b"next")
    assert replies.take() == b"next"


@pytest.mark.parametrize(
    ("before", "question"),
    [
        pytest.param(b"", b"\x1b[c", id="attributes"),
        pytest.param(b"", b"\x1bP+q" + b"544e;" * 100 + b"\x1b\\", id="capabilities"),
        pytest.param(b"", b"\x1b]4;" + b"1;?;" * 100 + b"\x07", id="colours"),
        pytest.param(b"\x1b]2;" + b"t" * 1000 + b"\x07", b"\x1b[21t", id="title"),
        pytest.param(b"", b"\x1b[;;;;1;1*y", id="checksums"),
    ],
)
def test_a_slice_of_questions_has_a_bounded_answer(before: bytes, question: bytes) -> None:
    terminal = Terminal(200, 50)
    terminal.feed(before)
    one = terminal.feed(question)
    assert one
    answers = terminal.feed(question * (8192 // len(question)))
    assert len(answers) <= LIMIT
    assert answers == (one * 8192)[: len(answers)]
    assert terminal.feed(question) == one
