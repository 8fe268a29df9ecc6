"""Tokens on a plain screen: what programs mostly print, without the detours of the screen's handlers.

`run_plain` takes the controls one by one. What can be printed is the business of a `_Pen`, which also takes the tokens
behind it as long as they go on in the same row. What neither knows goes by the screen's handlers.

Invariants:
- While tokens are carried out, the pen has the cursor, the style and the last character. A call into the screen that
  needs them stands between `_Pen.write_back` and `_Pen.read_cursor`, or `_Pen.read_all` where more may have changed.
- The pen's `x` is the column where the next character goes; `x == columns` stands for `cursor.x == columns - 1` with a
  wrap pending.
- `_Pen.rows` is `screen.visible` itself; what replaces that list is followed by `read_all`.
- Strings in `rows` are rows that do not wrap (see `compact_row`). Of those, plain ones alone are written to as strings.
- Whatever writes to a `Row` without its own methods counts `version` up and empties `cache`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from podplane_tui.terminal.buffer.compact_row import row_of
from podplane_tui.terminal.buffer.row import Row
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE, Style, transition
from podplane_tui.terminal.buffer.width import MAX_CELL_LENGTH, WORDS, ZERO, run_class, word
from podplane_tui.terminal.parser.escape_parser import Parser
from podplane_tui.terminal.parser.general_path import perform
from podplane_tui.terminal.parser.tokens import (
    BACK,
    ERASE_RIGHT,
    FULL,
    LINEFEED,
    MODE,
    NEWLINE,
    NOTHING,
    OPERATIONS,
    POSITION,
    REST,
    RETURN,
    STRING,
    Token,
    operation_of,
)
from podplane_tui.terminal.screen.modes import DECTCEM
from podplane_tui.terminal.screen.screen import Screen

_VISIBLE: Final = DECTCEM << 5
_END: Final = ("", "")


def run_plain(screen: Screen, parser: Parser, tokens: Iterator[Token]) -> str | None:
    """Carry out tokens; None as soon as the screen is no longer plain, else the rest, which is the parser's."""
    pen = _Pen(screen)
    operations = OPERATIONS
    for text, control in tokens:
        if text:
            control = pen.print(text, control, tokens)  # noqa: PLW2901 - the one that ended what was printed
        while control >= "\xa0":
            control = pen.print_word(control, tokens)  # noqa: PLW2901 - as above
        if not control:
            continue
        style = pen.style.transitions.get(control)
        if style is not None:
            pen.style = style
            continue
        operation = operations.get(control)
        if operation is None:
            if control[-1] == "m" and (style := transition(pen.style, control)) is not None:
                pen.style = style
                continue
            operation = operation_of(control)
        code = operation[0]
        if code <= LINEFEED:
            if code == NEWLINE or pen.newline:
                pen.x = 0
            elif pen.x == pen.columns:
                pen.x -= 1
            if pen.y == pen.bottom:
                pen.scroll()
            elif pen.y < pen.last_line:
                pen.y += 1
        elif code == POSITION and not pen.origin:
            y, x = operation[1], operation[2]
            pen.y = y if y <= pen.last_line else pen.last_line
            pen.x = x if x < pen.columns else pen.columns - 1
        elif code == ERASE_RIGHT and 0 < pen.x < pen.columns and not pen.spares_protected:
            pen.erase_right()  # not a whole row: the one above must know of that
        elif code == RETURN:
            pen.x = 0
        elif code == BACK and not pen.reverse_wrap:
            pen.x = max(0, pen.x - 2 if pen.x == pen.columns else pen.x - 1)
        elif code == MODE:
            if operation[2]:
                screen.mode.add(operation[1])
            else:
                screen.mode.discard(operation[1])
            screen.cursor.hidden = _VISIBLE not in screen.mode
        elif code == NOTHING or (code == FULL and control == "\x1b(B" and screen.charsets[0] == "B"):
            pass
        elif code == STRING:
            parser.consume(control)  # titles, colours: nothing that the pen has
        elif code == REST:
            pen.write_back()
            return control
        else:
            pen.write_back()
            perform(screen, operation)
            if code == FULL:
                if not screen.plain:
                    return None
                pen.read_all()
            else:
                pen.read_cursor()
    pen.write_back()
    return ""


class _Pen:
    """Where and how the next character is printed on a plain screen, and what bounds that."""

    __slots__ = (
        *("screen", "rows", "x", "y", "style", "last", "columns", "last_line", "top", "bottom", "saving"),
        *("translation", "newline", "origin", "reverse_wrap", "spares_protected"),
    )

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.read_all()

    # -- between screen and pen -----------------------------------------------------------------------------------

    def read_all(self) -> None:
        """Take from the screen all that a handler may have changed."""
        screen = self.screen
        self.rows: Any = screen.visible  # rows or strings, told apart by their class: a cast costs time
        self.style: Style = screen.style
        self.last = ""
        self.columns, self.last_line = screen.columns, screen.lines - 1
        self.top, self.bottom = screen.top, screen.bottom
        self.saving = screen.top == 0 and not screen.alternate
        self.translation = screen.translation
        self.newline, self.origin, self.reverse_wrap = screen.newline, screen.origin, screen.reverse_wrap
        self.spares_protected = screen.protection == "iso"
        self.read_cursor()

    def read_cursor(self) -> None:
        """Take from the screen where its cursor is."""
        screen = self.screen
        self.x = self.columns if screen.pending_wrap else screen.cursor.x
        self.y = screen.cursor.y

    def write_back(self) -> None:
        """Give the screen the cursor, the style and the last character printed."""
        screen, x, columns = self.screen, self.x, self.columns
        cursor = screen.cursor
        cursor.y = self.y
        cursor.x, screen.pending_wrap = (x, False) if x < columns else (columns - 1, True)
        screen.style = self.style
        if self.last:
            screen.last_char = self.last[-1]

    # -- printing -------------------------------------------------------------------------------------------------

    def print(self, text: str, control: str, tokens: Iterator[Token]) -> str:
        """Print ASCII and, where that is easy, `control` and what follows in the same row.

        Returns the control that is left to be carried out.
        """
        x, style = self.x, self.style
        end = x + len(text)
        if end > self.columns:
            self.print_by_screen(text)
            return control
        if self.translation is not None:
            text = text.translate(self.translation)
        self.x, self.last = end, text
        row = self.rows[self.y]
        kind = row.__class__
        if kind is not Row:
            if kind is str and style is DEFAULT_STYLE:
                self.rows[self.y] = row + text if x == len(row) else row[:x].ljust(x) + text + row[end:]
                return control
            row = self.rows[self.y] = row_of(row)
        chars = row.chars
        if chars is None:
            if x == row.length and self.translation is None:
                row.pieces.append((text, style))
                return self.print_on(row, control, tokens)
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
        return control

    def print_word(self, control: str, tokens: Iterator[Token]) -> str:
        """The same for a control of characters that are not ASCII."""
        x, style = self.x, self.style
        width, base, narrow = WORDS.get(control) or word(control)
        if not width or x + width > self.columns:
            self.print_by_screen(control)
            return ""
        row = self.rows[self.y]
        if row.__class__ is str and narrow and style is DEFAULT_STYLE and x == len(row):
            self.rows[self.y] = row + control
        else:
            row = self.screen.row_at(self.y)
            if row.chars is None and x >= row.length and self.translation is None:
                row.pad(x)
                return self.print_on(row, control, tokens)
            if not narrow:
                self.print_by_screen(control)
                return ""
            row.put(x, control, style)
        self.x, self.last = x + width, base
        return ""

    def print_on(self, row: Row, control: str, tokens: Iterator[Token]) -> str:
        """Add characters and styles, `control` first, to the end of a row in pieces, where the cursor is.

        Returns the first control that is neither or does not fit; the text before it is printed. All that the row's
        methods would do for each piece is done behind the last one. Text is taken as it is: no character set is on.
        """
        x, columns, style, last = self.x, self.columns, self.style, self.last
        transitions = style.transitions
        append = row.pieces.append
        too_long = ""
        while control:
            new_style = transitions.get(control)
            if new_style is not None:
                style = new_style
                transitions = style.transitions
            elif control >= "\xa0":
                width, base, narrow = WORDS.get(control) or word(control)
                if width and x + width <= columns:
                    append((control, style))
                    if not narrow:
                        row.wide = True
                    x += width
                    last = base
                elif not width and run_class(control) == ZERO:
                    row.length = x
                    row.combine(x - 1, control[:MAX_CELL_LENGTH], limit=MAX_CELL_LENGTH)
                else:
                    break
            elif control[-1] == "m" and (new_style := transition(style, control)) is not None:
                style = new_style
                transitions = style.transitions
            else:
                break
            text, control = next(tokens, _END)
            if text:
                end = x + len(text)
                if end > columns:
                    too_long = text
                    break
                append((text, style))
                last = text
                x = end
        row.length = x
        row.version += 1
        row.cache = None
        self.x, self.style, self.last = x, style, last
        if too_long:
            self.print_by_screen(too_long)
        return control

    def print_by_screen(self, text: str) -> None:
        """Print what wraps, combines or overwrites half a character."""
        self.write_back()
        self.screen.draw(text)
        self.last = ""
        self.read_cursor()

    # -- rows -----------------------------------------------------------------------------------------------------

    def scroll(self) -> None:
        """Move the rows between the margins up by one."""
        rows, style = self.rows, self.style
        if self.saving:
            self.screen.scrollback.push(rows[0])
        del rows[self.top]
        if style is DEFAULT_STYLE or style.erased is DEFAULT_STYLE:
            rows.insert(self.bottom, "")
        else:
            self.screen.style = style
            rows[self.bottom : self.bottom] = self.screen.blank_rows(1)

    def erase_right(self) -> None:
        """Blank the row from the cursor on."""
        x, style = self.x, self.style
        blank = style if style is DEFAULT_STYLE else style.erased
        row = self.rows[self.y]
        if row.__class__ is str and blank is DEFAULT_STYLE:
            self.rows[self.y] = row[:x]
            return
        if row.__class__ is not Row:
            row = self.rows[self.y] = row_of(row)
        if row.length > x:
            row.truncate(x)
        row.wrapped = False
        if blank is not DEFAULT_STYLE:
            row.fill(x, self.columns, " ", blank)
