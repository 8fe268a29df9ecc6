"""Keys, paste, mouse and focus against what xterm's control sequence document and X11's key tables say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.terminal import Modes
from podplane_tui.terminal.input import MouseReport, encode_focus, encode_key, encode_mouse, encode_paste
from podplane_tui.terminal.state import MouseEncoding, MouseTracking

NORMAL = Modes()
APPLICATION = Modes(application_cursor=True, application_keypad=True)


@pytest.mark.parametrize(
    ("key", "character", "expected"),
    [
        ("a", "a", b"a"),
        ("A", "A", b"A"),
        ("upper_a", "A", b"A"),
        ("é", "é", "é".encode()),
        ("full_stop", ".", b"."),
        ("plus", None, b"+"),
        ("+", "+", b"+"),
        ("less_than_sign", None, b"<"),
        ("space", " ", b" "),
        ("shift+space", " ", b" "),
        ("ctrl+space", None, b"\0"),
        ("ctrl+@", "\0", b"\0"),
        ("ctrl+at", None, b"\0"),
        ("ctrl+a", "\x01", b"\x01"),
        ("ctrl+q", "\x11", b"\x11"),
        ("ctrl+p", "\x10", b"\x10"),
        ("ctrl+shift+a", None, b"\x01"),
        ("ctrl+i", None, b"\t"),
        ("ctrl+j", "\n", b"\n"),
        ("ctrl+backslash", "\x1c", b"\x1c"),
        ("ctrl+right_square_bracket", "\x1d", b"\x1d"),
        ("ctrl+left_square_bracket", None, b"\x1b"),
        ("ctrl+circumflex_accent", "\x1e", b"\x1e"),
        ("ctrl+underscore", "\x1f", b"\x1f"),
        ("ctrl+slash", None, b"\x1f"),
        ("ctrl+question_mark", None, b"\x7f"),
        ("ctrl+1", None, b"1"),
        ("ctrl+2", None, b"\0"),
        ("ctrl+3", None, b"\x1b"),
        ("ctrl+7", None, b"\x1f"),
        ("ctrl+8", None, b"\x7f"),
        ("ctrl+9", None, b"9"),
        ("ctrl+minus", None, b"-"),
        ("ctrl+ö", None, "ö".encode()),
        ("alt+a", "a", b"\x1ba"),
        ("alt+a", None, b"\x1ba"),
        ("alt+shift+a", "A", b"\x1bA"),
        ("alt+shift+a", None, b"\x1bA"),
        ("alt+full_stop", None, b"\x1b."),
        ("alt+ctrl+c", None, b"\x1b\x03"),
        ("meta+x", None, b"\x1bx"),
        ("super+a", None, b"a"),
        ("enter", "\r", b"\r"),
        ("shift+enter", None, b"\r"),
        ("alt+enter", None, b"\x1b\r"),
        ("tab", "\t", b"\t"),
        ("shift+tab", None, b"\x1b[Z"),
        ("escape", "\x1b", b"\x1b"),
        ("shift+escape", "\x9b", b"\x1b"),
        ("alt+escape", None, b"\x1b\x1b"),
        ("backspace", "\x7f", b"\x7f"),
        ("ctrl+backspace", None, b"\x08"),
        ("alt+backspace", None, b"\x1b\x7f"),
        ("up", None, b"\x1b[A"),
        ("home", None, b"\x1b[H"),
        ("end", None, b"\x1b[F"),
        ("shift+up", None, b"\x1b[1;2A"),
        ("alt+left", None, b"\x1b[1;3D"),
        ("ctrl+right", None, b"\x1b[1;5C"),
        ("ctrl+shift+end", None, b"\x1b[1;6F"),
        ("alt+ctrl+shift+down", None, b"\x1b[1;8B"),
        ("insert", None, b"\x1b[2~"),
        ("delete", None, b"\x1b[3~"),
        ("pageup", None, b"\x1b[5~"),
        ("pagedown", None, b"\x1b[6~"),
        ("shift+delete", None, b"\x1b[3;2~"),
        ("ctrl+pageup", None, b"\x1b[5;5~"),
        ("f1", None, b"\x1bOP"),
        ("f4", None, b"\x1bOS"),
        ("f5", None, b"\x1b[15~"),
        ("f10", None, b"\x1b[21~"),
        ("f11", None, b"\x1b[23~"),
        ("f12", None, b"\x1b[24~"),
        ("shift+f3", None, b"\x1b[1;2R"),
        ("ctrl+f5", None, b"\x1b[15;5~"),
        ("f13", None, b"\x1b[1;2P"),
        ("f24", None, b"\x1b[24;2~"),
        ("f25", None, b"\x1b[1;5P"),
        ("ctrl+f13", None, b"\x1b[1;6P"),
        ("divide", "/", b"/"),
        ("add", None, b"+"),
    ],
)
def test_normal_modes(key: str, character: str | None, expected: bytes) -> None:
    assert encode_key(key, character, NORMAL) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("up", b"\x1bOA"),
        ("home", b"\x1bOH"),
        ("ctrl+up", b"\x1b[1;5A"),
        ("f1", b"\x1bOP"),
        ("delete", b"\x1b[3~"),
        ("divide", b"\x1bOo"),
        ("decimal", b"\x1bOn"),
        ("1", b"1"),
        ("enter", b"\r"),
    ],
)
def test_application_modes(key: str, expected: bytes) -> None:
    assert encode_key(key, None, APPLICATION) == expected


def test_newline_mode_sends_cr_lf_for_enter() -> None:
    assert encode_key("enter", "\r", Modes(newline=True)) == b"\r\n"
    assert encode_key("ctrl+m", None, Modes(newline=True)) == b"\r"


def test_backarrow_mode_swaps_backspace() -> None:
    assert encode_key("backspace", None, Modes(backarrow_sends_backspace=True)) == b"\x08"
    assert encode_key("ctrl+backspace", None, Modes(backarrow_sends_backspace=True)) == b"\x7f"


@pytest.mark.parametrize("key", ["left_shift", "caps_lock", "media_play", "<ignore>", "<scroll-up>", "print_screen"])
def test_keys_a_terminal_does_not_send(key: str) -> None:
    assert encode_key(key, None, NORMAL) is None


def test_every_key_textual_can_report_is_sent() -> None:
    """All of Textual's own names, from its tables, not ours; what is not sent is listed here."""
    from textual import _keyboard_protocol
    from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
    from textual.keys import Keys

    names = {key.value for keys in ANSI_SEQUENCES_KEYS.values() if isinstance(keys, tuple) for key in keys}
    names |= set(_keyboard_protocol.FUNCTIONAL_KEYS.values())
    sides = ("left", "right", "iso_level3", "iso_level5")
    names -= {f"{side}_{key}" for side in sides for key in ("alt", "control", "hyper", "meta", "shift", "super")}
    names -= {Keys.ScrollUp.value, Keys.ScrollDown.value, Keys.Ignore.value}
    unsent = {name for name in names if encode_key(name, None, NORMAL) is None}
    assert {name for name in unsent if not name.startswith("media_") and not name.endswith("_volume")} == {
        "caps_lock",
        "scroll_lock",
        "num_lock",
        "print_screen",
        "pause",
    }


def test_bytes_typed_into_textual_reach_the_guest_unchanged() -> None:
    """What xterm sends Textual for a key is what we send on, for the keys that can be told apart."""
    from textual._xterm_parser import XTermParser
    from textual.events import Key

    for sequence in [
        *(chr(code) for code in range(0x01, 0x7F) if code != 0x1B),
        *("\x1b[A", "\x1b[1;2C", "\x1b[1;5D", "\x1b[1;6H", "\x1b[2~", "\x1b[3;5~", "\x1b[5~", "\x1b[15~", "\x1bOP"),
        *("\x1b[1;2P", "\x1b[24;2~", "\x1b[1;5Q", "\x1b[Z", "\x1ba", "\x1bX"),
    ]:
        if sequence == "\x08":  # Textual calls it Backspace
            continue
        sent = b""
        parser = XTermParser()
        for event in [*parser.feed(sequence), *parser.feed("")]:
            assert isinstance(event, Key)
            sent += encode_key(event.key, event.character, NORMAL) or b""
        assert sent == sequence.encode()


@given(st.text(max_size=40), st.one_of(st.none(), st.characters()))
def test_never_raises(key: str, character: str | None) -> None:
    encode_key(key, character, NORMAL)


def test_paste_types_carriage_returns() -> None:
    assert encode_paste("one\ntwo\r\nthree\tfour\n", NORMAL) == b"one\rtwo\rthree\tfour\r"


def test_bracketed_paste() -> None:
    assert encode_paste("ls\n", Modes(bracketed_paste=True)) == b"\x1b[200~ls\r\x1b[201~"


@given(st.text())
def test_paste_cannot_end_its_bracket(text: str) -> None:
    body = encode_paste(text + "\x1b[201~\x9b201~rm -r", Modes(bracketed_paste=True))
    assert body.count(b"\x1b") == 2
    assert b"\x9b201~" not in body.replace(b"\xc2\x9b", b"\x9b")


def test_focus() -> None:
    assert encode_focus(gained=True, modes=NORMAL) is None
    assert encode_focus(gained=True, modes=Modes(focus_events=True)) == b"\x1b[I"
    assert encode_focus(gained=False, modes=Modes(focus_events=True)) == b"\x1b[O"


PRESS = MouseReport("press", 1, 0, 0)
RELEASE = MouseReport("release", 1, 4, 2)
DRAG = MouseReport("move", 1, 1, 1)
HOVER = MouseReport("move", 0, 1, 1)
WHEEL_DOWN = MouseReport("wheel", 5, 1, 1)


@pytest.mark.parametrize(
    ("tracking", "reported"),
    [
        (0, set()),
        (9, {PRESS}),
        (1000, {PRESS, RELEASE, WHEEL_DOWN}),
        (1002, {PRESS, RELEASE, WHEEL_DOWN, DRAG}),
        (1003, {PRESS, RELEASE, WHEEL_DOWN, DRAG, HOVER}),
    ],
)
def test_what_each_tracking_mode_reports(tracking: MouseTracking, reported: set[MouseReport]) -> None:
    modes = Modes(mouse=tracking, mouse_encoding="sgr")
    events = {PRESS, RELEASE, DRAG, HOVER, WHEEL_DOWN}
    assert {event for event in events if encode_mouse(event, modes) is not None} == reported


@pytest.mark.parametrize(
    ("event", "encoding", "expected"),
    [
        (PRESS, "default", b"\x1b[M !!"),
        (RELEASE, "default", b"\x1b[M#%#"),
        (PRESS, "sgr", b"\x1b[<0;1;1M"),
        (RELEASE, "sgr", b"\x1b[<0;5;3m"),
        (PRESS, "urxvt", b"\x1b[32;1;1M"),
        (RELEASE, "urxvt", b"\x1b[35;5;3M"),
        (MouseReport("press", 3, 0, 0, shift=True, alt=True, ctrl=True), "sgr", b"\x1b[<30;1;1M"),
        (DRAG, "sgr", b"\x1b[<32;2;2M"),
        (HOVER, "sgr", b"\x1b[<35;2;2M"),
        (MouseReport("wheel", 4, 1, 1), "sgr", b"\x1b[<64;2;2M"),
        (WHEEL_DOWN, "sgr", b"\x1b[<65;2;2M"),
        (MouseReport("press", 1, 222, 222), "default", b"\x1b[M \xff\xff"),
        (MouseReport("press", 1, 223, 0), "default", b"\x1b[M \0!"),
        (MouseReport("press", 1, 94, 95), "utf8", b"\x1b[M \x7f\xc2\x80"),
        (MouseReport("press", 1, 2014, 2015), "utf8", b"\x1b[M \xdf\xbf\0"),
        (MouseReport("press", 1, 500, 300), "sgr", b"\x1b[<0;501;301M"),
    ],
)
def test_mouse_encodings(event: MouseReport, encoding: MouseEncoding, expected: bytes) -> None:
    assert encode_mouse(event, Modes(mouse=1003, mouse_encoding=encoding)) == expected
