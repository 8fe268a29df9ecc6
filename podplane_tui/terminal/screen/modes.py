"""Modes: setting, resetting, saving and reporting them; soft and hard reset."""

from __future__ import annotations

from typing import Final

import pyte.screens

from podplane_tui.terminal.buffer.compact_row import length_of
from podplane_tui.terminal.buffer.style import DEFAULT_STYLE
from podplane_tui.terminal.screen.colors import Colors
from podplane_tui.terminal.screen.reports import CHECKSUM_FLAGS, Window
from podplane_tui.terminal.state import Modes, MouseEncoding, MouseTracking

ANSI_MODES: Final = frozenset({2, 3, 4, 12, 20})
ANSI_ALWAYS_RESET: Final = frozenset({1, 5, 7, 10, 11, 13, 14, 15, 16, 17, 18, 19})
IRM, LNM = 4, 20
(DECCKM, DECCOLM, DECSCNM, DECOM, DECAWM, DECTCEM) = (1, 3, 5, 6, 7, 25)
BLINK, ALLOW_132, MORE_FIX, REVERSE_WRAP, DECNKM, DECBKM, DECLRMM, DECNCSM = 12, 40, 41, 45, 66, 67, 69, 95
REVERSE_WRAP_ALWAYS, BRACKETED_PASTE, SYNCHRONIZED = 1045, 2004, 2026
MOUSE: Final[dict[int, MouseTracking]] = {9: 9, 1000: 1000, 1002: 1002, 1003: 1003}
ENCODINGS: Final[dict[int, MouseEncoding]] = {1005: "utf8", 1006: "sgr", 1015: "urxvt"}
FOCUS, ALTERNATE_SCROLL = 1004, 1007
PRIVATE_MODES: Final = (
    frozenset(
        {DECCKM, DECCOLM, 4, DECSCNM, DECOM, DECAWM, BLINK, 18, 19, DECTCEM, 30, 35, 38, ALLOW_132, MORE_FIX, 42, 44}
    )
    | {REVERSE_WRAP, 46, 47, DECNKM, DECBKM, DECLRMM, DECNCSM, FOCUS, ALTERNATE_SCROLL, 1001, 1010, 1011}
    | {1034, 1035, 1036, 1037, 1039, 1042, 1043, REVERSE_WRAP_ALWAYS, 1047, 1048, 1049, BRACKETED_PASTE, SYNCHRONIZED}
    | MOUSE.keys()
    | ENCODINGS.keys()
)
"""What DECRQM reports as recognized. Those nobody asks about elsewhere here are remembered and have no effect."""
PRIVATE_ALWAYS_RESET: Final = frozenset({8})
_INITIAL: Final = frozenset({DECAWM << 5, DECTCEM << 5, BLINK << 5, ALTERNATE_SCROLL << 5, 12})
MOST_LINES, MOST_COLUMNS = 72, 132
"""The size a program may ask for: the largest page a DEC terminal shows."""


class Settings(Colors):
    """Modes live in `mode`, as pyte keeps them: ANSI numbers as they are, private ones shifted left by 5."""

    saved_modes: dict[int, bool]
    resizable: bool

    # -- modes --------------------------------------------------------------------------------------------------

    def private(self, mode: int) -> bool:
        """Whether a private mode is set."""
        return mode << 5 in self.mode

    def set_mode(self, *modes: int, private: bool = False) -> None:  # type: ignore[override]
        """SM, DECSET."""
        for mode in modes:
            self._switch(mode, active=True, private=private)

    def reset_mode(self, *modes: int, private: bool = False) -> None:  # type: ignore[override]
        """RM, DECRST."""
        for mode in modes:
            self._switch(mode, active=False, private=private)

    def _knows(self, mode: int, *, private: bool) -> bool:
        if private and mode == DECNCSM:
            return self.level >= 5
        return mode in (PRIVATE_MODES if private else ANSI_MODES)

    def _switch(self, mode: int, *, active: bool, private: bool) -> None:
        if not self._knows(mode, private=private):
            return
        if private and mode == DECCOLM and not self.private(ALLOW_132):
            return
        if private and mode == DECLRMM and self.level < 4:
            return
        key = mode << 5 if private else mode
        if private and mode in MOUSE:
            self.mode.difference_update(other << 5 for other in MOUSE)
        if private and mode in ENCODINGS:
            self.mode.difference_update(other << 5 for other in ENCODINGS)
        if active:
            self.mode.add(key)
        else:
            self.mode.discard(key)
        if not private:
            self._cache_modes()
        else:
            self._switched(mode, active=active)

    def _switched(self, mode: int, *, active: bool) -> None:
        """What a private mode does beyond being set."""
        if mode == DECLRMM:
            self.side_margins = active
            self.left, self.right = 0, self.columns - 1
        elif mode in {47, 1047, 1049}:
            self._alternate(mode, active=active)
        elif mode == 1048:
            if active:
                self.save_cursor()
            else:
                self.restore_cursor()
        elif mode == DECCOLM:
            self._set_columns(132 if active else 80)
        elif mode == BLINK:
            self.cursor_style = max(1, self.cursor_style - 1 + self.cursor_style % 2 + (0 if active else 1))
        self._cache_modes()
        if mode == DECOM:
            self.address(0, 0)

    def _alternate(self, mode: int, *, active: bool) -> None:
        """The three ways to the alternate screen: 47 as it is, 1047 cleared on leaving, 1049 with saved cursor."""
        if active:
            if mode == 1049:
                self.save_cursor()
            self.use_alternate(True)
            if mode == 1049:
                self.replace_rows(0, self.lines)
        else:
            if mode == 1047 and self.alternate:
                self.replace_rows(0, self.lines)
            self.use_alternate(False)
            if mode == 1049:
                self.restore_cursor()
        keys = {number << 5 for number in (47, 1047, 1049)}
        self.mode.difference_update(keys)
        if active:
            self.mode.update(keys)

    def _set_columns(self, columns: int) -> None:
        """DECCOLM: the screen is emptied and the margins go, unless DECNCSM forbids."""
        self.request_size(columns=columns)
        if not self.private(DECNCSM):
            self.replace_rows(0, self.lines)
        self.reset_margins()
        self.mode.discard(DECLRMM << 5)
        self.place(0, 0)

    def set_size(self, lines: int, columns: int) -> None:
        """Change the size without re-wrapping."""
        raise NotImplementedError

    def request_size(self, *, lines: int = 0, columns: int = 0) -> None:
        lines = min(lines, max(MOST_LINES, self.lines)) or self.lines
        columns = min(columns, max(MOST_COLUMNS, self.columns)) or self.columns
        if self.resizable and (lines, columns) != (self.lines, self.columns):
            self.set_size(lines, columns)
            self.reset_margins()
            self.mode.discard(DECLRMM << 5)
            self.place(self.cursor.x, self.cursor.y)

    def set_columns_per_page(self, columns: int = 0) -> None:
        """DECSCPP."""
        self.request_size(columns=columns or 80)

    def set_lines_per_screen(self, lines: int = 0) -> None:
        """DECSNLS."""
        self.request_size(lines=lines)

    def _cache_modes(self) -> None:
        """Copy the modes that printing looks at into attributes."""
        mode = self.mode
        self.insert = IRM in mode
        self.newline = LNM in mode
        self.autowrap = DECAWM << 5 in mode
        self.more_fix = MORE_FIX << 5 in mode
        self.reverse_wrap = REVERSE_WRAP << 5 in mode or REVERSE_WRAP_ALWAYS << 5 in mode
        self.origin = DECOM << 5 in mode
        self.cursor.hidden = DECTCEM << 5 not in mode

    def set_origin(self, *, active: bool) -> None:
        if active:
            self.mode.add(DECOM << 5)
        else:
            self.mode.discard(DECOM << 5)
        self.origin = active

    def save_modes(self, *modes: int) -> None:
        """XTSAVE."""
        self.saved_modes.update((mode, self.private(mode)) for mode in modes if self._knows(mode, private=True))

    def restore_modes(self, *modes: int) -> None:
        """XTRESTORE."""
        for mode in modes:
            if mode in self.saved_modes:
                self._switch(mode, active=self.saved_modes[mode], private=True)

    def report_mode(self, mode: int = 0, *, private: bool = False) -> None:
        """DECRQM: 0 unknown, 1 set, 2 reset, 3 always set, 4 always reset."""
        if self.level < 3:
            return
        if self._knows(mode, private=private):
            state = 1 if (mode << 5 if private else mode) in self.mode else 2
        elif private and mode == 2:
            state = 3
        else:
            state = 4 if mode in (PRIVATE_ALWAYS_RESET if private else ANSI_ALWAYS_RESET) else 0
        self.send_csi(f"{'?' if private else ''}{mode};{state}$y")

    def set_application_keypad(self) -> None:
        """DECKPAM."""
        self.mode.add(DECNKM << 5)

    def set_numeric_keypad(self) -> None:
        """DECKPNM."""
        self.mode.discard(DECNKM << 5)

    def set_cursor_style(self, style: int = 0) -> None:
        """DECSCUSR: 1/2 block, 3/4 underline, 5/6 bar; odd ones blink."""
        if style <= 6:
            self.cursor_style = style or 1
            self.mode.discard(BLINK << 5)
            if self.cursor_style % 2:
                self.mode.add(BLINK << 5)

    def set_conformance(self, level: int = 0) -> None:
        """DECSCL: no level above the model's. Replies have 7-bit controls on each: UTF-8 has no others."""
        if 61 <= level <= 60 + self.model:
            self.soft_reset()
            self.level = level - 60

    # -- resets -------------------------------------------------------------------------------------------------

    def soft_reset(self) -> None:
        """DECSTR: the cursor stays."""
        for mode in (DECCKM, DECOM, REVERSE_WRAP, REVERSE_WRAP_ALWAYS, DECNKM, DECLRMM):
            self.mode.discard(mode << 5)
        self.mode -= {IRM, 2}
        self.mode |= {DECAWM << 5, DECTCEM << 5}
        self.style = DEFAULT_STYLE
        self.protection = "off"
        self.charsets = ["B"] * 4
        self.shift = self.single_shift = 0
        self.saved.pop(self.alternate, None)
        self.reset_margins()
        self._cache_modes()

    def reset(self) -> None:
        """RIS. Title and scrollback stay."""
        self._reset_settings()
        self.visible = [""] * self.lines
        self.place(0, 0)

    def restart(self) -> None:
        """Switched off and on, for another program: only the text stays, and what comes next begins below it."""
        self._reset_settings()
        self.title = self.icon_name = ""
        self.title_stack.clear()
        self.window = Window()
        used = next((y for y in range(self.lines, 0, -1) if length_of(self.visible[y - 1])), 0)
        self.place(0, min(used, self.lines - 1))
        if used == self.lines:
            self.index()

    def _reset_settings(self) -> None:
        """All as at the start but the main screen, which is shown, and the title."""
        if self.alternate:
            self.use_alternate(False)
        if self.private(DECCOLM):
            self.request_size(columns=80)
        self.cursor = pyte.screens.Cursor(0, 0)
        self.mode = set(_INITIAL)
        self.saved = {}
        self.saved_modes = {}
        self.style = DEFAULT_STYLE
        self.last_char = ""
        self.title_modes = set()
        self.cursor_style = 1
        self.level = self.model
        self.checksum_flags = CHECKSUM_FLAGS
        self.extent = 0
        self.palette.clear()
        self.default_colors.clear()
        self.soft_reset()
        self.default_tabs(5)
        self.hidden[:] = [""] * self.lines

    @property
    def reverse_video(self) -> bool:
        """DECSCNM."""
        return self.private(DECSCNM)

    def modes(self) -> Modes:
        """A snapshot of the modes."""
        private, mode = self.private, self.mode
        return Modes(
            application_cursor=private(DECCKM),
            application_keypad=private(DECNKM),
            backarrow_sends_backspace=private(DECBKM),
            bracketed_paste=private(BRACKETED_PASTE),
            focus_events=private(FOCUS),
            mouse=next((value for number, value in MOUSE.items() if private(number)), 0),
            mouse_encoding=next((value for number, value in ENCODINGS.items() if private(number)), "default"),
            alternate_screen=self.alternate,
            alternate_scroll=private(ALTERNATE_SCROLL),
            synchronized_output=private(SYNCHRONIZED),
            reverse_video=private(DECSCNM),
            cursor_visible=private(DECTCEM),
            newline=LNM in mode,
            auto_wrap=self.autowrap,
            insert=self.insert,
            origin=self.origin,
        )
