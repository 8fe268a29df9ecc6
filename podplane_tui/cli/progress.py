"""Running a long verb: its steps on stderr, Ctrl-C and other signals passed on to it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TextIO, TypeVar

import click

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.format import format_progress
from podplane_tui.backend.core.text import one_line

_Result = TypeVar("_Result")

_TICK = 0.1
"""Seconds after which a Ctrl-C is passed on at the latest."""

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

_LIVE_INTERVAL = 0.1
_PLAIN_INTERVAL = 5.0
_PLAIN_WIDTH = 100
_ECHOED = 2000
"""Characters of a line on stdout."""


class StatusLine:
    """The step in progress, on a line that is written over. Only a terminal gets it: a script wants the result.

    How far a verb has come is told to a script as well, on a line of its own every few seconds.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._plain = not self._live
        self._told = time.monotonic()
        self.broken: OSError | None = None
        """Why no more steps can be printed on stdout, if so."""

    def report(self, step: str) -> None:
        """Show a step. Called from the verb's thread."""
        if self._live:
            self._write(f"\r\x1b[K{one_line(step, limit=self._width())}")

    def progress(self, progress: Progress) -> None:
        """Show how far it has come. Called from the verb's thread."""
        now = time.monotonic()
        if now - self._told < (_PLAIN_INTERVAL if self._plain else _LIVE_INTERVAL):
            return
        self._told = now
        if self._live:
            self._write("\r\x1b[K" + "".join(format_progress(progress, width=self._width()))[: self._width()])
        elif self._plain:
            self._write(format_progress(progress, width=_PLAIN_WIDTH)[-1].strip() + "\n")

    def echo(self, step: str) -> None:
        """Print a step on stdout, above the line. Called from the verb's thread."""
        self.clear()
        if self.broken is None:
            try:
                click.echo(one_line(step, limit=_ECHOED))
            except OSError as error:
                self.broken = error

    def clear(self) -> None:
        """Take the line away again."""
        if self._live:
            self._write("\r\x1b[K")

    def _width(self) -> int:
        return max(20, shutil.get_terminal_size().columns) - 1

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._live = self._plain = False  # whoever read it is gone; the verb itself goes on


def run_verb(verb: Callable[[Control], _Result], *, skips: bool = False, echo: bool = False) -> _Result:
    """Run `verb` with a `Control` and give its result or raise its error.

    Ctrl-C cancels the verb; with `skips` each Ctrl-C ends the wait of the step in progress instead. The verb runs in a
    thread of its own, so that the signal is handled soon whatever the verb waits for. SIGTERM and SIGHUP cancel it as
    well, and end this program when it has cleaned up; a second one does not wait for that. With `echo` its steps are
    the result: lines on stdout; when those can't be written any more the verb is cancelled, and the reason is raised.
    """
    line = StatusLine(sys.stderr)
    control = Control(report=line.echo if echo else line.report, progress=line.progress)
    results: list[_Result] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(verb(control))
        except BaseException as error:
            errors.append(error)

    pressed: list[int] = []
    ending: list[int] = []

    # Nothing that takes a lock: these may run in the middle of themselves.
    def interrupt(number: int, _frame: FrameType | None) -> None:
        pressed.append(number)

    def end(number: int, _frame: FrameType | None) -> None:
        ending.append(number)
        signal.signal(number, signal.SIG_DFL)

    thread = threading.Thread(target=work, name="verb", daemon=True)
    previous = {signal.SIGINT: signal.signal(signal.SIGINT, interrupt)}
    for number in _ENDING_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            previous[number] = signal.signal(number, end)
    try:
        thread.start()
        # A wait without end could sleep through a signal that arrives just before it begins.
        while thread.is_alive():
            thread.join(_TICK)
            if pressed:
                pressed.clear()
                (control.skip if skips else control.cancel).set()
            if ending or line.broken is not None:
                control.cancel.set()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        line.clear()
    if ending:
        os.kill(os.getpid(), ending[0])  # now it may have its way
    if line.broken is not None:
        raise line.broken
    if errors:
        raise errors[0]
    return results[0]
