"""The complete parser: one character at a time, its whole state between characters in the object.

It follows the state machine of DEC's terminals as xterm has it, with two differences that real console logs ask for:
any character from U+0080 on ends an escape or control sequence and prints (systemd abbreviates coloured text with an
ellipsis in the middle of a sequence), and every string is bounded. Whatever is printable or a plain control character
while no sequence is under way is the business of `fast_path`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from podplane_tui.terminal.buffer.style import select
from podplane_tui.terminal.screen.screen import Numbers, Screen

GROUND, ESCAPE, CSI, STRING = range(4)
SEQUENCE_LIMIT: Final = 1 << 16
"""Longer control sequences are ignored."""
STRING_LIMIT: Final = 1 << 18
"""Longer strings are given up: what follows is text again, so that no stray byte silences a console."""
NUMBER_LIMIT: Final = 65_535
NUMBERS_LIMIT: Final = 32

_PARAMETERS: Final = re.compile("[ -?]+")
_STRING_END: Final = re.compile("[\x07\x18\x1a\x1b\x9c]")
_STRING_KINDS: Final = {"]": "osc", "P": "dcs", "X": "sos", "^": "pm", "_": "apc", "k": "title"}


def numbers_of(parameters: str) -> Numbers:
    """The numbers of a control sequence: missing ones are 0, large ones are capped, subparameters are dropped."""
    if not parameters:
        return ()
    return tuple([_number(item) for item in parameters.split(";", NUMBERS_LIMIT)[:NUMBERS_LIMIT]])


def _number(digits: str) -> int:
    digits = digits.partition(":")[0]
    if not digits.isdecimal():
        return 0
    if len(digits) > 5:
        digits = digits.lstrip("0")[:6] or "0"
    return min(int(digits), NUMBER_LIMIT)


class Parser:
    """Drives a screen with what is not plain text."""

    def __init__(self, screen: Screen, set_encoding: Callable[[str], None]) -> None:
        self.screen = screen
        self.state = GROUND
        self._set_encoding = set_encoding
        self._sequence = ""
        self._string: list[str] = []
        self._string_kind = ""
        self._string_length = 0

    def consume(self, text: str, start: int = 0) -> int:
        """Parse from `start` until nothing is under way; returns where that is. Takes one character at least."""
        position, end = start, len(text)
        while position < end:
            if self.state == STRING:
                position = self._consume_string(text, position)
            elif self.state == CSI and (match := _PARAMETERS.match(text, position)):
                self._sequence += match[0][: max(0, SEQUENCE_LIMIT + 1 - len(self._sequence))]
                position = match.end()
            else:
                self._take(text[position])
                position += 1
            if self.state == GROUND:
                break
        return position

    def _take(self, char: str) -> None:
        if char >= "\x80":
            self._abort()
            if char <= "\x9f":
                self._escape(chr(ord(char) - 0x40))
            else:
                self.screen.draw(char)
        elif char == "\x1b":
            if self.state != ESCAPE:
                self._string_kind = ""
            self.state, self._sequence = ESCAPE, ""
        elif char in "\x18\x1a":
            self._abort()
        elif char < " " or char == "\x7f":
            if control := self.screen.controls.get(char):
                control()
        elif self.state == ESCAPE:
            self._take_escape(char)
        elif self.state == CSI:
            self._take_csi(char)
        else:
            self.screen.draw(char)

    def _abort(self) -> None:
        self.state, self._sequence = GROUND, ""
        self._string_kind, self._string = "", []

    def _take_escape(self, char: str) -> None:
        if char < "0":
            self._sequence = (self._sequence + char)[:4]
            return
        self._escape(self._sequence + char)

    def _escape(self, sequence: str) -> None:
        """Run `ESC sequence`, or begin what it introduces."""
        string, self._string = (self._string_kind, self._string), []
        self.state, self._sequence, self._string_kind = GROUND, "", ""
        if sequence == "[":
            self.state = CSI
        elif sequence in _STRING_KINDS:
            self.state, self._string_kind, self._string_length = STRING, _STRING_KINDS[sequence], 0
        elif sequence == "\\":
            self._end_string(*string)
        elif sequence[0] == "%":
            self._set_encoding(sequence[1:])
        elif handler := self.screen.escapes.get(sequence):
            handler()

    def _take_csi(self, char: str) -> None:
        sequence = self._sequence + char
        self.state, self._sequence = GROUND, ""
        if len(sequence) <= SEQUENCE_LIMIT:
            control_sequence(self.screen, sequence)

    # -- strings ------------------------------------------------------------------------------------------------

    def _consume_string(self, text: str, start: int) -> int:
        match = _STRING_END.search(text, start)
        end = match.start() if match else len(text)
        room = STRING_LIMIT - self._string_length
        if end - start > room:
            self._abort()
            return start + room
        self._string.append(text[start:end])
        self._string_length += end - start
        if match is None:
            return end
        char = match[0]
        if char == "\x1b":
            # ESC \ ends the string; any other sequence cancels it.
            self.state, self._sequence = ESCAPE, ""
        elif char == "\x9c" or (char == "\x07" and self._string_kind in {"osc", "title"}):
            kind, string = self._string_kind, self._string
            self._abort()
            self._end_string(kind, string)
        elif char == "\x07":
            self._string.append(char)
            self._string_length += 1
        else:
            self._abort()
        return end + 1

    def _end_string(self, kind: str, parts: list[str]) -> None:
        string = "".join(parts)
        if kind == "osc":
            operating_system_command(self.screen, string)
        elif kind == "dcs" and string.startswith("$q"):
            self.screen.report_setting(string[2:])
        elif kind == "dcs" and string.startswith("+q"):
            self.screen.report_capabilities(string[2:])
        elif kind == "title":
            self.screen.set_title(string)


SEQUENCE: Final = re.compile(r"([<-?]*)([0-9:;]*)([ -/]*)([@-~])")


def control_sequence(screen: Screen, sequence: str) -> None:
    """Run a control sequence, given what follows `CSI`. Unknown and malformed ones do nothing."""
    match = SEQUENCE.fullmatch(sequence)
    if match is None:
        return
    prefix, parameters, intermediates, final = match.groups()
    if final == "m" and not prefix and not intermediates:
        screen.style = select(screen.style, parameters)
    elif handler := screen.csi.get(prefix + intermediates + final):
        handler(numbers_of(parameters))


def operating_system_command(screen: Screen, command: str) -> None:
    """Run an OSC."""
    code, _, rest = command.partition(";")
    if code[:1] in {"l", "L"} and ";" not in code:
        (screen.set_title if code[0] == "l" else screen.set_icon_name)(command[1:])
        return
    if not code.isascii() or not code.isdecimal() or len(code) > 4:
        return
    number = int(code)
    items = rest.split(";") if rest else []
    if number in {0, 1, 2}:
        if number != 2:
            screen.set_icon_name(rest)
        if number != 1:
            screen.set_title(rest)
    elif number in {4, 5}:
        screen.indexed_colors(number, items)
    elif 10 <= number <= 19:
        screen.dynamic_colors(number, items)
    elif number == 52 and len(items) == 2:
        screen.clipboard(items[0], items[1])
    elif number in {104, 105}:
        screen.reset_indexed_colors(number, items)
    elif 110 <= number <= 119:
        screen.default_colors.pop(number - 100, None)
