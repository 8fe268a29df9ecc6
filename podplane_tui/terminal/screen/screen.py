"""The screen: all layers together, and the table of control sequences that drive it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Literal

from podplane_tui.terminal.buffer.compact_row import StoredRow, length_of, row_of
from podplane_tui.terminal.buffer.reflow import Place, reflow
from podplane_tui.terminal.screen.colors import BASE_COLORS
from podplane_tui.terminal.screen.modes import DECLRMM, Settings
from podplane_tui.terminal.screen.replies import Replies
from podplane_tui.terminal.screen.reports import Window

Numbers = tuple[int, ...]
Handler = Callable[[Numbers], None]

# Control sequences by prefix, intermediates and final character. Missing numbers are 0, surplus ones are dropped.
_NO_NUMBER: Final = {"!p": "soft_reset"}
_ONE_NUMBER: Final = {
    "@": "insert_characters",
    "A": "cursor_up",
    "B": "cursor_down",
    "C": "cursor_forward",
    "D": "cursor_back",
    "E": "cursor_down1",
    "F": "cursor_up1",
    "G": "cursor_to_column",
    "I": "forward_tabs",
    "J": "erase_in_display",
    "K": "erase_in_line",
    "L": "insert_lines",
    "M": "delete_lines",
    "P": "delete_characters",
    "S": "scroll_up",
    "T": "scroll_down",
    "W": "tab_control",
    "X": "erase_characters",
    "Z": "backward_tabs",
    "^": "scroll_down",
    "`": "cursor_to_column",
    "a": "column_relative",
    "b": "repeat",
    "c": "report_device_attributes",
    ">c": "report_secondary_attributes",
    "=c": "report_unit_id",
    "d": "cursor_to_line",
    "e": "line_relative",
    "g": "clear_tab_stop",
    "j": "cursor_back",
    "k": "cursor_up",
    "n": "report_device_status",
    ">q": "report_version",
    " q": "set_cursor_style",
    '"p': "set_conformance",
    '"q': "set_protection",
    "x": "report_parameters",
    "*x": "set_extent",
    "#y": "set_checksum_flags",
    "$|": "set_columns_per_page",
    "*|": "set_lines_per_screen",
    "$p": "report_mode",
    "?W": "default_tabs",
    " @": "scroll_left",
    " A": "scroll_right",
    "'}": "insert_columns",
    "'~": "delete_columns",
}
_TWO_NUMBERS: Final = {
    "H": "cursor_position",
    "f": "cursor_position",
    "r": "set_margins",
    "?n": "report_private_status",
}
_ALL_NUMBERS: Final = {
    "h": "set_mode",
    "l": "reset_mode",
    "t": "window_operation",
    "?s": "save_modes",
    "?r": "restore_modes",
    ">t": "set_title_modes",
    ">T": "reset_title_modes",
}
_AREAS: Final = {
    "$v": "copy_area",
    "$x": "fill_area",
    "$z": "erase_area",
    "${": "selective_erase_area",
    "$r": "change_attributes",
    "$t": "reverse_attributes",
    "*y": "report_checksum",
}
_PRIVATE: Final = {"?J": "erase_in_display", "?K": "erase_in_line", "?$p": "report_mode"}
_ALL_PRIVATE: Final = {"?h": "set_mode", "?l": "reset_mode"}

_ESCAPE: Final = {
    "6": "back_index",
    "7": "save_cursor",
    "8": "restore_cursor",
    "9": "forward_index",
    "=": "set_application_keypad",
    ">": "set_numeric_keypad",
    "D": "index",
    "E": "next_line",
    "H": "set_tab_stop",
    "M": "reverse_index",
    "V": "start_protected_area",
    "W": "end_protected_area",
    "Z": "report_device_attributes",
    "c": "reset",
    "#8": "alignment_display",
}
_CONTROLS: Final = {
    "\x07": "bell",
    "\x08": "backspace",
    "\t": "tab",
    "\n": "linefeed",
    "\x0b": "linefeed",
    "\x0c": "linefeed",
    "\r": "carriage_return",
    "\x0e": "shift_out",
    "\x0f": "shift_in",
}


class Screen(Settings):
    """A `pyte.Screen` with the behaviour of an xterm as VT420 (`model` 4) or VT520 (5).

    Events keep pyte's names and can be called directly; `display`, `cursor`, `mode`, `title` stay valid. pyte's
    `buffer`, `dirty`, `margins` and `savepoints` are not maintained: read `rows`, `top`, `bottom` instead.
    """

    def __init__(self, columns: int, lines: int, scrollback: int = 10_000, model: Literal[4, 5] = 4) -> None:
        self.model = model
        self.mode: set[int] = set()
        self.palette = {}
        self.default_colors = {}
        self.base_colors = BASE_COLORS
        self.replies = Replies()
        self.checksums = {}
        self.spared = {}
        self.on_clipboard = None
        self.resizable = True
        self.title_stack = []
        self.window = Window()
        self.title = self.icon_name = ""
        self.bell_count = 0
        super().__init__(columns, lines, scrollback)
        self.reset()
        self.csi = self._csi_handlers()
        self.escapes: dict[str, Callable[[], None]] = {key: getattr(self, name) for key, name in _ESCAPE.items()}
        self.escapes |= {
            designator + code: self._designator(code, designator)
            for designator in "()*+-./"
            for code in map(chr, range(0x30, 0x7F))
        }
        self.escapes |= {"n": self._shifter(2), "o": self._shifter(3)}
        self.escapes |= {"N": self._single_shifter(2), "O": self._single_shifter(3)}
        self.controls: dict[str, Callable[[], None]] = {key: getattr(self, name) for key, name in _CONTROLS.items()}

    # -- dispatch -----------------------------------------------------------------------------------------------

    def _csi_handlers(self) -> dict[str, Handler]:
        def bind(name: str, count: int, **fixed: Any) -> Handler:
            method = getattr(self, name)
            if count == 0:
                return lambda numbers: method(**fixed)
            if count == 1:
                return lambda numbers: method(numbers[0] if numbers else 0, **fixed)
            return lambda numbers: method(*numbers[:count], **fixed)

        handlers: dict[str, Handler] = {}
        for names, count in ((_NO_NUMBER, 0), (_ONE_NUMBER, 1), (_TWO_NUMBERS, 2), (_ALL_NUMBERS, 32), (_AREAS, 32)):
            handlers |= {key: bind(name, count) for key, name in names.items()}
        handlers |= {key: bind(name, 1, private=True) for key, name in _PRIVATE.items()}
        handlers |= {key: bind(name, 32, private=True) for key, name in _ALL_PRIVATE.items()}
        handlers["s"] = self._save_or_side_margins
        handlers["u"] = lambda numbers: self.restore_cursor()
        for key in (*_AREAS, "'}", "'~"):
            handlers[key] = self._rationed(handlers[key])
        return handlers

    def _rationed(self, handler: Handler) -> Handler:
        """For work on rectangles and columns, from conformance level 4 on."""

        def guarded(numbers: Numbers) -> None:
            if self.level >= 4 and not self.ration.exhausted:
                handler(numbers)

        return guarded

    def _save_or_side_margins(self, numbers: Numbers) -> None:
        """`CSI s` is DECSLRM in left/right margin mode and SCOSC without."""
        if self.side_margins:
            self.set_side_margins(*numbers[:2])
        else:
            self.save_cursor()

    def _designator(self, code: str, designator: str) -> Callable[[], None]:
        return lambda: self.define_charset(code, designator)

    def _shifter(self, number: int) -> Callable[[], None]:
        def shift() -> None:
            self.shift = number

        return shift

    def _single_shifter(self, number: int) -> Callable[[], None]:
        def shift() -> None:
            self.single_shift = number

        return shift

    # -- the rest -----------------------------------------------------------------------------------------------

    def bell(self, *_: Any) -> None:
        self.bell_count += 1

    def set_size(self, lines: int, columns: int) -> None:
        """Change the size: rows are cut or filled up, nothing is re-wrapped."""
        self.visible = fitted(self.visible, lines, columns)
        self.hidden = fitted(self.hidden, lines, columns)
        self.lines, self.columns = lines, columns

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Change the size: the main screen and its scrollback are re-wrapped, the alternate screen is not."""
        lines, columns = lines or self.lines, columns or self.columns
        if (lines, columns) == (self.lines, self.columns):
            return
        main = self.hidden if self.alternate else self.visible
        saved = self.saved.get(False)
        cursor = Place(self.cursor.y, self.cursor.x + self.pending_wrap)
        kept = Place(saved.y, saved.x) if saved else Place(0, 0)
        rows = self._rewrapped(main, lines, columns, [kept] if self.alternate else [cursor, kept])
        if saved:
            self.saved[False] = replace(saved, x=kept.column, y=max(0, min(kept.row, lines - 1)), pending_wrap=False)
        other = fitted(self.visible if self.alternate else self.hidden, lines, columns)
        self.visible, self.hidden = (other, rows) if self.alternate else (rows, other)
        if columns > self.columns:
            self._stops = sorted({*self._stops, *range(-(-self.columns // 8) * 8, columns, 8)})
        self.lines, self.columns = lines, columns
        self.ration.resize(columns, lines)
        self.reset_margins()
        self.mode.discard(DECLRMM << 5)
        self.place(cursor.column, cursor.row)
        self.pending_wrap = cursor.column == columns

    def _rewrapped(self, main: list[StoredRow], lines: int, columns: int, places: list[Place]) -> list[StoredRow]:
        """The rows of the main screen in the new size; the scrollback is re-wrapped with them.

        Blank rows below the cursor give way first; the screen keeps showing the end of the text.
        """
        history = list(self.scrollback.stored)
        used = len(main)
        lowest = max(place.row for place in places)
        while used > lowest + 1 and not length_of(main[used - 1]):
            used -= 1
        anchor = Place(0, 0)
        for place in (anchor, *places):
            place.row += len(history)
        rows = reflow([*history, *main[:used]], columns, [anchor, *places])
        top = max(0, len(rows) - lines)
        if used < len(main):
            # There was room below: rows must not come back from the scrollback into a cleared screen.
            top = max(top, anchor.row)
        top = min(top, places[0].row)
        del rows[top + lines :]
        self.scrollback.replace(rows[:top])
        for place in places:
            place.row -= top
        screen = rows[top:]
        return screen + [""] * (lines - len(screen))


def fitted(rows: list[StoredRow], lines: int, columns: int) -> list[StoredRow]:
    """`rows` cut or filled up to a size; rows go from the bottom."""
    kept: list[StoredRow] = []
    for row in rows[:lines]:
        if type(row) is str:
            kept.append(row[:columns])
        else:
            cut = row_of(row)
            cut.truncate(columns)
            cut.wrapped = False
            kept.append(cut)
    return kept + [""] * (lines - len(kept))
