"""The terminal a console is attached to: raw meanwhile, never waited for long, and itself again on every way out.

What the guest prints goes to it as it is, which is what a console is for; what this may change is put back.

What can't be: colours that the user has set by other means where the terminal has no stack of them, and the guest sets
or resets (RIS) some; modes whose saved values the guest overwrites (XTSAVE); fonts, the size and place of the window,
the clipboard, text that it erases, and what only one terminal knows.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping

from podplane_tui.backend.console.stack_guard import StackGuard

if sys.platform != "win32":  # where there are none, and where importing this package must work all the same
    import termios
    import tty

_PATIENCE = 1.0
"""Seconds a terminal that takes nothing is waited for."""
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP")
"""By name: not every system has them all."""

_UNSURE_MODES = b"12;67;1007;1010;1011;1034;1035;1036;1037;1039;1040;1041;1042;1043;1046;2027"
"""Private modes that terminals do not agree on, or users set: blinking cursor, Backspace, what the wheel and Alt do."""

_SAVE = (
    b"\x1b[22;0t"  # title and icon name, onto their stack
    b"\x1b[?" + _UNSURE_MODES + b"s"
)
_CANCEL = (
    b"\x18\x1b\\"  # a sequence that was cut off, a string that has no end
    b"\x1b<\x1b F\x1b%G"  # VT52; 8-bit controls, another encoding than UTF-8
    b"\x1b[?1046h"  # screens can be switched
)
_NO_KEYBOARD_PROTOCOL = b"\x1b[<99u\x1b[=0;1u"
"""Kitty's, of which each screen has one of its own."""
_MAIN_SCREEN = b"\x1b7\x1b[?1049l\x1b[?47l"
"""With the cursor where it was there; saved first, it stays where it is when that is shown already."""
_MODES = (
    b"\x1b[?" + _UNSURE_MODES + b"r"
    b"\x1b[!p"  # origin, insert, margins and more, where terminals know of it: the cursor stays, nothing is erased
    b"\x1b7\x1b[?6l\x1b[?69l\x1b[r\x1b8"  # origin and margins, for those that do not; the cursor comes back
    b"\x1b[2;3;4;20l\x1b[12h"  # keyboard unlocked, controls not shown, no insert, no new line mode, no local echo
    b"\x1b[?1;5;9;40;42;45;66;1000;1001;1002;1003;1004;1005;1006;1015;1016l"  # keys, colours, mouse and focus reports
    b"\x1b[?1050;1051;1052;1053;1060;1061l"  # keyboards of other terminals
    b"\x1b[?1045;2004;2026;2031;2048;9001l"  # pasting, painting, reports of other kinds
    b"\x1b[?7;8h\x1b[?25h\x1b>"  # wrap, repeat, the cursor, the keypad
    b"\x1b(B\x1b)B\x1b*B\x1b+B\x0f"  # the character sets
    b'\x1b[0"q\x1b[0 q'  # protection, the cursor's shape
    b"\x1b]8;;\x1b\\"  # no hyperlink
)
_EXTENSIONS = (
    b"\x1b[?1049h\x1b[?6l\x1b[?1049l"  # origin mode of tmux, which has no DECSTR: that way the cursor stays
    b"\x1b[>1m\x1b[>2m\x1b[>4m\x1b[>0;1T"  # what modifiers do to keys, titles in hexadecimal
    b"\x1b]22;\x1b\\"  # the pointer's shape
)
_COLOURS = b"".join(b"\x1b]%d\x1b\\" % code for code in (104, 105, *range(110, 120)))
_NO_PROGRESS = b"\x1b]9;4;0\x1b\\"


def saving(environ: Mapping[str, str]) -> bytes:
    """What has a terminal keep what a guest may change."""
    return _SAVE if _is_plain(environ) else _SAVE + b"\x1b[#P"


def restoring(environ: Mapping[str, str], *, columns: int, colours: bool, progress: bool = False) -> bytes:
    """What brings a terminal of so many columns back to what it was before `saving`, whatever a guest has printed.

    Text stays. What terminals can't save gets its default. The colours do, too, where `colours` says that the guest has
    set some, and a progress that is shown ends where `progress` says that there may be one: some would show a notice.
    """
    plain = _is_plain(environ)
    keyboard = b"" if plain else _NO_KEYBOARD_PROTOCOL
    screens = [_CANCEL, keyboard, _MAIN_SCREEN, keyboard]
    if progress and not plain:
        screens.append(_NO_PROGRESS)
    looks = [_COLOURS if colours else b"", b"" if plain else b"\x1b[#Q", b"\x1b[0m", b"\x1b[23;0t"]
    return b"".join([*screens, _MODES, b"" if plain else _EXTENSIONS, _tab_stops(columns), *looks])


def _tab_stops(columns: int) -> bytes:
    """One every 8 columns; the cursor comes back."""
    stops = b"".join(b"\x1b[%dG\x1bH" % (place + 1) for place in range(8, columns, 8))
    return b"\x1b7\x1b[3g" + stops + b"\x1b8"


def _is_plain(environ: Mapping[str, str]) -> bool:
    """Whether it is a Linux console or GNU screen: neither is sure to have two screens, or to pass over what is new."""
    return environ.get("TERM", "").startswith("linux") or "STY" in environ


@contextlib.contextmanager
def restored(fd: int) -> Iterator[StackGuard | None]:
    """A terminal has its modes, looks and title back when the block is left, however that is; None for what is none.

    All that is shown in it meanwhile goes through the guard. `fd` is non-blocking.
    """
    if not os.isatty(fd):
        yield None
        return
    guard = StackGuard()
    _write(fd, saving(os.environ))
    try:
        yield guard
    finally:
        columns = 80
        with contextlib.suppress(OSError):  # it is gone
            columns = os.get_terminal_size(fd).columns or columns
        colours, progress = guard.colours_changed, guard.progress_shown
        _write(fd, restoring(os.environ, columns=columns, colours=colours, progress=progress))


def _write(fd: int, data: bytes) -> None:
    """Write to a terminal that may be stuck, for a moment, or gone."""
    deadline = time.monotonic() + _PATIENCE
    with contextlib.suppress(OSError):
        while data and select.select([], [fd], [], max(0.0, deadline - time.monotonic()))[1]:
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(fd, data) :]


@contextlib.contextmanager
def writable(fd: int) -> Iterator[int]:
    """A descriptor of our own for the same file; a terminal is opened again so as to be non-blocking.

    The flag on the given one would be shared with every program that has this terminal, and outlive us.
    """
    own = -1
    if os.isatty(fd):
        with contextlib.suppress(OSError):
            own = os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    if own < 0:
        own = os.dup(fd)
    try:
        yield own
    finally:
        os.close(own)


@contextlib.contextmanager
def raw(fd: int) -> Iterator[None]:
    """A terminal in raw mode, for as long as the block lasts."""
    if not os.isatty(fd):
        yield
        return
    saved = termios.tcgetattr(fd)
    try:
        tty.setraw(fd, termios.TCSANOW)  # NOW, here and below: the others wait for output that may be stuck
        yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal itself may be gone
            termios.tcsetattr(fd, termios.TCSANOW, saved)


@contextlib.contextmanager
def wake_on_signal(caught: list[int]) -> Iterator[int]:
    """A descriptor that becomes readable when one of `_SIGNALS` arrives: noted in `caught`, and not acted upon yet."""
    if threading.current_thread() is not threading.main_thread():
        yield -1
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def handle(number: int, _frame: object) -> None:
        caught.append(number)

    numbers = [signal.Signals[name] for name in _SIGNALS]
    previous = {number: signal.getsignal(number) for number in numbers}
    previous = {number: handler for number, handler in previous.items() if handler not in {signal.SIG_IGN, None}}
    # Written to as the signal arrives: one that comes right before a wait would wake nobody otherwise.
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        for number in previous:
            signal.signal(number, handle)
        yield reader
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
