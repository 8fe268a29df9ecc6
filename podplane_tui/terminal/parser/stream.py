"""Bytes to screen events: decoding, and the choice between the fast path and the complete parser."""

from __future__ import annotations

import re
from typing import Final

import pyte

from podplane_tui.terminal.parser import fast_path
from podplane_tui.terminal.parser.escape_parser import ESCAPE, Parser
from podplane_tui.terminal.screen.screen import Screen

SLICE: Final = 16_384
"""Bytes decoded at a time: bounds the cost of whatever looks at the rest of a chunk."""
_ENCODING_CHANGE: Final = re.compile(rb"\x1b[\x00-\x1a\x1c-\x1f\x7f]*%")
_ESCAPE_REST: Final = re.compile(rb"[\x00-\x2f\x7f]*[\x30-\xff]?", re.DOTALL)
BIDI: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters without a width that change the order in which the text around them is shown."""
BIDI_MARK: Final = "\N{COMBINING DOUBLE LOW LINE}"
"""What they are taken for: it can be seen, takes no cell either, and moves nothing."""
_UNSAFE: Final = re.compile(f"[\x80-\x9f]|[{BIDI}]+([^\x00-\x1f\x7f-\x9f{BIDI}]?)")


class Stream(pyte.ByteStream):
    """A `pyte.ByteStream` for a `Screen`: any bytes in any chunks, the same result, never an exception.

    Input is UTF-8; bad bytes become U+FFFD, and so do C1 controls: as in xterm, UTF-8 has none, only the 7-bit forms.
    Bidirectional controls become a mark on the character behind them, or on the one before where none follows: no order
    but that of the cells is ever shown, found or copied.
    `ESC % @` switches to Latin-1, where bytes 0x80..0x9f are C1 controls, `ESC % G` back.
    """

    screen: Screen
    parser: Parser

    def attach(self, screen: Screen) -> None:  # type: ignore[override]
        super().attach(screen)
        self.screen = screen
        self._held = ""  # a bidirectional control that ends what came so far
        self.parser = Parser(screen, self.select_other_charset)

    def feed(self, data: bytes) -> None:  # type: ignore[override]
        """Consume bytes."""
        # What changes how bytes are decoded must be carried out before the bytes behind it are decoded.
        start, size = 0, len(data)
        self.screen.ration.earn(size)
        while start < size:
            if self.parser.state == ESCAPE:
                match = _ESCAPE_REST.match(data, start)
                end = match.end() if match else size
            else:
                match = _ENCODING_CHANGE.search(data, start, start + SLICE)
                end = match.end() if match else start + SLICE
            self._feed(data[start:end])
            start = end

    def _feed(self, data: bytes) -> None:
        if not self.use_utf8:
            text = data.decode("latin-1")
        else:
            text = self._held + self.utf8_decoder.decode(data)
            if not text.isascii():
                safe = text.rstrip(BIDI)
                self._held = text[len(safe) : len(safe) + 1]
                text = _UNSAFE.sub(_shown, safe)
        if text:
            fast_path.feed(self.screen, self.parser, text)

    def select_other_charset(self, code: str) -> None:
        """`ESC % @` and `ESC % G`."""
        if code == "@":
            self.use_utf8 = False
        elif code in {"G", "8"}:
            self.use_utf8 = True
        self.utf8_decoder.reset()

    def reset(self) -> None:
        """Forget a sequence that is under way."""
        self._held = ""
        self.use_utf8 = True
        self.utf8_decoder.reset()
        self.parser = Parser(self.screen, self.select_other_charset)


def _shown(unsafe: re.Match[str]) -> str:
    return "\ufffd" if unsafe[1] is None else unsafe[1] + BIDI_MARK
