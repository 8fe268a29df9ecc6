"""A process that waits to become another program, so that what names it can be on disk before it begins.

When its maker ends before, killed or not, the pipe to it ends without a word, and so does the process: there is no
program that nobody knows of. It is a shell with one line to run (`gate.sh`) because that starts in a tenth of the time
of an interpreter of ours; the program and its arguments are arguments of the shell, and it looks into none of them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

_SHELL = "/bin/sh"
_SCRIPT = Path(__file__).with_name("gate.sh")
_PATIENCE = 5.0
"""Seconds the program gets to end by itself."""


class Gate:
    """Such a process, our child, for `command`. Its files will be private to this user.

    With a `log` it is detached from us and all it prints is appended to that descriptor; without, it has our terminal.
    Raises `OSError` when the system has no process for it.
    """

    def __init__(self, command: Sequence[str], *, log: int | None) -> None:
        pipe, self._opener = os.pipe()
        try:
            self.child = subprocess.Popen(
                [_SHELL, str(_SCRIPT), *command],
                stdin=None if log is None else subprocess.DEVNULL,
                stdout=log,
                stderr=pipe,
                start_new_session=log is not None,
                umask=0o077,
                cwd=None if log is None else "/",
            )
        except BaseException:
            os.close(self._opener)
            raise
        finally:
            os.close(pipe)
        self._closed = False
        self._detached = log is not None

    def open(self) -> None:
        """Let it become its program. When it is gone already, the child's exit code tells."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._opener, b"\n")
        self._close()

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._opener)

    def end(self) -> None:
        """End the process, whatever it is by now: it is our own child, so that its PID can't be anybody else's."""
        self._close()
        self._send(signal.SIGTERM)
        try:
            self.child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._send(signal.SIGKILL)
            self.child.wait()

    def _send(self, number: signal.Signals) -> None:
        """Signal the child and, where it is detached, all that it has started: `child` is not collected yet."""
        if self._detached and self.child.poll() is None:
            os.killpg(self.child.pid, number)
        else:
            self.child.send_signal(number)
