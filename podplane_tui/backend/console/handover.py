"""When a console is handed over to whoever asks for it: not while its holder types. Pure; times in seconds."""

from __future__ import annotations

from typing import NamedTuple

from podplane_tui.backend.console.claim import IDLE, LOOK_INTERVAL

_ASKED = b"\x18\r\n[%s asks for this console: Ctrl-] hands it over]\r\n"


class Answer(NamedTuple):
    """What to do about somebody who asks: hand the console over, or show its holder `note`, b"" for nothing."""

    hand_over: bool = False
    note: bytes = b""


class Handover:
    """Decides for one attachment, which begins at `now`."""

    def __init__(self, now: float) -> None:
        self._last_key = now
        self._looked = float("-inf")
        self._told = ""

    def typed(self, now: float) -> None:
        """The holder has typed."""
        self._last_key = now

    def is_due(self, now: float) -> bool:
        """Whether it is time to see who asks."""
        return now - self._looked >= LOOK_INTERVAL

    def answer(self, who: str, now: float) -> Answer:
        """What to do when `who` asks, "" for nobody. The holder is told of each once, for as long as they ask."""
        self._looked = now
        if who and now - self._last_key >= IDLE:
            return Answer(hand_over=True)
        told, self._told = self._told, who
        return Answer(note=b"" if who in {"", told} else _ASKED % who.encode())
