"""A machine's serial console in our hands: drained always by a thread of its own, typed into, recorded where QEMU does
not do that itself.

What the machine prints is read from its recording, by whoever wants to see it; a line only says that there is more, and
hands out itself what could not be recorded.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.console.claim import LOOK_INTERVAL, Claim, Held, asker, require_no_other
from podplane_tui.backend.console.connection import CHUNK, MAX_PENDING, Outgoing, connect, receive
from podplane_tui.backend.core.errors import NotRunning
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.qemu import qmp
from podplane_tui.backend.qemu.arguments import read_machine
from podplane_tui.backend.recording.store import Recorder
from podplane_tui.backend.runtime.directories import require_secure_directories


@dataclass(frozen=True, slots=True)
class LineEvents:
    """What a line's thread calls. None of them may block."""

    printed: Callable[[bytes], None]
    """The machine has printed something: on record now, or these bytes, which are not."""
    asked: Callable[[Claim], None]
    """Somebody asks for the console; called again and again for as long as they do."""
    closed: Callable[[], None]
    """The machine has closed its console."""


class ConsoleLine:
    """Connected from `open_line` until `close` or the machine's end."""

    def __init__(self, vm: VMStatus, connection: socket.socket, held: Held, events: LineEvents) -> None:
        self.key = vm.key
        self.pid = vm.pid
        self._files = vm.files
        self._connection = connection
        self._held = held
        self._events = events
        self._by_qemu = read_machine(vm.arguments).console_log is not None
        self._recorder = Recorder.of(vm)
        self._outgoing = Outgoing(connection)
        self._lock = threading.Lock()
        self._closing = False
        self._ending = False
        """Whether nothing is sent any more."""
        self.over = False
        """Whether the machine has closed its console, or `close` was called and is done."""
        self.untaken = 0
        """Bytes that were typed and the guest has not taken; known when it is `over`."""
        self._wake, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=f"console of {vm.key}", daemon=True)
        self._thread.start()

    @property
    def recording(self) -> Path | None:
        """The recording this line writes; None when QEMU does that or nobody can."""
        return None if self._recorder is None else self._recorder.path

    @property
    def backlog(self) -> int:
        """Bytes the guest has yet to take."""
        return self.untaken if self.over else self._outgoing.unsent

    def send(self, data: bytes) -> bool:
        """Type all of this; False, and nothing is typed, when too much waits already. Never blocks."""
        with self._lock:
            if self._ending or len(self._outgoing.pending) + len(data) > MAX_PENDING:
                return False
            self._outgoing.pending += data
        self._nudge()
        return True

    def close(self) -> None:
        """Let go of the console; it is free for others when this returns. Safe to call twice."""
        self._closing = True
        self._nudge()
        self._thread.join()

    def _nudge(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake, or gone
            self._waker.send(b"\0")

    # In the thread

    def _run(self) -> None:
        try:
            with self._connection, self._wake, selectors.DefaultSelector() as selector:
                selector.register(self._wake, selectors.EVENT_READ)
                self._carry(selector)
                with self._lock:
                    self._ending = True
                self.untaken = self._outgoing.finish()
        finally:
            if self._recorder is not None:
                self._recorder.close()
            self._held.release()
            self._waker.close()
            self.over = True
        if not self._closing:
            self._events.closed()

    def _carry(self, selector: selectors.BaseSelector) -> None:
        looked = 0.0
        selector.register(self._connection, selectors.EVENT_READ)
        while not self._closing:
            writing = selectors.EVENT_WRITE if self._outgoing.wants_to_send else 0
            selector.modify(self._connection, selectors.EVENT_READ | writing)
            ready = {key.fileobj for key, _ in selector.select(LOOK_INTERVAL)}
            if self._wake in ready:
                self._wake.recv(CHUNK)
            if self._connection in ready and not self._exchange():
                return
            if time.monotonic() - looked >= LOOK_INTERVAL:
                looked = time.monotonic()
                claim = asker(self._files)
                if claim is not None:
                    self._events.asked(claim)

    def _exchange(self) -> bool:
        """Send what the guest takes, and take what it prints; False when it is gone."""
        with self._lock:
            self._outgoing.send()  # where it is gone, what it printed last is still to be read
        data = receive(self._connection)
        if data is None:
            return True
        if data:
            on_record = self._by_qemu or (self._recorder is not None and self._recorder.write(data))
            self._events.printed(b"" if on_record else data)
        return bool(data)


def open_line(vm: VMStatus, held: Held, events: LineEvents) -> ConsoleLine:
    """Connect to the console of a running machine, which is ours to hold; `held` is released with the line.

    Blocks for up to a few seconds. Raises `InsecureDirectory`, `ConsoleHeld` when a program that is not ours is
    connected, where QEMU can tell, `ConsoleError` and `NotRunning`.
    """
    try:
        if vm.console is None or vm.pid is None:
            raise NotRunning(
                f"{vm.name} is not running, or has no serial console on a socket",
                hint="start or restart it with podplane-tui",
            )
        require_secure_directories(vm.files)
        require_no_other(vm.name, qmp.ControlSocket.of(vm.qmp, vm.pid), vm.console)
        return ConsoleLine(vm, connect(vm.console, vm.pid), held, events)
    except BaseException:
        held.release()
        raise
