"""A process that waits to become another program: it starts while what that needs is still being made.

It becomes it only once it was told all of it. When its maker ends before, killed or not, the pipe to it ends early, and
so does the process: there is no program that nobody knows of.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from podplane_tui.backend.errors import Unsupported

# `posix` is built in, while `os` has to be read; marshal refuses what is cut short.
_WAIT = """
import marshal, posix, sys
pipe = int(sys.argv[1])
told = b""
while piece := posix.read(pipe, 65536):
    told += piece
posix.close(pipe)
try:
    log, command = marshal.loads(told)
except EOFError:
    sys.exit(1)
if log:
    file = posix.open(log, posix.O_WRONLY | posix.O_APPEND | posix.O_NOFOLLOW)
    posix.dup2(file, 1)
    posix.dup2(file, 2)
    posix.close(file)
try:
    posix.execv(command[0], command)
except OSError as error:
    sys.exit(f"{command[0].decode(errors='replace')} can't be executed: {error.strerror}")
"""

_PATIENCE = 5.0
"""Seconds the program gets to end by itself."""


class Gate:
    """One such process, our child. Its files will be private to this user; in the background it is detached from us.

    As a context it ends what was not opened. Raises `OSError` when the system has no process for it.
    """

    def __init__(self, *, foreground: bool = False) -> None:
        if sys.platform == "win32":
            raise Unsupported("virtual machines can't be run on Windows: use Linux or macOS")
        pipe, self._opener = os.pipe()
        try:
            stream = None if foreground else subprocess.DEVNULL
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WAIT, str(pipe)],
                stdin=stream,
                stdout=stream,
                stderr=stream,
                start_new_session=not foreground,
                umask=0o077,
                cwd=None if foreground else "/",
                pass_fds=[pipe],
            )
        except BaseException:
            os.close(self._opener)
            raise
        finally:
            os.close(pipe)
        self._opened = False

    @property
    def pid(self) -> int:
        """The process ID, which the program will have."""
        return self._child.pid

    def open(self, command: Sequence[str], *, log: Path | None = None) -> subprocess.Popen[bytes]:
        """Let it become `command`, its output appended to the file `log`; give the child, which is the caller's now.

        When the process is gone already, its exit code tells.
        """
        told = marshal.dumps((None if log is None else os.fsencode(log), [os.fsencode(word) for word in command]))
        self._opened = True
        with contextlib.suppress(BrokenPipeError), open(self._opener, "wb", buffering=0) as pipe:  # noqa: PTH123 - a descriptor
            while told:
                told = told[pipe.write(told) :]
        return self._child

    def end(self) -> None:
        """End the process, whatever it is by now: it is our own child, so that its PID can't be anybody else's."""
        self._child.terminate()
        try:
            self._child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._opened:
            os.close(self._opener)
            self.end()
