"""The bell and the title of a guest, limited."""

import pytest

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.terminal.notices import BELL_INTERVAL, TITLE_LENGTH, Notices


def test_bells_ring_once_in_the_interval_and_those_between_are_not_made_up_for() -> None:
    terminal = Terminal(20, 4)
    notices = Notices(terminal)
    assert not notices.bell(terminal, 100.0)
    terminal.feed(b"\x07" * 10)
    assert notices.bell(terminal, 100.0)
    assert not notices.bell(terminal, 200.0)
    terminal.feed(b"\x07")
    assert notices.bell(terminal, 200.0)
    terminal.feed(b"\x07")
    assert not notices.bell(terminal, 200.0 + BELL_INTERVAL / 2)
    assert not notices.bell(terminal, 300.0)
    terminal.feed(b"\x07")
    assert notices.bell(terminal, 300.0)
    terminal.feed(b"\x07")
    assert notices.bell(terminal, 300.0 + BELL_INTERVAL)


def test_bells_before_somebody_watches_are_not_rung() -> None:
    terminal, other = Terminal(20, 4), Terminal(20, 4)
    terminal.feed(b"\x07")
    notices = Notices(terminal)
    assert not notices.bell(terminal, 100.0)
    other.feed(b"\x07" * 5)
    notices.restart(other)
    assert not notices.bell(other, 200.0)
    other.feed(b"\x07")
    assert notices.bell(other, 200.0)


@pytest.mark.parametrize(
    ("sent", "title"),
    [
        ("a title", "a title"),
        ("a \x01[red]title", "a [red]title"),
        ("x" * 1000, "x" * TITLE_LENGTH),
    ],
)
def test_a_title_is_fit_to_be_shown(sent: str, title: str) -> None:
    terminal = Terminal(20, 4)
    notices = Notices(terminal)
    terminal.feed(f"\x1b]2;{sent}\x07".encode())
    assert notices.title(terminal) == title


def test_a_title_is_told_when_it_changes() -> None:
    terminal = Terminal(20, 4)
    notices = Notices(terminal)
    assert notices.title(terminal) is None
    terminal.feed(b"\x1b]2;one\x07")
    assert notices.title(terminal) == "one"
    assert notices.title(terminal) is None
    terminal.feed(b"\x1b]2;two\x07")
    assert notices.title(terminal) == "two"
    other = Terminal(20, 4)
    notices.restart(other)
    assert notices.title(other) == ""
