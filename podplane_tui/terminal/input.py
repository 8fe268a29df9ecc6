"""What the user does, as the bytes xterm would send to the program: keys, pasted text, mouse, focus.

Keys have the names Textual gives them (``"a"``, ``"ctrl+up"``, ``"alt+shift+x"``, ``"full_stop"``); this module knows
the names only, not the library. The reference is xterm's control sequence document with ``modifyOtherKeys`` off, Alt
as an ESC prefix (``metaSendsEscape``) and Backspace as DEL (what Linux guests expect) until the program asks otherwise.

What the outer terminal cannot tell apart
-----------------------------------------
A terminal with the kitty keyboard protocol (kitty, foot, Ghostty, WezTerm, recent Konsole and iTerm2) reports every
key and modifier. Without it, Textual sees the classic byte sequences, so the guest gets the same bytes for:

* Ctrl+I and Tab, Ctrl+M and Enter, Ctrl+[ and Escape, Ctrl+H and Backspace; Enter, Backspace and Escape with Shift or
  Ctrl; Tab with Ctrl; Ctrl+Shift+letter and Ctrl+letter.
* F13 to F24 and Shift+F1 to Shift+F12 (and F25 to F36 and Ctrl+F1 to Ctrl+F12): both are sent as terminfo's ``kf13``…,
  which is what xterm sends for the shifted key.
* Alt+cursor or editing key arrives as Escape followed by the key, and is passed on like that.
* Alt+B and Alt+F arrive as Ctrl+Left and Ctrl+Right, Alt+Backspace as Ctrl+W, Alt with punctuation as the punctuation
  alone, Alt with a digit as the character WezTerm on macOS types for it.

With it, digits, Enter and the cursor keys of the keypad still have the names of the main keys, and are sent as those in
application keypad mode too; the operators (``add``, ``divide``, …) are told apart.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from podplane_tui.terminal.state import Modes

ESC: Final = b"\x1b"


_MODIFIERS: Final = {"shift": 1, "alt": 2, "ctrl": 4, "meta": 8, "super": 0, "hyper": 0}
"""xterm's modifier bits; it has no word for Super and Hyper, so they change nothing."""
_SHIFT, _ALT, _CTRL, _META = 1, 2, 4, 8

_CURSOR_KEYS: Final = {"up": "A", "down": "B", "right": "C", "left": "D", "end": "F", "home": "H"}
_FUNCTION_KEYS_1_TO_4: Final = {1: "P", 2: "Q", 3: "R", 4: "S"}
_FUNCTION_KEYS: Final = {5: 15, 6: 17, 7: 18, 8: 19, 9: 20, 10: 21, 11: 23, 12: 24}
_EDITING_KEYS: Final = {"insert": 2, "delete": 3, "pageup": 5, "pagedown": 6, "menu": 29}
_KEYPAD: Final = {
    "multiply": ("*", "j"),
    "add": ("+", "k"),
    "separator": (",", "l"),
    "subtract": ("-", "m"),
    "decimal": (".", "n"),
    "divide": ("/", "o"),
    "equal": ("=", "X"),
}
"""Keypad key: its character, its SS3 final in application keypad mode."""

_CHARACTERS: Final = {
    unicodedata.name(character).lower().replace("-", "_").replace(" ", "_"): character
    for character in map(chr, range(0x20, 0x7F))
} | {"slash": "/", "backslash": "\\", "at": "@", "minus": "-", "plus": "+", "underscore": "_"}
"""Textual's name of a printable ASCII character."""


def encode_key(key: str, character: str | None, modes: Modes) -> bytes | None:
    """Bytes for a key press, or None for what a terminal does not send (a modifier alone, media keys).

    ``key`` is Textual's name, ``character`` the character it typed, where known.
    """
    *names, base = key.split("+") if key != "+" else ["plus"]
    modifiers = 0
    for name in names:
        if name not in _MODIFIERS:
            return None
        modifiers |= _MODIFIERS[name]
    if (named := _named_key(base, modifiers, modes)) is not None:
        return named
    typed = character if character and character.isprintable() else None
    if typed is None:
        typed = base if len(base) == 1 else _character_of(base)
        if typed is None:
            return None
        if modifiers & _SHIFT:
            typed = _shifted(typed)
    data = _control(typed) if modifiers & _CTRL else typed.encode("utf-8", "replace")
    return ESC + data if modifiers & (_ALT | _META) else data


def clean_paste(text: str) -> str:
    """Pasted text with a space for each control character but tabs and line ends, as in xterm.

    So nothing in it can end a bracketed paste early or give a command to a terminal or its driver.
    """
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", " ", text)


def encode_paste(text: str, modes: Modes) -> bytes:
    """Pasted text, cleaned; line ends become CR as if typed."""
    data = re.sub(r"\r\n|\n", "\r", clean_paste(text)).encode("utf-8", "replace")
    return b"\x1b[200~" + data + b"\x1b[201~" if modes.bracketed_paste else data


def encode_focus(gained: bool, modes: Modes) -> bytes | None:
    """The report that the terminal gained or lost the focus, None unless the program asked for it."""
    if not modes.focus_events:
        return None
    return b"\x1b[I" if gained else b"\x1b[O"


@dataclass(frozen=True, slots=True)
class MouseReport:
    """One thing the mouse did, in cells from the top left (0, 0) of the screen.

    ``button`` as X11 counts: 0 none (a move), 1 left, 2 middle, 3 right, wheel 4 up, 5 down, 6 left, 7 right.
    """

    kind: Literal["press", "release", "move", "wheel"]
    button: int
    x: int
    y: int
    shift: bool = False
    alt: bool = False
    ctrl: bool = False


def encode_mouse(event: MouseReport, modes: Modes) -> bytes | None:
    """The report of a mouse event in the program's tracking mode and encoding, None if it did not ask for it."""
    if not modes.mouse or event.x < 0 or event.y < 0:
        return None
    if event.kind == "move" and not (modes.mouse == 1003 or (modes.mouse == 1002 and event.button)):
        return None
    if modes.mouse == 9:
        if event.kind != "press" or event.button > 3:
            return None
        code = event.button - 1
    else:
        code = _button_code(event, releases_name_button=modes.mouse_encoding == "sgr")
    if modes.mouse_encoding == "sgr":
        final = "m" if event.kind == "release" else "M"
        return f"\x1b[<{code};{event.x + 1};{event.y + 1}{final}".encode()
    if modes.mouse_encoding == "urxvt":
        return f"\x1b[{code + 32};{event.x + 1};{event.y + 1}M".encode()
    values = (code + 32, event.x + 33, event.y + 33)
    if modes.mouse_encoding == "utf8":
        return b"\x1b[M" + "".join(chr(value) if value <= 2047 else "\x00" for value in values).encode()
    return b"\x1b[M" + bytes(value if value <= 255 else 0 for value in values)


def _named_key(base: str, modifiers: int, modes: Modes) -> bytes | None:
    """Keys that are no characters: cursor, editing and function keys, Enter, Tab, Backspace, Escape, the keypad."""
    prefix = ESC if modifiers & (_ALT | _META) else b""
    match base:
        case "enter" | "return":
            return prefix + (b"\r\n" if modes.newline else b"\r")
        case "tab":
            return prefix + (b"\x1b[Z" if modifiers & _SHIFT else b"\t")
        case "escape":
            return prefix + ESC
        case "backspace":
            return prefix + (b"\x08" if modes.backarrow_sends_backspace != bool(modifiers & _CTRL) else b"\x7f")
        case "kp_begin":
            return _letter_sequence("E", modifiers, ss3=modes.application_cursor)
    if base in _CURSOR_KEYS:
        return _letter_sequence(_CURSOR_KEYS[base], modifiers, ss3=modes.application_cursor)
    if base in _EDITING_KEYS:
        return _number_sequence(_EDITING_KEYS[base], modifiers)
    if base in _KEYPAD:
        character, final = _KEYPAD[base]
        if modes.application_keypad:
            return _letter_sequence(final, modifiers, ss3=True)
        return prefix + character.encode()
    if (match := re.fullmatch(r"f([1-9]|[12]\d|3[0-6])", base)) is not None:
        row, column = divmod(int(match[1]) - 1, 12)
        modifiers |= (0, _SHIFT, _CTRL)[row]
        if (number := column + 1) in _FUNCTION_KEYS_1_TO_4:
            return _letter_sequence(_FUNCTION_KEYS_1_TO_4[number], modifiers, ss3=True)
        return _number_sequence(_FUNCTION_KEYS[number], modifiers)
    return None


def _letter_sequence(final: str, modifiers: int, *, ss3: bool) -> bytes:
    if modifiers:
        return f"\x1b[1;{modifiers + 1}{final}".encode()
    return f"\x1bO{final}".encode() if ss3 else f"\x1b[{final}".encode()


def _number_sequence(number: int, modifiers: int) -> bytes:
    return f"\x1b[{number};{modifiers + 1}~".encode() if modifiers else f"\x1b[{number}~".encode()


def _control(character: str) -> bytes:
    """Ctrl with a character, as X11 translates it: most give a C0 code, those without one the character itself."""
    if character == " " or "@" <= character < "\x7f":
        return bytes([ord(character) & 0x1F])
    if character in "2345678/?":
        return {"2": b"\x00", "8": b"\x7f", "/": b"\x1f", "?": b"\x7f"}.get(character) or bytes([ord(character) - 24])
    return character.encode("utf-8", "replace")


def _shifted(character: str) -> str:
    """Shift with a character Textual did not tell: the capital; what lies above a digit depends on the keyboard."""
    upper = character.upper()
    return upper if len(upper) == 1 else character


def _character_of(name: str) -> str | None:
    """The character Textual calls ``name``, None when it names none."""
    if name in _CHARACTERS:
        return _CHARACTERS[name]
    try:
        return unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return None


def _button_code(event: MouseReport, *, releases_name_button: bool) -> int:
    if event.kind == "wheel":
        code = 60 + event.button
    elif event.button == 0 or (event.kind == "release" and not releases_name_button):
        code = 3
    else:
        code = event.button - 1
    if event.kind == "move":
        code += 32
    return code + 4 * event.shift + 8 * event.alt + 16 * event.ctrl
