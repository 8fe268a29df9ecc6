"""The user's side of a program in a pseudo-terminal: types keys, waits for text to be painted, weighs the process."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import clock_gettime, monotonic, perf_counter
from typing import Self

import psutil

KEPT = 4096
"""Bytes kept to find what is split over two reads."""


class ScreenError(Exception):
    """The program ended, or what was waited for did not come."""


class Screen:
    """Runs a program on a terminal of `size` columns and lines.

    A thread reads what it paints from beginning to end, and notes the time at which what is waited for came.
    `started` is the time (`perf_counter`) just before the program was.
    """

    def __init__(self, command: Sequence[str | Path], *, size: tuple[int, int], variables: Mapping[str, str]) -> None:
        environment = {**variables, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        environment.pop("NO_COLOR", None)
        self._found = threading.Condition()
        self._wanted, self._when, self._tail, self._ended = b"", 0.0, b"", False
        self.started = perf_counter()
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            os.execvpe(command[0], [os.fspath(word) for word in command], environment)  # noqa: S606 - an argument list, no shell
        self.process = psutil.Process(self._pid)
        self._closing, self._wake = os.pipe()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._master, text.encode())

    def expect(self, text: str, *, fresh: bool = True) -> None:
        """What `painted` waits for; to be called before that which brings it about, unless not only `fresh` counts."""
        with self._found:
            self._wanted, self._when = text.encode(), 0.0
            if fresh:
                self._tail = b""
            elif self._wanted in self._tail:
                self._when = perf_counter()

    def painted(self, *, timeout: float = 60.0) -> float:
        """Wait for the expected text; the time (`perf_counter`) at which it was read."""
        deadline = monotonic() + timeout
        with self._found:
            while not self._when:
                if self._ended or not self._found.wait(max(0.0, deadline - monotonic())):
                    raise ScreenError(f"{self._wanted!r} was not painted within {timeout:.0f} s: {self._tail[-400:]!r}")
            return self._when

    def cpu_seconds(self) -> float:
        """CPU time of the program so far, of its ended children too."""
        times = self.process.cpu_times()
        own = times.user + times.system
        if sys.platform == "linux":  # by its clock, as clock_getcpuclockid(3) makes that: these times come in ticks
            own = clock_gettime(~self._pid << 3 | 2)
        return float(own + times.children_user + times.children_system)

    def resident_bytes(self) -> int:
        """Memory the program has resident."""
        return int(self.process.memory_info().rss)

    def _read(self) -> None:
        while True:
            readable, _, _ = select.select([self._master, self._closing], [], [])
            if self._closing in readable:
                return
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # EIO: the program is gone
                data = b""
            now = perf_counter()
            with self._found:
                self._received(data)
                text = self._tail + data
                if self._wanted and not self._when and self._wanted in text:
                    self._when = now
                self._tail = text[-KEPT:]
                self._ended = not data
                self._found.notify_all()
            if not data:
                return

    def _received(self, data: bytes) -> None:
        """What the program has just painted, for who wants to know more of it. Called in the reader's thread."""

    def close(self) -> None:
        """End the program."""
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
