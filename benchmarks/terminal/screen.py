"""The user's side of an app in a pseudo-terminal: types keys, waits for text to be painted, counts paints."""

import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic, perf_counter
from typing import Self

import psutil

ASKS_FOR_SYNCHRONIZED_OUTPUT = b"\x1b[?2026$p"
CAN_SYNCHRONIZE = b"\x1b[?2026;2$y"
PAINT = b"\x1b[?2026h"
"""Textual begins each update with this once it knows that the terminal understands it."""
KEPT = 4096
"""Bytes kept to find what is split over two reads."""


class ScreenError(Exception):
    """The app ended, or what was waited for did not come."""


class AppScreen:
    """Runs a Textual app on a terminal of ``size`` columns and lines; the child in its widget takes commands.

    A thread reads what the app paints from beginning to end, and notes the time at which what is waited for came.
    """

    def __init__(
        self, command: Sequence[str], *, size: tuple[int, int], variables: Mapping[str, str], socket_path: Path
    ) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(socket_path))
        listener.listen(1)
        listener.settimeout(30)
        environment = {**variables, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        environment.pop("NO_COLOR", None)
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            os.execvpe(command[0], list(command), environment)  # noqa: S606 - an argument list, no shell
        self.paints = 0
        self._process = psutil.Process(self._pid)
        self._found = threading.Condition()
        self._wanted = b""
        self._when = 0.0
        self._tail = b""
        self._ended = False
        self._closing, self._wake = os.pipe()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._child, _ = listener.accept()
        except TimeoutError:
            self.close()
            raise ScreenError(f"the app did not start: {self._tail[-300:]!r}") from None
        finally:
            listener.close()

    def command(self, **command: object) -> None:
        """Tell the child what to do; see workers/child.py."""
        self._child.sendall((json.dumps(command) + "\n").encode())

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def expect(self, text: str) -> None:
        """What `painted` waits for; to be called before that which brings it about."""
        with self._found:
            self._wanted, self._when, self._tail = text.encode(), 0.0, b""

    def painted(self, *, timeout: float) -> float:
        """Wait for the expected text; the time (`perf_counter`) at which it was read."""
        deadline = monotonic() + timeout
        with self._found:
            while not self._when:
                if self._ended or not self._found.wait(deadline - monotonic()):
                    raise ScreenError(f"{self._wanted!r} was not painted within {timeout:.0f} s: {self._tail[-200:]!r}")
            return self._when

    def cpu_seconds(self) -> float:
        """CPU time of the app so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _read(self) -> None:
        while True:
            readable, _, _ = select.select([self._master, self._closing], [], [])
            if self._closing in readable:
                return
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # EIO: the app is gone
                data = b""
            now = perf_counter()
            if ASKS_FOR_SYNCHRONIZED_OUTPUT in data:
                os.write(self._master, CAN_SYNCHRONIZE)
            with self._found:
                self.paints += data.count(PAINT)
                text = self._tail + data
                if self._wanted and not self._when and self._wanted in text:
                    self._when = now
                self._tail = text[-KEPT:]
                self._ended = not data
                self._found.notify_all()
            if not data:
                return

    def close(self) -> None:
        """End the app, and with it the child."""
        if hasattr(self, "_child"):
            self._child.close()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.write(self._wake, b".")
        self._reader.join()
        for descriptor in (self._master, self._closing, self._wake):
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
