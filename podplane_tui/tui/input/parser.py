"""Textual's events for terminal input: `splitter` says what belongs together, Textual's own parser what it means."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from time import monotonic

from textual import constants, events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._keyboard_protocol import FUNCTIONAL_KEYS
from textual._xterm_parser import XTermParser
from textual.message import Message

from podplane_tui.tui.input.splitter import ESC, ESCAPE_PATIENCE, Pasted, Sequence, Splitter, Text

_NUMBER = re.compile(r"\d+")
_NUMBERED_KEY = re.compile(r"\x1b\[(\d*)[\d:;]*([~A-FHP-S])")
_CURSOR_POSITION = re.compile(r"\x1b\[\d+;\d+R")
_DIGITS = 8
"""More than any code point has."""
_TEXTUALS_PATIENCE = 0.1
"""Seconds, where the environment does not say otherwise."""


class InputParser(XTermParser):
    """Takes bytes rather than text. Events bear the time at which the last of their bytes came."""

    def __init__(self, *, debug: bool = False) -> None:
        super().__init__(debug=debug)
        # Textual's own patience is shorter; whoever sets ESCDELAY to another one knows their line.
        given = constants.ESCAPE_DELAY
        patience = ESCAPE_PATIENCE if given == _TEXTUALS_PATIENCE else given
        self._splitter = Splitter(ANSI_SEQUENCES_KEYS, escape_patience=patience)
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._came_at = 0.0

    def wait(self, longest: float) -> float:
        """Seconds to wait for input before `due_messages`, at most `longest`."""
        due = self._splitter.due
        return longest if due is None else min(longest, max(0.0, due - monotonic()))

    def messages(self, data: bytes) -> Iterator[Message]:
        """What has come means this."""
        now = monotonic()
        tokens = self._splitter.tick(now)
        yield from self._messages(tokens)
        self._came_at = now
        yield from self._messages(self._splitter.feed(self._decode(data), now))

    def due_messages(self) -> Iterator[Message]:
        """What silence has made of what came before."""
        yield from self._messages(self._splitter.tick(monotonic()))

    def _messages(self, tokens: Iterable[Text | Sequence | Pasted]) -> Iterator[Message]:
        for token in tokens:
            for message in self._meaning(token):
                message.time = self._came_at
                yield message

    def _meaning(self, token: Text | Sequence | Pasted) -> Iterable[Message]:
        match token:
            case Text(text):
                return self.feed(text)
            case Pasted(text):
                from podplane_tui.terminal.input import clean_paste  # noqa: PLC0415 - the first frame needs none of it

                return (events.Paste(clean_paste(text)),)
            case Sequence(text) if text == ESC:
                return (events.Key("escape", ESC),)
            case Sequence(text) if len(text) == 2 and text not in ANSI_SEQUENCES_KEYS:
                return self._sequence_to_key_events(text[1], alt=True)
            case Sequence(text):
                return self._known(text)

    def _known(self, sequence: str) -> list[Message]:
        """What Textual takes the whole sequence for, nothing when it does not know it."""
        if sequence not in ANSI_SEQUENCES_KEYS and not _is_possible(sequence):
            return []
        try:
            found = [*self.feed(sequence[:-1])]
            early = not self._within_sequence
            found += self.feed(sequence[-1])
        except ValueError:  # a number where Textual expects another form
            found, early = [], True
        if early or self._within_sequence:
            self._begin_again()
            return []
        return found

    @property
    def _within_sequence(self) -> bool:
        return self._awaiting.timeout is not None

    def _begin_again(self) -> None:
        """Forget what was fed, as a parser that is new."""
        self._tokens.clear()
        self._timeout_time = None
        self._gen = self.parse(self._tokens.append)
        self._awaiting = next(self._gen)


def _is_possible(sequence: str) -> bool:
    """Whether Textual does not take it for the character that a number in it happens to be the code point of.

    It has no look at whether there is such a key, nor at whether there is such a character.
    """
    key = _NUMBERED_KEY.fullmatch(sequence)
    if key is not None and not _CURSOR_POSITION.fullmatch(sequence) and f"{key[1] or 1}{key[2]}" not in FUNCTIONAL_KEYS:
        return False
    numbers = [digits if len(digits) < _DIGITS else "" for digits in _NUMBER.findall(sequence)]
    return all(digits and (int(digits) < 0xD800 or 0xDFFF < int(digits) <= 0x10FFFF) for digits in numbers)
