"""The fast path: whole lines and whole control sequences at a time, with cursor and style in local variables.

It does nothing that `parser` and `Screen` do not do as well; it only does the frequent things without their detours.
Three levels, each taking what the one before leaves:

1. `line_path`: lines of text and SGR go, as text, straight to their rows or the scrollback. What they look like is
   found out when somebody looks at them.
2. `_run_plain`: one regular expression cuts a chunk into (printable ASCII, control) pairs; frequent controls
   are carried out here, the others by their handler.
3. `_run_general`: the same tokens, all by their handlers, while a mode is on that makes printing special.

Invariants:
- A control is a complete control sequence or it is the rest of the chunk from an unfinished or unusual one on, which
  is the parser's: where a chunk is cut can thus never matter.
- The local `x` is the column where the next character goes; `x == columns` stands for `cursor.x == columns - 1` with
  a wrap pending. Before every call into the screen the one becomes the other, and behind it the other the one.
- `rows` is `screen.visible` itself; what replaces that list is followed by a full load.
- Strings in `rows` are rows that do not wrap (see `compact_row`). Of those, plain ones alone are written to as strings.
- Whatever writes to a `Row` without its own methods counts `version` up and empties `cache`.
- While `append` is set, the row the cursor is in is open: text goes on at its end, and its `length`, `version` and
  `cache` are behind until it is closed. Only text that fits and SGR may come while a row is open.
- Cached operations and style transitions are pure functions of their keys; both caches are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from podplane_tui.terminal.buffer.compact_row import row_of
from podplane_tui.terminal.buffer.row import Row
from podplane_tui.terminal.buffer.style import BG, DEFAULT_STYLE, Style, transition
from podplane_tui.terminal.buffer.width import (
    CLASSES,
    MAX_CELL_LENGTH,
    NARROW,
    WIDE,
    WORDS,
    ZERO,
    run_class,
    word,
)
from podplane_tui.terminal.parser.escape_parser import GROUND, SEQUENCE, Parser, numbers_of
from podplane_tui.terminal.parser.line_path import print_lines
from podplane_tui.terminal.screen.modes import BRACKETED_PASTE, DECCKM, DECNKM, DECTCEM, FOCUS, SYNCHRONIZED
from podplane_tui.terminal.screen.screen import Screen

_TOKEN: Final = re.compile(
    "([ -~]*)("
    r"\r*\n"
    r"|\x1b\[[0-?]{0,256}[ -/]{0,4}[@-~]"
    r"|[^\x00-\x9f]+"
    r"|[\x00-\x1a\x1c-\x1f\x7f]"
    r"|\x1b(?:[#(-+\--/ ][0-~]|[0-9<-OQ-WYZ\\a-jl-~])"
    r"|\x1b[\]k][^\x00-\x1f\x7f-\x9f]{0,512}+(?:\x07|\x1b\\)"
    r"|[\x1b\x80-\x9f][\s\S]*"
    r")?"
)
_CONTROL_SEQUENCE: Final = re.compile(r"\x1b\[[0-?]{0,256}[ -/]{0,4}[@-~]")
_STRING: Final = re.compile(r"\x1b[\]k][^\x00-\x1f\x7f-\x9f]{0,512}+(?:\x07|\x1b\\)")
_ESCAPE_SEQUENCE: Final = re.compile(r"\x1b(?:[#(-+\--/ ][0-~]|[0-9<-OQ-WYZ\\a-jl-~])")

Token = tuple[str, str]
Operation = tuple[int, Any, Any]
(NEWLINE, LINEFEED, POSITION, ERASE_RIGHT, STYLE, RETURN, BACK, NOTHING, MODE, LIGHT, FULL, STRING, REST) = range(13)

_VISIBLE: Final = DECTCEM << 5
_LONG_LINE: Final = 512
_PATIENCE: Final = 3
_WORTH_IT: Final = 256
"""How often in turn fewer characters than that may go as whole lines before the rest of a chunk goes by tokens."""
_MAX_OPERATIONS: Final = 8192
_operations: dict[str, Operation] = {}
_LIGHT_SEQUENCES: Final = frozenset("@ABCDEFGHIJKLMPSTXZ^`abdefjkn")
"""Control sequences whose handlers change no more than rows in place and the cursor's position."""
_FLAG_MODES: Final = frozenset({DECCKM, DECTCEM, DECNKM, FOCUS, BRACKETED_PASTE, SYNCHRONIZED})
"""Private modes that are nothing but a flag, and the cursor's visibility."""
_LIGHT_MODES: Final = frozenset({1, 12, 25, 66, 1000, 1002, 1003, 1004, 1006, 2004, 2026})
_LIGHT_ESCAPES: Final = frozenset("679DEHM")


def feed(screen: Screen, parser: Parser, text: str) -> None:
    """Carry out decoded text."""

    def by_tokens(line: str) -> None:
        _run(screen, parser, line, 0, len(line))

    start, size = 0, len(text)
    patience = _PATIENCE
    while start < size:
        if parser.state == GROUND:
            begin = start
            start = print_lines(screen, text, start, by_tokens)
            patience = _PATIENCE if start - begin >= _WORTH_IT else patience - 1
            # One line by its tokens, and whole lines again, unless that has brought too little.
            end = (text.find("\n", start, start + _LONG_LINE) + 1 if patience > 0 else 0) or size
            start = _run(screen, parser, text, start, end)
        else:
            start = parser.consume(text, start)


def _run(screen: Screen, parser: Parser, text: str, start: int, end: int) -> int:
    """Carry out `text` from `start` to `end` by its tokens; returns where the next one begins, which may be behind."""
    tokens = iter(_TOKEN.findall(text, start, end))
    rest: str | None = None
    while rest is None:
        rest = (_run_plain if screen.plain else _run_general)(screen, parser, tokens)
    return parser.consume(text, end - len(rest)) if rest else end


def _parse(control: str) -> Operation:
    """What a control means. Kept for the next time, unless it is the rest of a chunk."""
    operation: Operation
    if control[-1] == "\n" and control[0] in "\r\n":
        operation = (LINEFEED if len(control) == 1 else NEWLINE, None, None)
    elif _CONTROL_SEQUENCE.fullmatch(control):
        operation = _parse_sequence(control)
    elif _ESCAPE_SEQUENCE.fullmatch(control):
        operation = (LIGHT if control[1] in _LIGHT_ESCAPES else FULL, "escapes", control[1:])
    elif len(control) == 1 and control != "\x1b" and control < "\x80":
        if control == "\r":
            operation = (RETURN, None, None)
        elif control == "\b":
            operation = (BACK, None, None)
        else:
            operation = (FULL if control in "\x0e\x0f" else LIGHT, "controls", control)
    else:
        return STRING if _STRING.fullmatch(control) else REST, None, None
    if len(_operations) >= _MAX_OPERATIONS:
        _operations.clear()
    _operations[control] = operation
    return operation


def _parse_sequence(control: str) -> Operation:
    match = SEQUENCE.fullmatch(control, 2)
    if match is None:
        return NOTHING, None, None
    prefix, parameters, intermediates, final = match.groups()
    key = prefix + intermediates + final
    if key == "m":
        return STYLE, None, None
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


def _call(screen: Screen, operation: Operation) -> None:
    """Carry out a `LIGHT` or `FULL` operation through its handler."""
    _, key, argument = operation
    if key == "controls":
        if handler := screen.controls.get(argument):
            handler()
    elif key == "escapes":
        if handler := screen.escapes.get(argument):
            handler()
    elif sequence := screen.csi.get(key):
        sequence(argument)


def _run_general(screen: Screen, parser: Parser, tokens: Iterator[Token]) -> str | None:
    """Carry out tokens by the screen's handlers; None as soon as the screen is plain again, else the rest."""
    for text, control in tokens:
        if text:
            screen.draw(text)
        if not control:
            continue
        if control >= "\xa0":
            screen.draw(control)
            continue
        operation = _operations.get(control) or _parse(control)
        code = operation[0]
        if code == REST:
            return control
        if code == STRING:
            parser.consume(control)
        elif code == STYLE:
            screen.style = screen.style.transitions.get(control) or transition(screen.style, control) or screen.style
        elif code == POSITION:
            screen.address(operation[1], operation[2])
        elif code == ERASE_RIGHT:
            screen.erase_in_line(0)
        elif code == RETURN:
            screen.carriage_return()
        elif code == BACK:
            screen.backspace()
        elif code in {NEWLINE, LINEFEED}:
            if code == NEWLINE:
                screen.carriage_return()
            screen.linefeed()
        elif code == MODE:
            (screen.set_mode if operation[2] else screen.reset_mode)(operation[1] >> 5, private=True)
        elif code != NOTHING:
            _call(screen, operation)
        if screen.plain:
            return None
    return ""


def _run_plain(screen: Screen, parser: Parser, tokens: Iterator[Token]) -> str | None:
    """Carry out tokens on a plain screen; None as soon as it is no longer plain, else the rest."""
    cursor = screen.cursor
    rows = screen.visible
    columns, last_line = screen.columns, screen.lines - 1
    top, bottom, saving = screen.top, screen.bottom, screen.top == 0 and not screen.alternate
    scrollback = screen.scrollback
    style = screen.style
    transitions = style.transitions
    table = screen.translation
    origin, newline, reverse_wrap = screen.origin, screen.newline, screen.reverse_wrap
    spares_protected = screen.protection == "iso"
    operations = _operations
    mode = screen.mode
    words = WORDS
    default = DEFAULT_STYLE
    last = ""
    row: Any  # a Row or a string; it is told apart below, as a cast would cost time
    x = columns if screen.pending_wrap else cursor.x
    y = cursor.y
    rest = ""
    append: Callable[[tuple[str, Style]], None] | None = None
    open_row: Any = None

    for text, control in tokens:
        if text:
            last = text
            end = x + len(text)
            if append is not None:
                if end <= columns:
                    append((text, style))
                    x = end
                    text = ""  # noqa: PLW2901 - done
                else:
                    append = None
                    open_row.length = x
                    open_row.touch()
        if text:
            if end > columns:
                cursor.y = y
                cursor.x, screen.pending_wrap = (x, False) if x < columns else (columns - 1, True)
                screen.style = style
                screen.draw(text)
                x = columns if screen.pending_wrap else cursor.x
                y = cursor.y
            else:
                if table:
                    text = text.translate(table)  # noqa: PLW2901 - the same text, as the character set has it
                row = rows[y]
                if row.__class__ is not Row:
                    if style is default and row.__class__ is str and x == len(row):
                        rows[y] = row + text
                        row = None
                    else:
                        row = rows[y] = row_of(row)
                if row is not None:
                    chars = row.chars
                    if chars is None:
                        if x == row.length:
                            if table is None:
                                open_row = row
                                append = row.pieces.append
                                append((text, style))
                            else:
                                row.put(x, text, style)
                        else:
                            row.put(x, text, style)
                    elif x <= row.length and not row.wide:
                        chars[x:end] = text
                        row.styles[x:end] = [style] * len(text)
                        if end > row.length:  # noqa: PLR1730 - a call of max costs more
                            row.length = end
                        row.version += 1
                        row.cache = None
                    else:
                        row.put(x, text, style)
                x = end
        if not control:
            continue
        new_style = transitions.get(control)
        if new_style is not None:
            style = new_style
            transitions = style.transitions
            continue
        if control[-1] == "m":
            new_style = transition(style, control)
            if new_style is not None:
                style = new_style
                transitions = style.transitions
                continue
        if control >= "\xa0":
            width, base, narrow = words.get(control) or word(control)
            if width and x + width <= columns:
                if append is None:
                    row = rows[y]
                    if row.__class__ is not Row:
                        if style is default and narrow and row.__class__ is str and x == len(row):
                            rows[y] = row + control
                            x += width
                            last = base
                            continue
                        row = rows[y] = row_of(row)
                    if row.chars is None and x >= row.length and table is None:
                        row.pad(x)
                        open_row = row
                        append = row.pieces.append
                if append is not None:
                    append((control, style))
                    if not narrow:
                        open_row.wide = True
                    x += width
                    last = base
                    continue
        if append is not None:
            append = None
            open_row.length = x
            open_row.version += 1
            open_row.cache = None
        if control >= "\xa0":
            kind = CLASSES[ord(control)] if len(control) == 1 else run_class(control)
            if kind == ZERO:
                if x > 0:
                    screen.row_at(y).combine(x - 1, control[:MAX_CELL_LENGTH], limit=MAX_CELL_LENGTH)
                continue
            if kind == WIDE and x + 2 * len(control) <= columns:
                screen.row_at(y).put_wide(x, control, style)
                x += 2 * len(control)
                last = control
                continue
            if kind == NARROW and x + len(control) <= columns:
                row = rows[y]
                if style is default and row.__class__ is str and x == len(row):
                    rows[y] = row + control
                else:
                    screen.row_at(y).put(x, control, style)
                x += len(control)
                last = control
                continue
            cursor.y = y
            cursor.x, screen.pending_wrap = (x, False) if x < columns else (columns - 1, True)
            screen.style = style
            if last:
                screen.last_char = last[-1]
            screen.draw(control)
            last = screen.last_char
            x = columns if screen.pending_wrap else cursor.x
            y = cursor.y
            continue
        operation = operations.get(control) or _parse(control)
        code = operation[0]
        if code <= LINEFEED:
            if code == NEWLINE or newline:
                x = 0
            elif x == columns:
                x -= 1
            if y == bottom:
                if saving:
                    scrollback.push(rows[0])
                del rows[top]
                if style is default or style._values[BG] == "default":
                    rows.insert(bottom, "")
                else:
                    screen.style = style
                    rows[bottom:bottom] = screen.blank_rows(1)
            elif y < last_line:
                y += 1
        elif code == POSITION and not origin:
            y = operation[1]
            if y > last_line:  # noqa: PLR1730 - as above
                y = last_line
            x = operation[2]
            if x >= columns:
                x = columns - 1
        elif (
            code == ERASE_RIGHT and 0 < x < columns and not spares_protected
        ):  # of a whole row, the one above must know
            row = rows[y]
            if style is default or style._values[BG] == "default":
                if row.__class__ is str:
                    if len(row) > x:
                        rows[y] = row[:x]
                else:
                    if row.__class__ is not Row:
                        row = rows[y] = row_of(row)
                    if row.length > x:
                        row.truncate(x)
                    row.wrapped = False
            else:
                if row.__class__ is not Row:
                    row = rows[y] = row_of(row)
                row.truncate(x)
                row.wrapped = False
                screen.style = style
                row.fill(x, columns, " ", screen.blank)
        elif code == RETURN:
            x = 0
        elif code == BACK and not reverse_wrap:
            x = max(0, x - 2 if x == columns else x - 1)
        elif code == MODE:
            if operation[2]:
                mode.add(operation[1])
            else:
                mode.discard(operation[1])
            cursor.hidden = _VISIBLE not in mode
        elif code == NOTHING or (code == FULL and control == "\x1b(B" and screen.charsets[0] == "B"):
            continue
        elif code == STRING:
            parser.consume(control)  # titles, colours: nothing that is kept in a local
        elif code == REST:
            rest = control
            break
        else:
            cursor.y = y
            cursor.x, screen.pending_wrap = (x, False) if x < columns else (columns - 1, True)
            screen.style = style
            if last:
                screen.last_char = last[-1]
            if code == POSITION:
                screen.address(operation[1], operation[2])
            elif code == ERASE_RIGHT:
                screen.erase_in_line(0)
            elif code == BACK:
                screen.backspace()
            else:
                _call(screen, operation)
                if code == FULL:
                    if not screen.plain:
                        return None
                    cursor = screen.cursor
                    rows = screen.visible
                    columns, last_line = screen.columns, screen.lines - 1
                    top, bottom, saving = screen.top, screen.bottom, screen.top == 0 and not screen.alternate
                    style = screen.style
                    transitions = style.transitions
                    table = screen.translation
                    origin, newline, reverse_wrap = screen.origin, screen.newline, screen.reverse_wrap
                    spares_protected = screen.protection == "iso"
                    mode = screen.mode
                    last = screen.last_char
            x = columns if screen.pending_wrap else cursor.x
            y = cursor.y

    if append is not None:
        open_row.length = x
        open_row.touch()
    cursor.y = y
    cursor.x, screen.pending_wrap = (x, False) if x < columns else (columns - 1, True)
    screen.style = style
    if last:
        screen.last_char = last[-1]
    return rest
