"""The fast path: whole lines and whole control sequences at a time.

It does nothing that `escape_parser` and `Screen` do not do as well; it only does the frequent things without their
detours. Each level takes what the one before leaves:

1. `line_path`: lines of text and SGR go, as text, straight to their rows or the scrollback.
2. `plain_path`: what `tokens` cuts the text into is carried out with cursor and style beside the screen.
3. `general_path`: the same tokens are carried out by the screen's handlers, all of them, while a mode is on that makes
   printing special.
4. `escape_parser`: from an unfinished or unusual sequence on to where no sequence is under way any more.
"""

from __future__ import annotations

from typing import Final

from podplane_tui.terminal.parser.escape_parser import GROUND, Parser
from podplane_tui.terminal.parser.general_path import run_general
from podplane_tui.terminal.parser.line_path import print_lines
from podplane_tui.terminal.parser.plain_path import run_plain
from podplane_tui.terminal.parser.tokens import tokens_of
from podplane_tui.terminal.screen.screen import Screen

_LONG_LINE: Final = 512
_PATIENCE: Final = 3
_WORTH_IT: Final = 256
"""How often in turn fewer characters than that may go as whole lines before the rest of a chunk goes by tokens."""


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
    tokens = iter(tokens_of(text, start, end))
    rest: str | None = None
    while rest is None:
        rest = (run_plain if screen.plain else run_general)(screen, parser, tokens)
    return parser.consume(text, end - len(rest)) if rest else end
