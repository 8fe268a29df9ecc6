"""The terminal a console is attached to: raw meanwhile, never waited for, and itself again on every way out."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

if sys.platform != "win32":  # where there are none, and where importing this package must work all the same
    import termios
    import tty

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP")
"""By name: not every system has them all."""

RESET = (
    b"\x18"  # cancels a sequence that was cut off
    b"\x1b[0m\x1b[?25h"  # plain colours, cursor visible
    b"\x1b[?1l\x1b>\x1b(B\x0f"  # cursor keys, keypad and character set as usual
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l"  # no mouse reports, no bracketed paste
    b"\x1b[r\x1b[?47l"  # whole screen scrolls, the main one
)
"""What undoes modes that a program in the guest may have left the terminal in."""


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
