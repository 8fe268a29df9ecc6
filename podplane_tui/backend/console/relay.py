"""The serial console on a plain terminal: raw bytes both ways between it and QEMU's socket.

A client that does not read stops the guest. So the socket is drained whatever the terminal does, and let go of before
this process is suspended or ends.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path

from podplane_tui.backend.console.backlog import Backlog
from podplane_tui.backend.console.calling_terminal import raw, restored, wake_on_signal, writable
from podplane_tui.backend.console.claim import LOOK_INTERVAL
from podplane_tui.backend.console.connection import CHUNK, Outgoing, connect, receive
from podplane_tui.backend.console.handover import Handover
from podplane_tui.backend.console.stack_guard import StackGuard
from podplane_tui.backend.console.typed import Typed


class Ending(StrEnum):
    """Why an attachment ended; the value is a line for the user."""

    DETACHED = "detached from the console; the VM keeps running"
    HANDED_OVER = "handed the console over to who asked for it; the VM keeps running"
    SUSPENDED = "released the console while this program was suspended"
    CLOSED = "the VM closed its console: it has stopped or restarts"


def attach(
    path: Path,
    pid: int,
    *,
    input_fd: int,
    output_fd: int,
    check: Callable[[], None] | None = None,
    record: Callable[[bytes], object] | None = None,
    asked: Callable[[], str] | None = None,
    held: AbstractContextManager[object] | None = None,
    untaken: Callable[[int], object] | None = None,
) -> Ending:
    """Connect a terminal, or any two descriptors, with the console socket at `path`, which process `pid` serves.

    It ends with Ctrl-] or with the console.

    A terminal is raw meanwhile and has its settings back on every way out. A signal that would end or stop this
    process (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP) detaches first and then does what it always does; this needs
    the main thread. Input that ends leaves the output running, unless it is a terminal.

    `check` is called right before connecting and may raise: QEMU serves one client at a time and lets a second one
    connect into silence, which only QMP can tell. `record` is given all that the machine prints. `asked` says who else
    wants the console, "" for nobody; `held` is left when it is free again. `untaken` is told how many bytes were typed
    that the guest has not taken, if any, once the terminal is itself again.

    Raises `ConsoleError`, and `InvalidInput` for too long a path.
    """
    caught: list[int] = []
    left: list[int] = []
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(held or contextlib.nullcontext())
            if check is not None:
                check()
            connection, wake = stack.enter_context(connect(path, pid)), stack.enter_context(wake_on_signal(caught))
            stack.enter_context(raw(input_fd))
            out = stack.enter_context(writable(output_fd))
            guard = stack.enter_context(restored(out))
            ending = relay(
                connection,
                input_fd=input_fd,
                output_fd=out,
                wake_fd=wake,
                record=record,
                asked=asked,
                guard=guard,
                untaken=left.append,
            )
            connection.close()  # a terminal that is stuck must not stop the guest
        if untaken is not None and left:
            untaken(left[0])
    finally:
        # The terminal is itself again and the handlers are the caller's: now the signal may have its way.
        for number in caught[:1]:
            os.kill(os.getpid(), number)
    return Ending.SUSPENDED if caught[:1] == [signal.SIGTSTP] else ending


def relay(
    connection: socket.socket,
    *,
    input_fd: int,
    output_fd: int,
    wake_fd: int = -1,
    record: Callable[[bytes], object] | None = None,
    asked: Callable[[], str] | None = None,
    guard: StackGuard | None = None,
    untaken: Callable[[int], object] | None = None,
) -> Ending:
    """Carry bytes both ways until Ctrl-] in the input, the socket's end, a byte on `wake_fd` or an output that is gone.

    The three descriptors differ and `connection` is non-blocking. It is read however slow the output is: beyond 1 MiB
    of arrears the oldest bytes give way to a note. Input that the guest does not take waits, up to `MAX_PENDING` of it;
    a keyboard is read even then, for Ctrl-]. At the end `untaken` is told what the guest did not take, if anything.

    Whoever `asked` names is told of in the output, and gets the console when nothing was typed for a while. What the
    guest prints goes through the `guard` to the output, if there is one, and to `record` as it is.
    """
    pump = _Pump(connection, input_fd, output_fd, record, guard)
    try:
        return _relay(pump, Handover(time.monotonic()), input_fd=input_fd, wake_fd=wake_fd, asked=asked)
    finally:
        left = pump.finish()
        if untaken is not None and left:
            untaken(left)


def _relay(pump: _Pump, handover: Handover, *, input_fd: int, wake_fd: int, asked: Callable[[], str] | None) -> Ending:
    with selectors.SelectSelector() as selector:  # the one kind that takes terminals, pipes and files everywhere
        if wake_fd >= 0:
            selector.register(wake_fd, selectors.EVENT_READ)
        while not pump.done:
            _want(selector, pump.wanted())
            ready = {key.fd for key, _ in selector.select(LOOK_INTERVAL if asked is not None else None)}
            if wake_fd in ready:
                return Ending.DETACHED
            if asked is not None and handover.is_due(now := time.monotonic()):
                answer = handover.answer(asked(), now)
                if answer.hand_over:
                    return Ending.HANDED_OVER
                pump.backlog.add(answer.note)
            if input_fd in ready:
                handover.typed(time.monotonic())
            if not pump.carry(ready):
                return Ending.DETACHED
    return Ending.CLOSED


class _Pump:
    """Carries bytes between a console and two descriptors, as far as each of the three is ready."""

    def __init__(
        self,
        connection: socket.socket,
        input_fd: int,
        output_fd: int,
        record: Callable[[bytes], object] | None,
        guard: StackGuard | None,
    ) -> None:
        self.backlog = Backlog()
        self._connection, self._input, self._output = connection, input_fd, output_fd
        self._record = record
        self._guard = guard
        self._outgoing = Outgoing(connection)
        self._typed = Typed(self._outgoing.pending, keyboard=os.isatty(input_fd))
        self._connected = True

    @property
    def done(self) -> bool:
        """Whether the console has closed, and all that it printed was shown."""
        return not self._connected and not self.backlog

    def wanted(self) -> dict[int, int]:
        """Descriptor → the events there is reason to wait for, 0 for none."""
        to_guest = selectors.EVENT_WRITE if self._outgoing.wants_to_send else 0
        return {
            self._input: selectors.EVENT_READ if self._typed.wants_more else 0,
            self._output: selectors.EVENT_WRITE if self.backlog else 0,
            self._connection.fileno(): selectors.EVENT_READ | to_guest if self._connected else 0,
        }

    def carry(self, ready: set[int]) -> bool:
        """Do what can be done at these descriptors; False when the input detached or the output is gone."""
        if self._connection.fileno() in ready:
            self._exchange()
        if self._output in ready:
            sent = _write(self._output, self.backlog.head())
            if sent is None:
                return False
            self.backlog.remove(sent)
        if self._input in ready:
            detached = self._typed.feed(_read(self._input))
            self._outgoing.send()
            return not detached
        return True

    def finish(self) -> int:
        """How many bytes were typed that the guest has not taken."""
        return self._typed.lost + self._outgoing.finish()

    def _exchange(self) -> None:
        """Send what the guest takes, and take what it prints."""
        self._outgoing.send()
        data = receive(self._connection)
        self._connected = data != b""
        if data:
            self.backlog.add(data if self._guard is None else self._guard.feed(data))
            if self._record is not None:
                self._record(data)
        elif not self._connected and self._guard is not None:
            self.backlog.add(self._guard.end())


def _want(selector: selectors.BaseSelector, wanted: Mapping[int, int]) -> None:
    """Have `selector` wait for these events, for none at a descriptor where they are 0."""
    for fd, events in wanted.items():
        key = selector.get_map().get(fd)
        if key is None and events:
            selector.register(fd, events)
        elif key is not None and not events:
            selector.unregister(fd)
        elif key is not None and key.events != events:
            selector.modify(fd, events)


def _read(fd: int) -> bytes:
    """What the input has, b"" at its end, which is how a terminal that hung up counts too."""
    try:
        return os.read(fd, CHUNK)
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
