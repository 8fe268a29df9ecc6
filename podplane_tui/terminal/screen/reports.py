"""What a program can ask the terminal: the replies of an xterm as VT420 or VT520 (xterm's control sequence document).

Replies collect in `replies`; whoever feeds the terminal takes them from there and sends them to the program.

The program is a stranger's, and what is sent to it arrives as if typed, at a root shell perhaps. So a reply is made of
numbers and of words of this module, never of text that the program chose, and `REPLY` lets nothing else pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

from podplane_tui.terminal.buffer.row import Row
from podplane_tui.terminal.buffer.style import Style, describe
from podplane_tui.terminal.screen.editing import Editing
from podplane_tui.terminal.screen.replies import Replies

ATTRIBUTES: Final = "1;2;6;9;15;16;17;18;21;22;28;29"
"""DA: 132 columns, selective erase, horizontal scrolling, ANSI colours, rectangles: xterm's answer."""
MODELS: Final = {4: 41, 5: 64}
"""DA2: what a VT420 and a VT520 call themselves."""
PATCH: Final = 379
"""DA2: the xterm patch level whose behaviour programs may expect."""
CHECKSUM_FLAGS: Final = 1 | 2 | 4 | 16
"""XTCHECKSUM's flags at start: the sum of the characters alone, blanks and all, as xterm's patch 334 had it.

That is what test programs read a screen with. Later xterms have 0, the calculation of DEC's terminals.
"""
CELL_WIDTH, CELL_HEIGHT = 8, 16
CAPABILITIES: Final = {
    name.encode().hex().upper(): value.encode().hex().upper()
    for name, value in {
        "Co": "256",
        "colors": "256",
        "RGB": "8",
        "TN": "xterm-256color",
        "name": "xterm-256color",
    }.items()
}
"""Terminfo capabilities told on demand (XTGETTCAP), names and values in hexadecimal: those that are no key."""
TITLE_STACK_LIMIT: Final = 10
TITLE_LIMIT: Final = 1024

_NUMBER: Final = "[0-9]{1,7}"
_CAPABILITY: Final = f"(?:{'|'.join(f'{name}={value}' for name, value in CAPABILITIES.items())})"
REPLY: Final = re.compile(
    rf"\x1b\[[>?]?{_NUMBER}(?:;{_NUMBER})*(?:[Rcntx]|\$y|\*\{{)"
    rf"|\x1bP(?:!\|00000000|>\|podplane-tui|{_NUMBER}!~[0-9A-F]{{4}})\x1b\\"
    r"|\x1bP(?:0\$r|1\$r[0-9]+(?:[:;][0-9]*)*(?:[mrst]| q|\"[qp]|\$[|}~]|\*[|x]))\x1b\\"
    rf"|\x1bP(?:0\+r|1\+r{_CAPABILITY}(?:;{_CAPABILITY})*)\x1b\\"
    rf"|\x1b\](?:[Ll]|{_NUMBER}(?:;{_NUMBER})?;rgb:[0-9a-f]{{4}}/[0-9a-f]{{4}}/[0-9a-f]{{4}})\x1b\\"
)
"""All that a terminal ever says: 7-bit controls around numbers, hexadecimal and fixed words.

No other control character is in it, so a shell that takes it for typed text never gets Enter, and runs nothing.
"""

_ADDING: Final = 4
"""What adding up a row whose sums are known costs, in cells that are worked on one by one."""


@dataclass(slots=True)
class Window:
    """The window a program may believe it has: where it asked it to be, and whether it asked to have it put away."""

    x: int = 0
    y: int = 0
    iconified: bool = False


class Reports(Editing):
    """Answers questions about the terminal."""

    replies: Replies
    level: int  # the one in force (DECSCL), never above `model`
    model: Literal[4, 5]
    title_modes: set[int]
    window: Window
    title_stack: list[tuple[str | None, str | None]]
    cursor_style: int
    checksum_flags: int
    checksums: dict[int, Sums]  # of each line, as it was asked for last

    def _send(self, reply: str) -> None:
        """Queue a reply: the one place where they come from. What `REPLY` does not know is not sent."""
        if REPLY.fullmatch(reply):
            self.replies.add(reply.encode("ascii"))

    def send_csi(self, body: str) -> None:
        self._send(f"\x1b[{body}")

    def send_dcs(self, body: str) -> None:
        self._send(f"\x1bP{body}\x1b\\")

    def send_osc(self, body: str) -> None:
        """However the question ended, the answer ends with ST: BEL would be a control character at a shell's prompt."""
        self._send(f"\x1b]{body}\x1b\\")

    # -- identity and status ------------------------------------------------------------------------------------

    def report_device_attributes(self, mode: int = 0, **_: bool) -> None:
        """DA."""
        if mode == 0:
            self.send_csi(f"?6{self.model};{ATTRIBUTES}c" if self.level > 1 else "?1;2c")

    def report_secondary_attributes(self, mode: int = 0) -> None:
        """DA2."""
        if mode == 0:
            self.send_csi(f">{MODELS[self.model]};{PATCH};0c")

    def report_unit_id(self, mode: int = 0) -> None:
        """DA3."""
        if mode == 0:
            self.send_dcs("!|00000000")

    def report_version(self, mode: int = 0) -> None:
        """XTVERSION."""
        if mode == 0:
            self.send_dcs(">|podplane-tui")

    def report_parameters(self, mode: int = 0) -> None:
        """DECREQTPARM."""
        if mode in {0, 1}:
            self.send_csi(f"{mode + 2};1;1;128;128;1;0x")

    def report_device_status(self, mode: int = 0) -> None:
        """DSR: 5 status, 6 cursor position."""
        if mode == 5:
            self.send_csi("0n")
        elif mode == 6:
            y, x = self.position
            self.send_csi(f"{y + 1};{x + 1}R")

    def report_private_status(self, mode: int = 0, argument: int = 0) -> None:
        """DECDSR."""
        fixed = {15: "13", 25: "20", 26: "27;1;0;0", 53: "50", 55: "50", 56: "57;0", 75: "70", 85: "83"}
        if mode == 6:
            y, x = self.position
            self.send_csi(f"?{y + 1};{x + 1};1R")
        elif mode == 62:
            self.send_csi("0000*{")
        elif mode == 63:
            self.send_dcs(f"{argument}!~0000")
        elif mode in fixed:
            self.send_csi(f"?{fixed[mode]}n")

    # -- windows and titles -------------------------------------------------------------------------------------

    def request_size(self, *, lines: int = 0, columns: int = 0) -> None:
        """Change the size as a program asks for it; 0 leaves it."""
        raise NotImplementedError

    def window_operation(self, operation: int = 0, argument: int = 0, columns: int = 0, *_: int) -> None:
        """XTWINOPS: the reports, the title stack, the size.

        There is no window: where it is and whether it is iconified is what the program asked for, nothing else comes
        of it. It always fills its display.
        """
        height, width = self.lines * CELL_HEIGHT, self.columns * CELL_WIDTH
        fixed = {
            11: "2t" if self.window.iconified else "1t",
            13: f"3;{self.window.x};{self.window.y}t",
            14: f"4;{height};{width}t",
            15: f"5;{height};{width}t",
            16: f"6;{CELL_HEIGHT};{CELL_WIDTH}t",
            18: f"8;{self.lines};{self.columns}t",
            19: f"9;{self.lines};{self.columns}t",
        }
        if operation in fixed:
            self.send_csi(fixed[operation])
        elif operation in {1, 2}:
            self.window.iconified = operation == 2
        elif operation == 3:
            self.window.x, self.window.y = argument, columns
        elif operation == 4:
            self.request_size(lines=argument // CELL_HEIGHT, columns=columns // CELL_WIDTH)
        elif operation == 8:
            self.request_size(lines=argument, columns=columns)
        elif operation >= 24:  # DECSLPP
            self.request_size(lines=operation)
        elif operation in {20, 21}:  # a title is a stranger's text: whoever asks gets to know of none
            self.send_osc("L" if operation == 20 else "l")
        elif operation == 22 and argument in {0, 1, 2}:
            # What is not pushed is taken from the entry below, so that one pop can bring back what two pushes saved.
            icon_name, title = self.title_stack[-1] if self.title_stack else (None, None)
            pushed = (self.icon_name if argument != 2 else icon_name, self.title if argument != 1 else title)
            self.title_stack.append(pushed)
            del self.title_stack[:-TITLE_STACK_LIMIT]
        elif operation == 23 and argument in {0, 1, 2} and self.title_stack:
            icon_name, title = self.title_stack.pop()
            if argument != 2 and icon_name is not None:
                self.icon_name = icon_name
            if argument != 1 and title is not None:
                self.title = title

    def set_title(self, param: str) -> None:
        self.title = self._decoded(param)

    def set_icon_name(self, param: str) -> None:
        self.icon_name = self._decoded(param)

    def _decoded(self, text: str) -> str:
        """A title as sent: hexadecimal if the program said so, without control characters, of bounded length."""
        if 0 in self.title_modes:
            try:
                text = bytes.fromhex(text).decode("utf-8", "replace")
            except ValueError:
                return ""
        return "".join(char for char in text[:TITLE_LIMIT] if char.isprintable())

    def set_title_modes(self, *modes: int) -> None:
        self.title_modes.update(mode for mode in modes or (0,) if mode < 4)

    def reset_title_modes(self, *modes: int) -> None:
        self.title_modes.difference_update(modes or (0, 1, 2, 3))

    # -- settings -----------------------------------------------------------------------------------------------

    def report_setting(self, request: str) -> None:
        """DECRQSS."""
        protected = 1 if self.style.protected and self.protection == "dec" else 0
        answers: dict[str, Callable[[], str]] = {
            "m": lambda: describe(self.style),
            "r": lambda: f"{self.top + 1};{self.bottom + 1}",
            "s": lambda: f"{self.left + 1};{self.right + 1}",
            "t": lambda: str(self.lines),
            " q": lambda: str(self.cursor_style),
            '"q': lambda: str(protected),
            '"p': lambda: f"{60 + self.level};1" if self.level > 1 else "61",
            "$|": lambda: str(self.columns),
            "*|": lambda: str(self.lines),
            "*x": lambda: str(self.extent),
            "$}": lambda: "0",  # there is no status line to write to
            "$~": lambda: "0",
        }
        answer = answers.get(request)
        self.send_dcs(f"1$r{answer()}{request}" if answer else "0$r")

    def report_capabilities(self, request: str) -> None:
        """XTGETTCAP: names in hexadecimal, answered in capitals up to the first unknown one, no more than there are."""
        known = []
        for name in request.upper().split(";", len(CAPABILITIES))[: len(CAPABILITIES)]:
            value = CAPABILITIES.get(name)
            if value is None:
                break
            known.append(f"{name}={value}")
        self.send_dcs(f"1+r{';'.join(known)}" if known else "0+r")

    # -- checksums ----------------------------------------------------------------------------------------------

    def set_checksum_flags(self, flags: int = 0) -> None:
        """XTCHECKSUM: 1 not negated, 2 without attributes, 4 with blanks at line ends, 16 more than 8 bits."""
        self.checksum_flags = flags

    def report_checksum(self, identifier: int = 0, _page: int = 0, *area: int) -> None:
        """DECRQCRA; no answer to a program that asks for more than it sends text for."""
        if self.replies.full:
            return
        total, flags = 0, self.checksum_flags
        if place := self.area(area):
            top, left, bottom, right = place
            if not self.ration.spend((bottom - top) * _ADDING):
                return
            for y in range(top, bottom):
                row = self.row_at(y)
                known = self.checksums.get(y)
                if known is None or known.row is not row or (known.version, known.flags) != (row.version, flags):
                    if not self.ration.spend(self.columns):
                        return
                    known = self.checksums[y] = Sums.of(row, flags)
                total += known.between(left, right)
        if not flags & 1:
            total = -total
        self.send_dcs(f"{identifier}!~{total & 0xFFFF:04X}")


@dataclass(frozen=True, slots=True)
class Sums:
    """Checksums of one row, as it is now, from its start to each of its cells."""

    row: Row
    version: int
    flags: int
    sums: list[int]
    last: list[int]
    """Of each cell, the last one up to it that is not blank; empty if blanks count."""

    @classmethod
    def of(cls, row: Row, flags: int) -> Sums:
        """Codes and attributes of the cells."""
        mask = 0xFFFFFF if flags & 0x10 else 0xFF
        chars = row.to_cells()
        codes = [ord(char[0]) & mask if char else 0 for char in chars]
        if not flags & 2:
            added = {id(style): _attribute_code(style) for style in {id(style): style for style in row.styles}.values()}
            codes = [code + added[id(style)] for code, style in zip(codes, row.styles, strict=True)]
        last: list[int] = []
        if not flags & 4:
            last = list(accumulate((x if code != 0x20 else -1 for x, code in enumerate(codes)), max))
        return cls(row, row.version, flags, list(accumulate(codes, initial=0)), last)

    def between(self, left: int, right: int) -> int:
        """Of some columns; blanks at their end count only with flag 4 or if there is nothing else."""
        sums, size = self.sums, len(self.sums) - 1
        if self.flags & 4:
            return sums[min(right, size)] - sums[min(left, size)] + 0x20 * (right - max(left, min(right, size)))
        if left >= size:
            return 0x20
        return sums[max(left, self.last[min(right, size) - 1]) + 1] - sums[left]


def _attribute_code(style: Style) -> int:
    """What the visual attributes add to a character's checksum."""
    return (
        (0x04 if style.protected else 0)
        + (0x08 if style.conceal else 0)
        + (0x10 if style.underline else 0)
        + (0x20 if style.reverse else 0)
        + (0x40 if style.blink else 0)
        + (0x80 if style.bold else 0)
    )
