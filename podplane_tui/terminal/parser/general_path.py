"""Tokens by the screen's handlers, one by one: what any screen understands."""

from __future__ import annotations

from collections.abc import Iterator

from podplane_tui.terminal.buffer.style import transition
from podplane_tui.terminal.parser.escape_parser import Parser
from podplane_tui.terminal.parser.tokens import (
    BACK,
    ERASE_RIGHT,
    LINEFEED,
    MODE,
    NEWLINE,
    NOTHING,
    OPERATIONS,
    POSITION,
    REST,
    RETURN,
    STRING,
    Operation,
    Token,
    operation_of,
)
from podplane_tui.terminal.screen.screen import Screen


def run_general(screen: Screen, parser: Parser, tokens: Iterator[Token]) -> str | None:
    """Carry out tokens; None as soon as the screen is plain, else the rest, which is the parser's."""
    for text, control in tokens:
        if text:
            screen.draw(text)
        if not control:
            continue
        if control >= "\xa0":
            screen.draw(control)
            continue
        style = screen.style.transitions.get(control)
        if style is None and control[-1] == "m":
            style = transition(screen.style, control)
        if style is not None:
            screen.style = style
            continue
        operation = OPERATIONS.get(control) or operation_of(control)
        code = operation[0]
        if code == LINEFEED:
            screen.linefeed()
            continue  # whether the screen is plain by now can wait for another control
        if code == REST:
            return control
        if code == STRING:
            parser.consume(control)
        else:
            perform(screen, operation)
        if screen.plain:
            return None
    return ""


def perform(screen: Screen, operation: Operation) -> None:
    """Carry out an operation that is complete without its control by the screen's handler."""
    code, key, argument = operation
    if code == POSITION:
        screen.address(key, argument)
    elif code == ERASE_RIGHT:
        screen.erase_in_line(0)
    elif code == RETURN:
        screen.carriage_return()
    elif code == BACK:
        screen.backspace()
    elif code == NEWLINE:
        screen.carriage_return()
        screen.linefeed()
    elif code == MODE:
        (screen.set_mode if argument else screen.reset_mode)(key >> 5, private=True)
    elif code == NOTHING:
        pass
    elif key == "controls":
        if handler := screen.controls.get(argument):
            handler()
    elif key == "escapes":
        if handler := screen.escapes.get(argument):
            handler()
    elif sequence := screen.csi.get(key):
        sequence(argument)
