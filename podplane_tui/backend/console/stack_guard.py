"""What a guest prints, kept off what the user's terminal has and can't be given back: stacks, palette, columns. Pure.

Terminals execute control characters within a sequence, ignore DEL and others there, and go on with it. Bytes from 0x80
on do not end it everywhere either.
"""

from __future__ import annotations

import re
from typing import Final

_WITHIN: Final = rb"\x00-\x17\x19\x1c-\x1f\x7f-\xff"
"""What may stand in a sequence and not end it: all but CAN, SUB, ESC and ASCII."""
_ESC: Final = rb"\x1b[" + _WITHIN + rb"]*"
_8_BIT: Final = re.compile(_ESC + rb"%[" + _WITHIN + rb"]*@")
"""From here on 8-bit controls count, until then their UTF-8 only."""


def _patterns(form: bytes) -> list[re.Pattern[bytes]]:
    """`form` without and with 8-bit controls."""
    form = form.replace(b"ESC", _ESC).replace(b"WITHIN", _WITHIN)
    return [re.compile(form.replace(b"C1", c1)) for c1 in (rb"\xc2", b"")]


# Each takes time that grows with the length alone: what begins with ESC has no other ESC in it, and where one that
# begins with C1 is found, the search goes on after all that it may have in it.
_OPERATION: Final = _patterns(rb"ESC\[([WITHIN -?]*)([tpPQhlr|])|C1\x9b([WITHIN -?]*)([@-~]?)")
_COMMAND: Final = _patterns(rb"(?:ESC\]|C1\x9d)([WITHIN0-9]*)(;?)")
_PALETTE: Final = re.compile(rb"%b\][%b]*(?:R|P(?:[%b]*[0-9A-Fa-f]){0,7})" % (_ESC, _WITHIN, _WITHIN))
"""The Linux console's, by ESC alone: its colours, 7 digits each, and all of them reset."""
_OPEN_ESC: Final = re.compile(
    rb"\x1b[%b]*(?:\[[%b -?]*|\][%b0-9]*|\][%b]*P(?:[%b]*[0-9A-Fa-f]){0,6}[%b]*|%%[%b]*)?" % ((_WITHIN,) * 7)
)
_OPEN_C1: Final = _patterns(rb"C1[\x9b\x9d][WITHIN -?]*\Z|\xc2\Z")
"""What may go on as one of those, or switch 8-bit controls on."""
_UNENDED: Final = bytes(byte for byte in range(256) if byte not in b"\x18\x1a\x1b" and not 0x40 <= byte <= 0x7E)
_NUMBER: Final = re.compile(rb"([0-9]*)(?:[;:][0-9;:]*)?")
_STACKS: Final = {22, 23}
_LARGEST: Final = 9999
"""Larger numbers mean nothing, or another one where they overflow."""
_COLUMN_MODES: Final = {3, 40}
"""DECCOLM, and whether that is allowed."""
_COLOURS: Final = {4, 5, *range(10, 20), 21}
_PROGRESS: Final = 9
_LIMIT: Final = 1024
"""Bytes: no sequence that is meant is longer."""


class StackGuard:
    """Passes bytes on, in any pieces, but for what takes from the stacks or adds to them.

    What the user's terminal had when the console was attached is on top there, to be taken back in the end: a guest
    that pops would take it away, and one that pushes would leave its own there. Nor may it choose another conformance
    level (DECSCL) or reset all (DECSR), after which a terminal may not understand how it is restored. It may not change
    the number of columns (DECCOLM, DECSCPP), which can't be taken back without erasing the screen. The palette of the
    Linux console can only be reset, and others take what resets it for the beginning of a string. CAN comes instead:
    what stands around it must not become one sequence.
    """

    def __init__(self) -> None:
        self.colours_changed = False
        """The guest has set a colour of the terminal."""
        self.progress_shown = False
        """The guest may have had the terminal show a progress, or a notice."""
        self._held = b""
        self._8_bit = False

    def feed(self, data: bytes) -> bytes:
        """What of the next bytes is to be shown now."""
        data = self._held + data
        self._8_bit = self._8_bit or _8_BIT.search(data) is not None
        cut = self._open_from(data)
        data, self._held = data[:cut], data[cut:]
        for number in [_number_of(digits) for digits, end in _COMMAND[self._8_bit].findall(data) if end]:
            self.colours_changed = self.colours_changed or number in _COLOURS
            self.progress_shown = self.progress_shown or number == _PROGRESS
        shown = _OPERATION[self._8_bit].sub(_checked, _PALETTE.sub(_executed, data))
        if len(self._held) > _LIMIT:
            shown += self.end() + b"\x18"  # whatever it is, it ends here
        return shown

    def _open_from(self, data: bytes) -> int:
        """Where what may go on begins, the end for nowhere."""
        escape = data.rfind(b"\x1b")
        if escape >= 0 and _OPEN_ESC.fullmatch(data, escape):
            return escape
        match = _OPEN_C1[self._8_bit].search(data, len(data.rstrip(_UNENDED)))
        return len(data) if match is None else match.start()

    def end(self) -> bytes:
        """What was held back, because nothing more comes."""
        held, self._held = self._held, b""
        return held


_NOT_EXECUTED: Final = bytes(byte for byte in range(256) if byte >= 0x20 or byte in b"\x18\x1a\x1b")
_NOT_ASCII: Final = bytes([*range(0x20), *range(0x7F, 256)])


def _checked(match: re.Match[bytes]) -> bytes:
    """A control sequence as it is, or what comes in its place: the control characters in it, and CAN."""
    # Where 0x9B counts it begins a sequence of its own, elsewhere it is one of those that are ignored.
    body, final = (match[1], match[2]) if match[2] else (match[3], match[4])
    bodies = [body, body.rpartition(b"\x9b")[2]] if b"\x9b" in body else [body]
    if any(_is_refused(each, final) for each in bodies):
        return _executed(match)
    if any(_sets_columns(each, final) for each in bodies):
        others = _other_modes(bodies[-1])
        return _executed(match) + (b"\x1b[?" + others + final if others else b"")
    return match[0]


def _executed(match: re.Match[bytes]) -> bytes:
    """What comes in the place of a sequence."""
    return match[0].translate(None, _NOT_EXECUTED) + b"\x18"


def _sets_columns(parameters: bytes, final: bytes) -> bool:
    """Whether this sets, resets or restores private modes, and one of them is about the number of columns."""
    return final in {b"h", b"l", b"r"} and b"?" in parameters and any(map(_is_about_columns, _modes(parameters)))


def _other_modes(parameters: bytes) -> bytes:
    return b";".join(mode for mode in _modes(parameters) if not _is_about_columns(mode))


def _modes(parameters: bytes) -> list[bytes]:
    return parameters.translate(None, _NOT_ASCII).replace(b"?", b"").split(b";")


def _is_about_columns(mode: bytes) -> bool:
    value = _value(mode[: len(mode) - len(mode.lstrip(b"0123456789"))])
    return value in _COLUMN_MODES or value > _LARGEST


def _is_refused(parameters: bytes, final: bytes) -> bool:
    """Whether this is XTWINOPS 22 or 23, XTPUSHCOLORS, XTPOPCOLORS, DECSCL, DECSR or DECSCPP."""
    parameters = parameters.translate(None, _NOT_ASCII)
    if final == b"t":
        number = _NUMBER.fullmatch(parameters)
        return number is not None and (_value(number[1]) in _STACKS or _value(number[1]) > _LARGEST)
    intermediates = parameters.lstrip(b"0123456789;:")
    if final in {b"P", b"Q"}:
        return intermediates == b"#"
    return (final == b"p" and intermediates in {b'"', b"+"}) or (final == b"|" and intermediates == b"$")


def _value(digits: bytes) -> int:
    """A number; one more than the largest for all beyond it."""
    digits = digits.lstrip(b"0")
    return min(int(digits[:5] or b"0"), _LARGEST + 1)


def _number_of(command: bytes) -> int:
    """The number of an OSC, -1 for none."""
    digits = command.translate(None, _NOT_ASCII)
    return _value(digits) if digits else -1
