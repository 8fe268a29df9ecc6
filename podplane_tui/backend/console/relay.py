"""The serial console on a plain terminal: raw bytes both ways between it and QEMU's socket.

A client that does not read stops the guest. So the socket is drained whatever the terminal does, and let go of before
this process is suspended or ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path

from podplane_tui.backend.console.claim import IDLE, LOOK_INTERVAL
from podplane_tui.backend.core.errors import ConsoleError, VMError
from podplane_tui.backend.core.files import os_error_as
from podplane_tui.backend.core.paths import check_socket_path

if sys.platform != "win32":  # where there are none, and where importing this package must work all the same
    import termios
    import tty

DETACH = b"\x1d"
"""Ctrl-]"""

_CHUNK = 64 * 1024
_MAX_OUTPUT = 1024 * 1024
_MAX_INPUT = 1024 * 1024
_CONNECT_TIMEOUT = 2.0
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP")
"""By name: not every system has them all."""

_DROPPED = b"\x18\r\n[%d bytes not shown: this terminal was too slow]\r\n"

_ASKED = b"\x18\r\n[%s asks for this console: Ctrl-] hands it over]\r\n"

_RESET = (
    b"\x18"  # cancels a sequence that was cut off
    b"\x1b[0m\x1b[?25h"  # plain colours, cursor visible
    b"\x1b[?1l\x1b>\x1b(B\x0f"  # cursor keys, keypad and character set as usual
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l"  # no mouse reports, no bracketed paste
    b"\x1b[r\x1b[?47l"  # whole screen scrolls, the main one
)
"""What undoes modes that a program in the guest may have left the terminal in."""


class Ending(StrEnum):
    """Why an attachment ended; the value is a line for the user."""

    DETACHED = "detached from the console; the machine goes on"
    HANDED_OVER = "handed the console over to who asked for it; the machine goes on"
    CLOSED = "the machine closed its console: it has stopped or restarts"


def attach(
    path: Path,
    *,
    input_fd: int,
    output_fd: int,
    check: Callable[[], None] | None = None,
    record: Callable[[bytes], object] | None = None,
    asked: Callable[[], str] | None = None,
    held: AbstractContextManager[object] | None = None,
) -> Ending:
    """Connect a terminal, or any two descriptors, with the console socket at `path` until Ctrl-] or its end.

    A terminal is raw meanwhile and has its settings back on every way out. A signal that would end or stop this
    process (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP) detaches first and then does what it always does; this needs
    the main thread. Input that ends leaves the output running, unless it is a terminal.

    `check` is called right before connecting and may raise: QEMU serves one client at a time and lets a second one
    connect into silence, which only QMP can tell. `record` is given all that the machine prints. `asked` says who else
    wants the console, "" for nobody; `held` is left when it is free again. Raises `ConsoleError`, and `InvalidInput`
    for too long a path.
    """
    caught: list[int] = []
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(held or contextlib.nullcontext())
            if check is not None:
                check()
            connection, wake = stack.enter_context(connect(path)), stack.enter_context(_wake_on_signal(caught))
            stack.enter_context(_raw(input_fd))
            out = stack.enter_context(_writable(output_fd))
            ending = relay(connection, input_fd=input_fd, output_fd=out, wake_fd=wake, record=record, asked=asked)
            if os.isatty(output_fd):
                _write(out, _RESET)
    finally:
        # The terminal is itself again and the handlers are the caller's: now the signal may have its way.
        for number in caught[:1]:
            os.kill(os.getpid(), number)
    return ending


def connect(path: Path) -> socket.socket:
    """A non-blocking connection with the console socket at `path`. Raises `ConsoleError`, `InvalidInput`."""
    check_socket_path(path)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_CONNECT_TIMEOUT)
    try:
        connection.connect(os.fspath(path))
    except OSError as error:
        connection.close()
        raise _connect_error(path, error) from error
    connection.setblocking(False)
    return connection


def _connect_error(path: Path, error: OSError) -> VMError:
    if isinstance(error, FileNotFoundError):
        return ConsoleError(f"there is no console at {path}", hint="start the VM first")
    if isinstance(error, ConnectionRefusedError):
        return ConsoleError(f"QEMU no longer serves the console {path}", hint="start the VM again")
    if isinstance(error, (BlockingIOError, TimeoutError)):
        return ConsoleError(f"other programs are already waiting for the console {path}", hint="end one of them")
    return os_error_as(ConsoleError, f"the console {path} can't be attached", error)


def relay(
    connection: socket.socket,
    *,
    input_fd: int,
    output_fd: int,
    wake_fd: int = -1,
    record: Callable[[bytes], object] | None = None,
    asked: Callable[[], str] | None = None,
) -> Ending:
    """Carry bytes both ways until Ctrl-] in the input, the socket's end, a byte on `wake_fd` or an output that is gone.

    The three descriptors differ and `connection` is non-blocking. It is read however slow the output is: beyond 1 MiB
    of arrears the oldest bytes give way to a note. Input that the guest does not take waits, 1 MiB of it; a keyboard
    is read even then, for Ctrl-].

    Whoever `asked` names is told of in the output, and gets the console when nothing was typed for a while.
    """
    keyboard = os.isatty(input_fd)
    backlog, typed = _Backlog(), bytearray()
    input_open = connected = True
    last_key, looked, told = time.monotonic(), 0.0, ""
    with selectors.SelectSelector() as selector:  # the one kind that takes terminals, pipes and files everywhere
        if wake_fd >= 0:
            selector.register(wake_fd, selectors.EVENT_READ)
        while connected or backlog:
            reading = input_open and (keyboard or len(typed) < _MAX_INPUT)
            _want(selector, input_fd, selectors.EVENT_READ if reading else 0)
            _want(selector, output_fd, selectors.EVENT_WRITE if backlog else 0)
            writing = selectors.EVENT_WRITE if typed else 0
            _want(selector, connection.fileno(), selectors.EVENT_READ | writing if connected else 0)
            ready = {key.fd for key, _ in selector.select(LOOK_INTERVAL if asked is not None else None)}
            if wake_fd in ready:
                return Ending.DETACHED
            if asked is not None and time.monotonic() - looked >= LOOK_INTERVAL:
                looked, who = time.monotonic(), asked()
                if who and looked - last_key >= IDLE:
                    return Ending.HANDED_OVER
                if who not in {"", told}:
                    backlog.add(_ASKED % who.encode())
                told = who
            if connection.fileno() in ready:
                _send(connection, typed)
                data = _receive(connection)
                connected = data != b""
                backlog.add(data or b"")
                if data and record is not None:
                    record(data)
            if output_fd in ready:
                sent = _write(output_fd, backlog.head())
                if sent is None:
                    return Ending.DETACHED
                backlog.remove(sent)
            if input_fd in ready:
                before, detach, _ = _read(input_fd).partition(DETACH)
                last_key = time.monotonic()
                input_open = bool(before or detach)
                typed += before[: _MAX_INPUT - len(typed)] if keyboard else before
                _send(connection, typed)
                if detach or (keyboard and not input_open):
                    return Ending.DETACHED
    return Ending.CLOSED


class _Backlog:
    """What the terminal has yet to take: bounded, and honest about what had to go."""

    def __init__(self) -> None:
        self._note = b""
        self._data = bytearray()
        self._dropped = 0

    def __bool__(self) -> bool:
        return bool(self._note or self._data)

    def add(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > _MAX_OUTPUT:
            excess = len(self._data) - _MAX_OUTPUT // 2
            del self._data[:excess]
            self._dropped += excess

    def head(self) -> bytes:
        """The next bytes: so few that a descriptor that is ready takes them without blocking."""
        if self._dropped and not self._note:
            self._note, self._dropped = _DROPPED % self._dropped, 0
        return self._note or bytes(self._data[: select.PIPE_BUF])

    def remove(self, count: int) -> None:
        if self._note:
            self._note = self._note[count:]
        else:
            del self._data[:count]


def _want(selector: selectors.BaseSelector, fd: int, events: int) -> None:
    """Have `selector` wait for `events` on `fd`, for none when that is 0."""
    key = selector.get_map().get(fd)
    if key is None and events:
        selector.register(fd, events)
    elif key is not None and not events:
        selector.unregister(fd)
    elif key is not None and key.events != events:
        selector.modify(fd, events)


def _receive(connection: socket.socket) -> bytes | None:
    """What has come; None when nothing has, b"" at the end."""
    try:
        return connection.recv(_CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _send(connection: socket.socket, data: bytearray) -> None:
    """Take from `data` what the guest takes now; all of it when nobody is there to take it."""
    if not data:
        return
    try:
        del data[: connection.send(data)]
    except BlockingIOError:
        return
    except OSError:
        data.clear()


def _read(fd: int) -> bytes:
    """What the input has, b"" at its end, which is how a terminal that hung up counts too."""
    try:
        return os.read(fd, _CHUNK)
    except OSError:
        return b""


def _write(fd: int, data: bytes) -> int | None:
    """How many bytes the output took; None when it is gone."""
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0
    except OSError:
        return None


@contextlib.contextmanager
def _writable(fd: int) -> Iterator[int]:
    """A descriptor of our own for the same file; a terminal is opened anew so as to be non-blocking.

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
def _raw(fd: int) -> Iterator[None]:
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
def _wake_on_signal(caught: list[int]) -> Iterator[int]:
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
