"""Terminal input, split into text, complete escape sequences and pastes. Pure; times in seconds of one clock.

Textual's parser takes what it does not know for keys: the rest of a sequence that was cut, and all that a paste holds
behind an ESC. Here that is dropped. What a human types comes one character a read, after a pause; the rest of a cut
sequence usually comes in one read. Where both are possible:

* A sequence that was begun waits for its end, `SEQUENCE_PATIENCE` from read to read, then it is dropped whole. Its rest
  is still recognised within `JOIN_LIMIT`, in one read of several characters that makes a known sequence.
* A sequence that can't go on (a control character, a character beyond ASCII, punctuation that no terminal sends) is
  dropped with the rest of its read, up to another ESC. What breaks it after `BURST_GAP` was typed, and is a key.
* An ESC alone is the Escape key after `ESCAPE_PATIENCE`, or as soon as something follows that does not belong to it.
  Followed by a character at once, it is Alt with that character; one of `O[]P_` then waits for more, as long as Escape.
* After an ESC alone and `ALT_GAP`, a read of several characters belongs to it if it begins with the rest of a known
  sequence, with parameters, or as a terminal's reply does. Otherwise it was typed: `OK`, `[[`.
* After an ESC alone and `ALT_GAP`, one of `O[]P_` alone is a key, and Escape another, unless the rest follows within
  `INTRODUCER_PATIENCE` (`[`: `ESCAPE_PATIENCE`). That ESC, `O` and `P` come in reads of their own is ambiguous: quicker
  than this it is F1 and slower three keys. So it is with `[`, and with a digit behind `O` or `[`, which is dropped if
  no sequence comes of it. Behind `]P_` a single character after `ALT_GAP` was typed: a reply does not come so.
* Inside a paste nothing is a key. A paste that is not ended is over after `PASTE_PATIENCE` without input. What comes
  then is still part of it if it comes in a burst, or is Enter; another single key is a key, and ends that doubt.
* What stands before the end of a paste in one read is a paste, even if its beginning was lost.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

ESC = "\x1b"
PASTE_START = "\x1b[200~"
PASTE_END = "\x1b[201~"

ESCAPE_PATIENCE = 0.3
"""Seconds the rest of a sequence may take after its ESC."""
SEQUENCE_PATIENCE = 1.0
"""Seconds between two parts of a sequence, the ESC left out."""
PASTE_PATIENCE = 1.0
"""Seconds between two parts of a paste."""
ALT_GAP = 0.1
"""Seconds after which a character that follows ESC was typed by itself."""
BURST_GAP = 0.15
"""Seconds without input after which what came before it came alone."""
INTRODUCER_PATIENCE = 0.24
"""Seconds in which something must follow one of `O]P_` that came by itself after an ESC. Most people are slower."""
JOIN_LIMIT = 1.0
"""Seconds since a sequence was given up after which its rest is no longer recognised."""

_LONGEST = 256
"""Characters of a sequence that are kept; no longer one is known."""

_REPLIES = {"]": "0123456789lLI", "P": "0123456789>!$+", "_": "G"}
"""How the strings begin that terminals send: OSC, DCS and APC. Otherwise the character was typed with Alt."""
_INTRODUCERS = ("O", "[", *_REPLIES)
_C1 = {"\x8f": "O", "\x90": "P", "\x9b": "[", "\x9d": "]", "\x9f": "_"}
"""8-bit introducers, and what follows ESC in their place."""

_TEXT = re.compile(r"[^\x1b\x80-\x9f\ufffd]+")
_CSI = re.compile(r"\x1b\[(?:\[|[0-?]*[ -/]*)")
_SS3 = re.compile(r"\x1bO[0-9;]*")
_X10_MOUSE = re.compile(r"\x1b\[M[^\x1b]{0,3}")
_CSI_IN_ANY_ORDER = re.compile(r"\x1b\[[ -?]*")
_NOISE = re.compile(r"[!\"#%'()*+,./]")
"""What stands in no sequence that a terminal sends."""
_STRING = re.compile(r"\x1b.[^\x07\x1b\x9c]*")
_UP_TO_ANOTHER = re.compile(r"[^\x1b\x8f\x90\x9b\x9d\x9f]*")
_STRING_END = re.compile(r"[\x07\x9c]|\x1b\\")
_LINE_END = re.compile(r"\x1b?[\r\n]|\x1bOM")
"""What is Enter, or with Alt, and stands between the lines of a paste."""
_KEY = re.compile(r"(?s)\x1b(?:\[(?:\[.?|[0-?]*[ -/]*[@-~]?)|O[0-9;]*[@-~]?|[^\[O])?|[^\x1b]")
"""One key, or the beginning of one."""
_REPORTS = re.compile(r"(?:\x1b\[(?:<\d+;-?\d+;-?\d+[Mm]|[IO]))+")
"""Mouse and focus reports."""
_REST = re.compile(
    r"O[0-9;]*[A-DFHMP-S]"
    r"|\[(?:[A-IO-SZ]|\[[A-E]|M[^\x1b]{3}|[0-?][ -?]*[@-~])"
)
"""What makes a whole sequence of an ESC before it."""
_BEGINNING = re.compile(r"O[0-9;]+|\[[0-?][ -?]*")
"""What may still become that, and is not what a human types."""


@dataclass(frozen=True, slots=True)
class Text:
    """Characters, each typed by itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """A complete escape sequence: a key, a report, or something that nobody knows. ESC alone is the Escape key."""

    text: str


@dataclass(frozen=True, slots=True)
class Pasted:
    """A paste, or a part of one, never empty."""

    text: str


Token: TypeAlias = Text | Sequence | Pasted


class _Mode(Enum):
    KEYS = auto()
    PASTE = auto()
    AFTERWARDS = auto()
    """A paste has ended without saying so: what follows may still belong to it."""


class _Found(NamedTuple):
    """What begins with an ESC: where it ends, -1 for not yet, and whether it is complete. Else it is to be dropped."""

    end: int
    complete: bool = False


_PENDING = _Found(-1)


class Splitter:
    """`complete` holds sequences that end where the grammar expects more (as rxvt's with a dollar sign)."""

    def __init__(self, complete: Container[str] = (), *, escape_patience: float = ESCAPE_PATIENCE) -> None:
        self._complete = complete
        self._escape_patience = escape_patience
        self._mode = _Mode.KEYS
        self._held = ""
        """The beginning of a sequence; in a paste, of its end."""
        self._pasted: list[str] = []
        self._doubtful = ""
        """What came after a paste that has not said that it ended."""
        self._by_hand = False
        """What is held, an ESC and then a character alone in its read, may have been typed as two keys."""
        self._given_up = ""
        self._given_up_at = 0.0
        self._at = float("-inf")
        """When the latest input that counts came."""
        self._paused = False
        """Whether the latest input came after a silence: it may have been typed."""

    @property
    def due(self) -> float | None:
        """When `tick` has something to do, unless there is input before."""
        match self._mode:
            case _Mode.PASTE:
                return self._at + PASTE_PATIENCE
            case _Mode.AFTERWARDS:
                return self._at + BURST_GAP if self._doubtful else None
        if not self._held:
            return None
        if self._by_hand:
            longest = ESCAPE_PATIENCE if self._held[1] == "[" else INTRODUCER_PATIENCE
            return self._at + min(longest, self._escape_patience)
        return self._at + (self._escape_patience if len(self._held) <= 2 else SEQUENCE_PATIENCE)

    def tick(self, now: float) -> list[Token]:
        """What silence has made of what came before."""
        tokens: list[Token] = []
        while (due := self.due) is not None and now >= due:
            match self._mode:
                case _Mode.PASTE:
                    self._mode = _Mode.AFTERWARDS
                    tokens += self._take_paste()
                case _Mode.AFTERWARDS:
                    alone, self._doubtful, self._held = self._doubtful, "", ""
                    if _LINE_END.fullmatch(alone):
                        tokens.append(Pasted(alone))
                    else:
                        self._mode = _Mode.KEYS
                        tokens += self._split(alone)
                case _Mode.KEYS:
                    tokens += self._give_up()
                    self._given_up_at = due
        return tokens

    def feed(self, data: str, now: float) -> list[Token]:
        """What this input completes; `now` is when it came."""
        tokens = self.tick(now)
        if not data or (self._mode is _Mode.PASTE and _REPORTS.fullmatch(data)):
            return tokens  # the mouse must not keep a paste open
        gap = now - self._at
        if self._by_hand or (self._held == ESC and self._mode is _Mode.KEYS and gap >= ALT_GAP):
            self._by_hand, belongs = self._belongs(data, gap)
            if not belongs:
                tokens += self._typed()
        elif self._given_up and len(data) > 1 and now - self._given_up_at <= JOIN_LIMIT and self._continues(data):
            self._held = self._given_up
        self._given_up = ""
        self._paused, self._at = gap >= BURST_GAP, now
        return tokens + self._split(data)

    def _split(self, data: str) -> list[Token]:
        tokens: list[Token] = []
        while data:
            match self._mode:
                case _Mode.KEYS:
                    data = self._split_keys(data, tokens)
                case _Mode.PASTE:
                    data = self._split_paste(data, tokens)
                case _Mode.AFTERWARDS:
                    data = self._split_afterwards(data, tokens)
        return tokens

    # Pastes

    def _take_paste(self) -> list[Token]:
        text = "".join(self._pasted)
        self._pasted.clear()
        return [Pasted(text)] if text else []

    def _split_paste(self, data: str, tokens: list[Token]) -> str:
        content, end, rest = (self._held + data).partition(PASTE_END)
        if end:
            self._pasted.append(content)
            self._mode, self._held = _Mode.KEYS, ""
            tokens += self._take_paste()
            return rest
        kept = next((size for size in range(len(PASTE_END) - 1, 0, -1) if content.endswith(PASTE_END[:size])), 0)
        split = len(content) - kept
        self._pasted.append(content[:split])
        self._held = content[split:]
        return ""

    def _split_afterwards(self, data: str, tokens: list[Token]) -> str:
        self._doubtful += data.lstrip("\ufffd")  # half a character that the paste ended with, and then a key
        alone = _KEY.fullmatch(self._doubtful) or _REPORTS.fullmatch(self._doubtful)
        if (alone or not self._doubtful) and PASTE_END not in self._held + self._doubtful:
            return ""
        more, self._doubtful = self._doubtful, ""
        self._mode = _Mode.PASTE
        return self._split_paste(more, tokens)

    # Keys

    def _give_up(self) -> list[Token]:
        """Wait no longer for the rest of a sequence."""
        self._given_up = self._held
        if self._by_hand:
            return self._typed()
        begun, self._held = self._held, ""
        return [Sequence(begun)] if len(begun) <= 2 else []

    def _typed(self) -> list[Token]:
        """What is held was the Escape key, and what followed it."""
        typed, self._held, self._by_hand = self._held[1:], "", False
        return [Sequence(ESC), Text(typed)] if typed else [Sequence(ESC)]

    def _belongs(self, data: str, gap: float) -> tuple[bool, bool]:
        """Whether this, after an ESC that came alone, may have been typed, and whether it may belong to a sequence."""
        rest = self._held[1:] + data
        if rest in _INTRODUCERS or (rest == "[[" and len(data) == 1):
            return True, True
        at_once = len(data) > 1 or gap < ALT_GAP
        begun = _BEGINNING.fullmatch(rest) or (at_once and _begins_reply(rest))
        return False, bool(begun or _REST.match(rest))

    def _continues(self, data: str) -> bool:
        """Whether this is the rest of what was given up."""
        rest = self._given_up[1:] + data
        if _begins_reply(rest):
            return _STRING_END.search(rest) is not None
        known = _REST.match(rest)
        # With two letters a word may begin, too.
        return known is not None and (known.end() > 2 or rest[2:3] in ("", ESC))

    def _split_keys(self, data: str, tokens: list[Token]) -> str:
        """Take what is no paste from `data`; gives what follows the beginning of one, or its end."""
        typed_from = len(self._held) if self._paused else -1
        data, self._held = self._held + data, ""
        end, start = data.find(PASTE_END), data.find(PASTE_START)
        if end >= 0 and not 0 <= start < end:
            if end:
                tokens.append(Pasted(data[:end]))
            return data[end + len(PASTE_END) :]
        at = 0
        while at < len(data):
            if (text := _TEXT.match(data, at)) is not None:
                tokens.append(Text(text[0]))
                at = text.end()
                continue
            if data[at] != ESC:
                if data[at] in _C1:
                    data = f"{data[:at]}{ESC}{_C1[data[at]]}{data[at + 1 :]}"
                else:
                    at += 1
                continue
            if data.startswith(PASTE_START, at):
                self._mode = _Mode.PASTE
                return data[at + len(PASTE_START) :]
            found = self._find(data, at, typed_from)
            if found is _PENDING:
                self._held = _shortened(data[at:])
                break
            if found.complete:
                tokens.append(Sequence(data[at : found.end]))
            at = found.end
        return ""

    def _find(self, data: str, at: int, typed_from: int) -> _Found:
        """The sequence that begins at `at`; what was typed after a pause begins at `typed_from`."""
        if at + 1 == len(data):
            return _PENDING
        introducer = data[at + 1]
        if introducer == ESC:
            return _Found(at + 1, complete=True)
        if introducer in _REPLIES:
            return self._find_string(data, at, typed_from)
        if introducer not in "[O":
            return _Found(at + 2, complete=not ("\x80" <= introducer <= "\x9f" or introducer == "\ufffd"))
        if data.startswith("[M", at + 1):
            end = _end(_X10_MOUSE, data, at)
            return _PENDING if end == len(data) and end < at + 6 else _Found(end)
        end = _end(_CSI if introducer == "[" else _SS3, data, at)
        if data[at:end] in self._complete:
            return _Found(end, complete=True)
        if introducer == "[":
            end = max(end, _end(_CSI_IN_ANY_ORDER, data, at))
        if end == len(data):
            return _PENDING
        if "@" <= data[end] <= "~" and not _NOISE.search(data, at, end):
            return _Found(end + 1, complete=True)
        return _broken(data, end, typed_from)

    def _find_string(self, data: str, at: int, typed_from: int) -> _Found:
        if at + 2 == len(data):
            return _PENDING
        if data[at + 2] not in _REPLIES[data[at + 1]]:
            return _Found(at + 2, complete=True)
        end = _end(_STRING, data, at)
        if at < typed_from < end and (data[typed_from] < " " or data[typed_from] == "\x7f"):
            end = typed_from
        if end == len(data) or data[end:] == ESC:
            return _PENDING
        terminator = _STRING_END.match(data, end)
        return _Found(end) if terminator is None else _Found(terminator.end())


def _begins_reply(rest: str) -> bool:
    """Whether this, after an ESC, is how a string begins that a terminal sends."""
    return rest[1:2] != "" and rest[1] in _REPLIES.get(rest[0], "")


def _end(beginning: re.Pattern[str], data: str, at: int) -> int:
    match = beginning.match(data, at)
    return at if match is None else match.end()


def _broken(data: str, end: int, typed_from: int) -> _Found:
    """A sequence that can't go on at `end`: all that came with it goes with it, unless it was typed later."""
    return _Found(end if end == typed_from else _end(_UP_TO_ANOTHER, data, end))


def _shortened(begun: str) -> str:
    """The beginning of a sequence, without what is not needed to find its end."""
    if begun[1:2] in _REPLIES and len(begun) > 4:
        return begun[:3] + (ESC if begun.endswith(ESC) else "")
    return begun[:_LONGEST]
