"""The tokens that text is cut into, and what they mean: pure functions of the text.

A token is a pair `(text, control)`: printable ASCII and what ends it, each of which may be empty. A control is

- a run of other printable characters (it is the only one that begins with U+00A0 or a later character), or
- a complete control sequence, escape sequence, short string, line end or control character, or
- the rest of the text from an unfinished or unusual one on, which is the complete parser's, so that it can never matter
  where a chunk is cut.
"""

from __future__ import annotations

import re
from typing import Any, Final

from podplane_tui.terminal.parser.escape_parser import SEQUENCE, numbers_of
from podplane_tui.terminal.screen.modes import BRACKETED_PASTE, DECCKM, DECNKM, DECTCEM, FOCUS, SYNCHRONIZED

Token = tuple[str, str]
Operation = tuple[int, Any, Any]
"""What a control means: one of the numbers below and two arguments.

`NEWLINE` is a line feed with carriage returns before it. `POSITION` has line and column, from 0; `MODE` the mode as
`screen.mode` holds it, and whether it is set. `LIGHT` and `FULL` are carried out by a handler: they have the table,
which is `"controls"`, `"escapes"` or the key in that of control sequences, and the key in it or the numbers. What is
`LIGHT` changes no more than rows in place, the cursor's position and flags of its own.
"""
(NEWLINE, LINEFEED, POSITION, ERASE_RIGHT, RETURN, BACK, NOTHING, MODE, LIGHT, FULL, STRING, REST) = range(12)

_CONTROL_SEQUENCE: Final = r"\x1b\[[0-?]{0,256}[ -/]{0,4}[@-~]"
_ESCAPE_SEQUENCE: Final = r"\x1b(?:[#(-+\--/ ][0-~]|[0-9<-OQ-WYZ\\a-jl-~])"
_SHORT_STRING: Final = r"\x1b[\]k][^\x00-\x1f\x7f-\x9f]{0,512}+(?:\x07|\x1b\\)"
_TOKEN: Final = re.compile(
    "([ -~]*)("
    rf"{_CONTROL_SEQUENCE}"
    r"|\r{0,64}+\n|\r{1,64}+"
    r"|[^\x00-\x9f]+"
    r"|[\x00-\x1a\x1c-\x1f\x7f]"
    rf"|{_ESCAPE_SEQUENCE}"
    rf"|{_SHORT_STRING}"
    r"|[\x1b\x80-\x9f][\s\S]*"
    r"|)"
)
_is_control_sequence: Final = re.compile(_CONTROL_SEQUENCE).fullmatch
_is_sgr: Final = re.compile(r"\x1b\[[0-9:;]{0,256}m").fullmatch
_is_escape_sequence: Final = re.compile(_ESCAPE_SEQUENCE).fullmatch
_is_short_string: Final = re.compile(_SHORT_STRING).fullmatch

_MAX_OPERATIONS: Final = 8192
OPERATIONS: Final[dict[str, Operation]] = {}
"""What `operation_of` has found so far. A cache, for those who cannot afford the call."""
_LIGHT_SEQUENCES: Final = frozenset("@ABCDEFGHIKLMPSTXZ^`abdefjkn")
_FLAG_MODES: Final = frozenset({DECCKM, DECTCEM, DECNKM, FOCUS, BRACKETED_PASTE, SYNCHRONIZED})
"""Private modes that are nothing but a flag, and the cursor's visibility."""
_LIGHT_MODES: Final = frozenset({1, 12, 25, 66, 1000, 1002, 1003, 1004, 1006, 2004, 2026})
_LIGHT_ESCAPES: Final = frozenset("7DEHM")

tokens_of: Final = _TOKEN.findall
"""`tokens_of(text, start, end)`: the tokens of `text` from `start` to `end`."""


def operation_of(control: str) -> Operation:
    """What a control means that is not printable.

    Remembered in `OPERATIONS`, unless it is a string, the rest of the text or SGR: that has its own table (see
    `transition`) and is looked up there only where this one has nothing.
    """
    operation: Operation
    if _is_sgr(control):
        return REST, None, None
    if control[-1] == "\n" and control[0] in "\r\n":
        operation = (LINEFEED if len(control) == 1 else NEWLINE, None, None)
    elif _is_control_sequence(control):
        operation = _operation_of_sequence(control)
    elif _is_escape_sequence(control):
        operation = (LIGHT if control[1] in _LIGHT_ESCAPES else FULL, "escapes", control[1:])
    elif control[0] == "\r":
        operation = (RETURN, None, None)
    elif len(control) == 1 and control != "\x1b" and control < "\x80":
        if control == "\b":
            operation = (BACK, None, None)
        else:
            operation = (FULL if control in "\x0e\x0f" else LIGHT, "controls", control)
    else:
        return STRING if _is_short_string(control) else REST, None, None
    if len(OPERATIONS) >= _MAX_OPERATIONS:
        OPERATIONS.clear()
    OPERATIONS[control] = operation
    return operation


def _operation_of_sequence(control: str) -> Operation:
    match = SEQUENCE.fullmatch(control, 2)
    if match is None:
        return NOTHING, None, None
    prefix, parameters, intermediates, final = match.groups()
    key = prefix + intermediates + final
    numbers = numbers_of(parameters)
    if key in {"H", "f"}:
        line, column = (*numbers, 0, 0)[:2]
        return POSITION, (line or 1) - 1, (column or 1) - 1
    if key == "K" and (not numbers or numbers[0] == 0):
        return ERASE_RIGHT, None, None
    if key in {"?h", "?l"} and len(numbers) == 1 and numbers[0] in _FLAG_MODES:
        return MODE, numbers[0] << 5, key == "?h"
    light = key in _LIGHT_SEQUENCES or (key in {"?h", "?l"} and _LIGHT_MODES.issuperset(numbers))
    return LIGHT if light else FULL, key, numbers
