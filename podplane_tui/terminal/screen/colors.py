"""Colours a program redefines or asks about (OSC 4, 5, 10-19, 104, 105, 110-119) and clipboard requests (OSC 52).

The core paints nothing: it stores what the program set, for the painter, and answers queries from that, from the two
base colours the painter names, or from the palette of a plain xterm.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from typing import Final

from podplane_tui.terminal.screen.reports import Reports

_ANSI: Final = [
    *("000000", "cd0000", "00cd00", "cdcd00", "0000ee", "cd00cd", "00cdcd", "e5e5e5"),
    *("7f7f7f", "ff0000", "00ff00", "ffff00", "5c5cff", "ff00ff", "00ffff", "ffffff"),
]
_STEPS: Final = (0, 95, 135, 175, 215, 255)
PALETTE: Final = (
    _ANSI
    + [f"{red:02x}{green:02x}{blue:02x}" for red in _STEPS for green in _STEPS for blue in _STEPS]
    + [f"{level:02x}" * 3 for level in range(8, 239, 10)]
)
"""xterm's 256 colours, `"rrggbb"`."""
SPECIAL_COLORS: Final = 5
"""Colours for bold, underline, blink, reverse, italic: numbers from 256 on in OSC 4, from 0 in OSC 5."""
BASE_COLORS: Final = ("000000", "ffffff")
"""Text and background of an xterm that nobody set colours for."""
BACKGROUNDS: Final = frozenset({11, 14, 16, 19})
"""The colours of OSC 10..19 that are the background's until set, the others being the text's."""
CLIPBOARD_LIMIT: Final = 100_000
"""Characters of base64 that may go to the clipboard at once: what hterm and tmux take."""
_TARGETS: Final = re.compile("[cpqs0-7]{0,12}")
"""The names of clipboard, primary, secondary and selection, and of the cut buffers."""

_HASH: Final = re.compile(r"#((?:[0-9a-fA-F]{3}){1,4})")
_RGB: Final = re.compile(r"rgb:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_RGBI: Final = re.compile(r"rgbi:([0-9.]{1,8})/([0-9.]{1,8})/([0-9.]{1,8})")
_NAMES: Final = {
    "black": "000000",
    "red": "ff0000",
    "green": "00ff00",
    "yellow": "ffff00",
    "blue": "0000ff",
    "magenta": "ff00ff",
    "cyan": "00ffff",
    "white": "ffffff",
    "gray": "bebebe",
    "grey": "bebebe",
    "orange": "ffa500",
}


def parse_color(text: str) -> str | None:
    """An X11 colour specification as `"rrggbb"`; None if it is none we know."""
    if match := _HASH.fullmatch(text):
        digits = match[1]
        size = len(digits) // 3
        return "".join(digits[index * size : index * size + size].ljust(2, "0")[:2] for index in range(3)).lower()
    if match := _RGB.fullmatch(text):
        return "".join(f"{int(part, 16) * 255 // (16 ** len(part) - 1):02x}" for part in match.groups())
    if match := _RGBI.fullmatch(text):
        try:
            levels = [float(part) for part in match.groups()]
        except ValueError:
            return None
        return "".join(f"{round(min(1.0, level) * 255):02x}" for level in levels)
    return _NAMES.get(text.lower())


class Colors(Reports):
    """Keeps redefined colours."""

    palette: dict[int, str]
    default_colors: dict[int, str]
    base_colors: tuple[str, str]
    on_clipboard: Callable[[str, bytes], None] | None

    def _answer(self, *numbers: int, color: str) -> None:
        red, green, blue = (color[start : start + 2] * 2 for start in (0, 2, 4))
        self.send_osc(f"{';'.join(map(str, numbers))};rgb:{red}/{green}/{blue}")

    def indexed_colors(self, code: int, items: list[str]) -> None:
        """OSC 4 and 5: pairs of number and colour or `?`."""
        offset = 256 if code == 5 else 0
        for number, text in zip(items[::2], items[1::2], strict=False):
            if not number.isascii() or not number.isdecimal() or len(number) > 3:
                continue
            index = int(number) + offset
            if index >= 256 + SPECIAL_COLORS:
                continue
            if text == "?":
                color = self.palette.get(index) or (PALETTE[index] if index < 256 else self.base_colors[0])
                self._answer(code, int(number), color=color)
            elif color := parse_color(text) or "":
                self.palette[index] = color

    def reset_indexed_colors(self, code: int, items: list[str]) -> None:
        """OSC 104 and 105; without numbers, all, in case of 104 the special colours too."""
        offset = 256 if code == 105 else 0
        numbers = [item for item in items if item.isascii() and item.isdecimal() and len(item) <= 3]
        if numbers:
            for number in numbers:
                self.palette.pop(int(number) + offset, None)
        else:
            for index in [index for index in self.palette if index >= offset]:
                del self.palette[index]

    def dynamic_colors(self, code: int, items: list[str]) -> None:
        """OSC 10..19: further colours follow on in number."""
        for number, text in zip(range(code, 20), items, strict=False):
            if text == "?":
                base = self.base_colors[number in BACKGROUNDS]
                self._answer(number, color=self.default_colors.get(number, base))
            elif color := parse_color(text):
                self.default_colors[number] = color

    def clipboard(self, targets: str, data: str) -> None:
        """OSC 52, where the owner takes it: data that is no base64 empties the clipboard. A query is never answered."""
        if self.on_clipboard is None or data == "?":
            return
        if len(data) > CLIPBOARD_LIMIT or not _TARGETS.fullmatch(targets):
            return
        try:
            content = binascii.a2b_base64(data, strict_mode=True)
        except (binascii.Error, ValueError):
            content = b""
        self.on_clipboard(targets or "s0", content)  # what xterm takes when none is named
