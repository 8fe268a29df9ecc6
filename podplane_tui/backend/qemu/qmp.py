"""Short QMP sessions: connect, ask, leave, because QEMU serves one client of a control socket at a time.

Source: the QMP specification of QEMU: one JSON object a line; a greeting, `qmp_capabilities`, then commands, each
answered by `return` or `error`, with events between. A client of our own and not a library's: an answer takes a
millisecond, which importing and running an event loop for it would make many times longer.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.errors import QMPError, QMPUnavailable
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.holders import peer_of

GREETING_TIMEOUT = 2.0
"""Seconds to wait for the greeting. A socket whose one client is somebody else accepts and says nothing."""

ANSWER_TIMEOUT = 5.0

_RETRY = 0.02
"""Seconds between two attempts to connect where too many wait already."""

_PIECE = 64 * 1024
_MAX_LINE = 4 * 2**20
"""Bytes of one object. QEMU's longest answers have some ten thousand."""


class ControlSocket(NamedTuple):
    """A control socket, and the process that has to be the one that answers there."""

    path: Path
    pid: int

    @classmethod
    def of(cls, path: Path | None, pid: int) -> ControlSocket | None:
        """The one at `path`, which a QEMU's arguments name; None without a path."""
        return None if path is None else cls(path, pid)


class _Session:
    """One connection and one command, moved on by whatever arrives; it never waits.

    In the end `error` says what went wrong, or `value` is what QEMU returned. `deadline` (monotonic seconds) is when
    the wait for what comes next is over.
    """

    def __init__(self, control: ControlSocket, command: str, arguments: Mapping[str, object] | None) -> None:
        self.control = control
        self.value: object = None
        self.error: QMPError | None = None
        self.over = self.connected = False
        self.deadline = time.monotonic() + GREETING_TIMEOUT
        self._command = command
        self._request = {"execute": command, **({"arguments": dict(arguments)} if arguments else {})}
        self._steps = iter((self._greeted, self._ready, self._answered))
        self._step = next(self._steps)
        self._line = b""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.setblocking(False)

    def connect(self) -> bool:
        """Try to connect, and give whether that worked. It may be tried again: others may fill the queue."""
        try:
            self.socket.connect(os.fsencode(self.control.path))
            peer = peer_of(self.socket)
            if peer != self.control.pid:
                self._refuse(peer)
        except BlockingIOError:
            return False
        except (OSError, ValueError) as error:
            self._fail(error)
        self.connected = not self.over
        return self.connected

    def _refuse(self, peer: int) -> None:
        who = f"process {peer}" if peer else "a process that can't be seen from here"
        self._end(
            QMPUnavailable(
                f"{self.control.path} is not the control socket of process {self.control.pid}: {who} answers there",
                hint="end that process, then restart the VM",
            )
        )

    def give_up(self) -> None:
        """End the session because what was waited for did not come."""
        if self._step != self._answered:
            self._end(
                QMPUnavailable(
                    f"QEMU's control socket {self.control.path} does not answer:"
                    " QEMU hangs, or another client is using it",
                    hint="disconnect that client, or restart the VM",
                )
            )
        else:
            patience = f"{ANSWER_TIMEOUT:.0f} s"
            self._end(
                QMPError(f"QEMU did not answer {self._command} within {patience}", hint="try again, or stop the VM")
            )

    def advance(self) -> None:
        """Take what has arrived."""
        try:
            data = self.socket.recv(_PIECE)
            if not data:
                raise ConnectionError("it was closed")
            *lines, self._line = (self._line + data).split(b"\n")
            if len(self._line) > _MAX_LINE:
                raise ValueError("it sends what is not QMP")
            for line in lines:
                if line.strip() and not self.over:
                    self._take(line)
        except BlockingIOError:
            return
        except (OSError, ValueError, RecursionError) as error:
            self._fail(error)

    def _take(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise ValueError("it sends what is not QMP")
        if "event" not in said:
            self._step(said)

    def _greeted(self, said: dict[str, object]) -> None:
        if "QMP" not in said:
            raise ValueError("it does not greet as QMP does")
        self._ask({"execute": "qmp_capabilities"})

    def _ready(self, said: dict[str, object]) -> None:
        if "return" not in said:
            raise ValueError("it does not speak QMP as we do")
        self._ask(self._request)
        self.deadline = time.monotonic() + ANSWER_TIMEOUT

    def _answered(self, said: dict[str, object]) -> None:
        if "return" in said:
            self.value = said["return"]
            self._end(None)
            return
        error = said.get("error")
        words = one_line(str(error.get("desc", "")), limit=200) if isinstance(error, dict) else ""
        why = f": {words}" if words else ""
        self._end(QMPError(f"QEMU refused {self._command}{why}", hint="check the state of the VM"))

    def _ask(self, request: Mapping[str, object]) -> None:
        self._step = next(self._steps)
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def _fail(self, error: Exception) -> None:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        why = one_line(words, limit=120) or type(error).__name__
        if self._step != self._answered:
            todo = "restart the VM to get a new one"
            self._end(QMPUnavailable(f"QEMU's control socket {self.control.path} can't be used ({why})", hint=todo))
        else:
            self._end(
                QMPError(
                    f"QEMU closed the connection during {self._command} ({why})", hint="check whether the VM is running"
                )
            )

    def _end(self, error: QMPError | None) -> None:
        self.error, self.over = error, True


def _converse(sessions: Sequence[_Session], *, timeout: float) -> None:
    """Move all sessions on, each until it is over or its patience is, for at most `timeout` seconds."""
    end = time.monotonic() + timeout
    outside = list(sessions)
    with selectors.DefaultSelector() as selector:
        while True:
            for session in outside:
                if session.connect():
                    selector.register(session.socket, selectors.EVENT_READ, session)
            now = time.monotonic()
            for session in sessions:
                if not session.over and now >= min(session.deadline, end):
                    session.give_up()
            waiting = [session for session in sessions if not session.over]
            if not waiting:
                return
            outside = [session for session in waiting if not session.connected]
            pause = min(end, *(session.deadline for session in waiting)) - now
            for key, _ in selector.select(min(_RETRY, pause) if outside else pause):
                key.data.advance()
                if key.data.over:
                    selector.unregister(key.fileobj)


def _ask_all(
    controls: Sequence[ControlSocket], command: str, arguments: Mapping[str, object] | None, *, timeout: float
) -> list[_Session]:
    with contextlib.ExitStack() as connections:
        sessions = []
        for control in controls:
            sessions.append(_Session(control, command, arguments))
            connections.enter_context(sessions[-1].socket)
        _converse(sessions, timeout=timeout)
        return sessions


def execute(control: ControlSocket, command: str, arguments: Mapping[str, object] | None = None) -> object:
    """Run one QMP command in a session of its own and give its `return` value.

    For worker threads: it blocks for up to a few seconds. Raises `QMPUnavailable` when the process that should answer
    there does not, or another does, and `QMPError` when QEMU refuses or leaves.
    """
    (session,) = _ask_all([control], command, arguments, timeout=GREETING_TIMEOUT + ANSWER_TIMEOUT)
    if session.error is not None:
        raise session.error
    return session.value


def run_state(control: ControlSocket) -> str:
    """QEMU's run state: `running`, `paused`, `shutdown` and others of its `RunState`."""
    return _status(execute(control, "query-status"))


def _status(answer: object) -> str:
    return str(answer.get("status", ""))[:40] if isinstance(answer, dict) else ""


def run_states(controls: Sequence[ControlSocket], *, timeout: float) -> dict[ControlSocket, str]:
    """The run states of many VMs, asked all at once; without those that don't answer within `timeout` seconds."""
    sessions = _ask_all(controls, "query-status", None, timeout=timeout)
    return {session.control: _status(session.value) for session in sessions if session.error is None}


def console_client_connected(control: ControlSocket, console: Path) -> bool:
    """Whether somebody is connected to the serial console that listens on the Unix socket `console`."""
    answer = execute(control, "query-chardev")
    for device in answer if isinstance(answer, list) else []:
        name = str(device.get("filename", ""))
        if str(console) in name:
            return not name.startswith("disconnected:")
    return False
