"""What a guest says beside its text, its bell and its title: limited to what users can bear and widgets can show."""

import re

from podplane_tui.terminal import Terminal

BELL_INTERVAL = 1.0
"""Seconds between two bells."""
TITLE_LENGTH = 200

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Notices:
    """What is new of bell and title since the last call."""

    def __init__(self, terminal: Terminal) -> None:
        self._bell_count = terminal.bell_count
        self._last_bell = 0.0
        self._title = ""

    def restart(self, terminal: Terminal) -> None:
        """Watch another terminal: the bells it has rung so far were not for us."""
        self._bell_count = terminal.bell_count

    def bell(self, terminal: Terminal, now: float) -> bool:
        """Whether a bell has rung, and none in the interval before ``now`` (seconds of the monotonic clock)."""
        if terminal.bell_count == self._bell_count:
            return False
        self._bell_count = terminal.bell_count
        if now - self._last_bell < BELL_INTERVAL:
            return False
        self._last_bell = now
        return True

    def title(self, terminal: Terminal) -> str | None:
        """A new title, without control characters and cut to `TITLE_LENGTH`; None while it is the old one."""
        if terminal.title == self._title:
            return None
        self._title = terminal.title
        return _CONTROLS.sub("", self._title)[:TITLE_LENGTH]
