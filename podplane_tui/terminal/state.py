"""What readers of a terminal are told about its modes and its cursor: snapshots, independent of the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MouseTracking = Literal[0, 9, 1000, 1002, 1003]
MouseEncoding = Literal["default", "utf8", "sgr", "urxvt"]
CursorShape = Literal["block", "underline", "bar"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the cursor is (0-based cells, always inside the screen) and how it looks."""

    x: int = 0
    y: int = 0
    visible: bool = True
    shape: CursorShape = "block"
    blinking: bool = True


@dataclass(frozen=True, slots=True)
class Modes:
    """The modes that matter to whoever types into a terminal or paints it."""

    application_cursor: bool = False
    application_keypad: bool = False
    backarrow_sends_backspace: bool = False
    bracketed_paste: bool = False
    focus_events: bool = False
    mouse: MouseTracking = 0
    mouse_encoding: MouseEncoding = "default"
    alternate_screen: bool = False
    alternate_scroll: bool = False
    synchronized_output: bool = False
    reverse_video: bool = False
    cursor_visible: bool = True
    newline: bool = False
    auto_wrap: bool = True
    insert: bool = False
    origin: bool = False
