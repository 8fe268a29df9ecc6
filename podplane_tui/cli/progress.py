"""Running a long verb: its steps on stderr, Ctrl-C passed on to it."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TextIO, TypeVar

from podplane_tui.backend.interface import Control
from podplane_tui.backend.text import one_line

_Result = TypeVar("_Result")

_TICK = 0.1
"""Seconds after which a Ctrl-C is passed on at the latest."""


class Progress:
    """The step in progress, on a line that is written over. Only a terminal gets it: a script wants the result."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()

    def report(self, step: str) -> None:
        """Show a step. Called from the verb's thread."""
        width = max(20, shutil.get_terminal_size().columns) - 1
        self._write(f"\r\x1b[K{one_line(step, limit=width)}")

    def clear(self) -> None:
        """Take the line away again."""
        self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        if not self._live:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._live = False  # the terminal is gone; the verb itself goes on


def run_verb(verb: Callable[[Control], _Result], *, skips: bool = False, silent: bool = False) -> _Result:
    """Run `verb` with a `Control` and give its result or raise its error.

    Ctrl-C cancels the verb; with `skips` each Ctrl-C ends the wait of the step in progress instead. The verb runs in a
    thread of its own, so that the signal is handled soon whatever the verb waits for. With `silent` no steps are
    shown.
    """
    progress = Progress(sys.stderr)
    control = Control() if silent else Control(report=progress.report)
    results: list[_Result] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(verb(control))
        except BaseException as error:
            errors.append(error)

    pressed: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        pressed.append(number)  # nothing that takes a lock: this may run in the middle of itself

    thread = threading.Thread(target=work, name="verb", daemon=True)
    previous = signal.signal(signal.SIGINT, interrupt)
    try:
        thread.start()
        # A wait without end could sleep through a signal that arrives just before it begins.
        while thread.is_alive():
            thread.join(_TICK)
            if pressed:
                pressed.clear()
                (control.skip if skips else control.cancel).set()
    finally:
        signal.signal(signal.SIGINT, previous)
        if not silent:
            progress.clear()
    if errors:
        raise errors[0]
    return results[0]
