"""The terminal as the rest of the program sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from podplane_tui.terminal.buffer.compact_row import StoredRow, text_and_wrap
from podplane_tui.terminal.buffer.row import Row
from podplane_tui.terminal.buffer.search import Match, extract, search
from podplane_tui.terminal.parser.stream import Stream
from podplane_tui.terminal.screen.screen import Screen
from podplane_tui.terminal.state import Cursor, CursorShape, Modes

_SHAPES: tuple[CursorShape, ...] = ("block", "underline", "bar")


class Terminal:
    """An xterm without a window: bytes in, rows and replies out.

    Replies are of a fixed grammar (`screen.reports.REPLY`): no text of the program's comes back as if typed.

    `on_clipboard(targets, data)` is called when the program sets the clipboard (OSC 52); without it nothing happens.
    Nobody is ever told what is in one. `resizable=False` keeps the size what the owner made it: programs ask for
    another (`CSI 8 t`, DECCOLM) in vain. `model` is what it says it is, a VT420 or a VT520; DECSCL goes no
    higher.
    """

    def __init__(
        self,
        columns: int,
        lines: int,
        scrollback: int = 10_000,
        *,
        on_clipboard: Callable[[str, bytes], None] | None = None,
        resizable: bool = True,
        model: Literal[4, 5] = 4,
    ) -> None:
        self._screen = Screen(columns, lines, scrollback, model)
        self._screen.on_clipboard = on_clipboard
        self._screen.resizable = resizable
        self._stream = Stream(self._screen)
        self._seen: list[tuple[Row, int]] = []
        self._seen_look: object = None

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the program, in any chunks; returns what to send back to it. Never raises.

        Answers to one call are bounded, see `replies`: what asks for more than programs do gets no more.
        """
        self._stream.feed(data)
        return self._screen.replies.take()

    def painted(self) -> None:
        """Tell that somebody has seen what there is: the program may have whole screens changed again.

        Between two pictures it can have that done about as often as its output pays for, see `buffer.ration`.
        """
        self._screen.ration.renew()

    def resize(self, columns: int, lines: int) -> None:
        """Change the size, re-wrapping soft-wrapped lines of the main screen and its scrollback."""
        self._screen.resize(max(1, lines), max(1, columns))

    def reset(self) -> None:
        """Back to the initial state (RIS); scrollback and title stay."""
        self._screen.reset()
        self._stream.reset()

    def restart(self) -> None:
        """As at the start for whatever prints next, a sequence under way forgotten; its text begins below that here."""
        self._screen.restart()
        self._stream.reset()

    @property
    def columns(self) -> int:
        return self._screen.columns

    @property
    def lines(self) -> int:
        return self._screen.lines

    @property
    def display(self) -> list[str]:
        """The visible text: `lines` strings, each padded to `columns` cells."""
        return self._screen.display

    @property
    def rows(self) -> Sequence[Row]:
        """The visible rows, top first."""
        return self._screen.rows

    @property
    def scrollback(self) -> Sequence[Row]:
        """The rows that scrolled off the main screen, oldest first."""
        return self._screen.scrollback

    @property
    def scrolled_off(self) -> int:
        """How many rows ever went to the scrollback."""
        return self._screen.scrollback.pushed

    @property
    def cursor(self) -> Cursor:
        screen = self._screen
        style = screen.cursor_style
        return Cursor(
            x=screen.cursor.x,
            y=screen.cursor.y,
            visible=not screen.cursor.hidden,
            shape=_SHAPES[(style - 1) // 2],
            blinking=style % 2 == 1,
        )

    @property
    def title(self) -> str:
        return str(self._screen.title)

    @property
    def icon_name(self) -> str:
        return str(self._screen.icon_name)

    @property
    def modes(self) -> Modes:
        """A snapshot of the modes."""
        return self._screen.modes()

    @property
    def bell_count(self) -> int:
        """How often the bell rang."""
        return self._screen.bell_count

    @property
    def palette(self) -> Mapping[int, str]:
        """The colours the program redefined (OSC 4): palette index → `"rrggbb"`."""
        return MappingProxyType(self._screen.palette)

    @property
    def default_colors(self) -> Mapping[int, str]:
        """The default colours the program redefined: 10 foreground, 11 background, 12 cursor, … (OSC 10-19)."""
        return MappingProxyType(self._screen.default_colors)

    @property
    def base_colors(self) -> tuple[str, str]:
        """Text and background as painted (`"rrggbb"`), for programs that ask: an xterm's black on white until set."""
        return self._screen.base_colors

    @base_colors.setter
    def base_colors(self, colors: tuple[str, str]) -> None:
        self._screen.base_colors = colors

    def take_changed(self) -> set[int] | None:
        """The visible rows (indexes) that show something else than when last asked; None when all may."""
        screen = self._screen
        seen = [(row, row.version) for row in screen.rows]
        look = (screen.columns, screen.lines, screen.reverse_video, dict(screen.palette), dict(screen.default_colors))
        before, self._seen = self._seen, seen
        if look != self._seen_look:
            self._seen_look = look
            return None
        return {
            y
            for y, ((row, version), (old_row, old_version)) in enumerate(zip(seen, before, strict=True))
            if row is not old_row or version != old_version
        }

    def text(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """The text from cell `start` to cell `end` (exclusive), both `(absolute line, column)`.

        Line 0 is the oldest scrollback row. Soft-wrapped rows are joined, trailing blanks cut.
        """
        if end <= start:
            return ""
        stored = self._stored()
        first, last = max(0, start[0]), min(end[0], len(stored) - 1)
        texts = [text_and_wrap(row) for row in stored[first : last + 1]]
        return extract(texts, start[1] if start[0] >= 0 else 0, end[1] if end[0] == last else None)

    def search(self, pattern: str | re.Pattern[str]) -> list[Match]:
        """All matches in scrollback and screen, top first. A lower-case string ignores case."""
        return search([text_and_wrap(row) for row in self._stored()], pattern)

    def _stored(self) -> list[StoredRow]:
        return [*self._screen.scrollback.stored, *self._screen.visible]
