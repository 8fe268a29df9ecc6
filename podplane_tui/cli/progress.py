"""Running a long verb: its steps on stderr or as JSON lines, Ctrl-C and other signals passed on to it."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Generic, Protocol, TextIO, TypeVar

import click

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.format import format_progress
from podplane_tui.backend.core.text import one_line
from podplane_tui.cli.json_output import json_line
from podplane_tui.cli.signals import ENDING_SIGNALS, heeded

_Result = TypeVar("_Result")

_TICK = 0.1
"""Seconds after which a Ctrl-C is passed on at the latest."""

_LIVE_INTERVAL = 0.1
_PLAIN_INTERVAL = 5.0
_PLAIN_WIDTH = 100
_ECHOED = 2000
"""Characters of a line on stdout."""


class Output(Protocol):
    """Where what a verb tells while it runs goes to. All is called from the verb's thread, but for `clear`."""

    @property
    def broken(self) -> OSError | None:
        """Why nothing more can be printed on stdout, if so: the verb is then cancelled."""

    def report(self, step: str) -> None:
        """Show a step."""

    def progress(self, progress: Progress) -> None:
        """Show how far it has come."""

    def warn(self, text: str) -> None:
        """Show what the user has to know although the verb goes on."""

    def clear(self) -> None:
        """The verb has ended: leave nothing half-written."""


class StatusLine:
    """The step in progress, on a line of stderr that is written over. Only a terminal gets it: a script wants results.

    How far a verb has come is told to a script as well, on a line of its own every few seconds. With `echo` the steps
    are the result: each is a line on stdout, above the line.
    """

    def __init__(self, stream: TextIO, *, echo: bool = False) -> None:
        self._stream = stream
        self._echo = echo
        self._live = stream.isatty()
        self._plain = not self._live
        self._told = time.monotonic()
        self.broken: OSError | None = None

    def report(self, step: str) -> None:
        if self._echo:
            self.clear()
            self._print(one_line(step, limit=_ECHOED))
        elif self._live:
            self._write(f"\r\x1b[K{one_line(step, limit=self._width())}")

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._told < (_PLAIN_INTERVAL if self._plain else _LIVE_INTERVAL):
            return
        self._told = now
        if self._live:
            self._write("\r\x1b[K" + "".join(format_progress(progress, width=self._width()))[: self._width()])
        elif self._plain:
            self._write(_progress_text(progress) + "\n")

    def warn(self, text: str) -> None:
        self.clear()
        self._write(one_line(text, limit=_ECHOED) + "\n")

    def clear(self) -> None:
        if self._live:
            self._write("\r\x1b[K")

    def _width(self) -> int:
        return max(20, shutil.get_terminal_size().columns) - 1

    def _print(self, line: str) -> None:
        if self.broken is None:
            try:
                click.echo(line)
            except OSError as error:
                self.broken = error

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._live = self._plain = False  # whoever read it is gone; the verb itself goes on


class JSONLines:
    """Every step and warning as a JSON line on stdout; of the progress one every few seconds.

    When nobody reads them any more the verb goes on, unless with `echo` they are what it is for.
    """

    def __init__(self, *, echo: bool = False) -> None:
        self._echo = echo
        self._told = time.monotonic()
        self._silent = False
        self.broken: OSError | None = None

    def report(self, step: str) -> None:
        self._print("step", step)

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._told >= _PLAIN_INTERVAL:
            self._told = now
            self.report(_progress_text(progress))

    def warn(self, text: str) -> None:
        self._print("warning", text)

    def clear(self) -> None:
        """Every line is whole."""

    def _print(self, kind: str, text: str) -> None:
        if self._silent:
            return
        try:
            click.echo(json_line({kind: one_line(text, limit=_ECHOED)}))
        except OSError as error:
            self._silent = True
            self.broken = error if self._echo else None


def _progress_text(progress: Progress) -> str:
    return format_progress(progress, width=_PLAIN_WIDTH)[-1].strip()


class _Worker(threading.Thread, Generic[_Result]):
    """Runs the verb, so that a signal is handled soon whatever the verb waits for."""

    def __init__(self, verb: Callable[[Control], _Result], control: Control) -> None:
        super().__init__(name="verb", daemon=True)
        self._verb = verb
        self._control = control
        self._results: list[_Result] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._results.append(self._verb(self._control))
        except BaseException as error:
            self._error = error

    def result(self) -> _Result:
        """What the verb gave, or raise its error."""
        if self._error is not None:
            raise self._error
        return self._results[0]


class _Signals:
    """Notes Ctrl-C and the signals that end this program while a verb runs. The handlers take no lock: one may run in
    the middle of another.
    """

    def __init__(self) -> None:
        self._pressed = False
        self.ending = 0
        """The signal that is to end this program, once the verb has cleaned up; 0 before one came."""
        self._previous: dict[int, signal.Handlers | Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> _Signals:
        self._previous[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        for number in heeded(*ENDING_SIGNALS):
            self._previous[number] = signal.signal(number, self._end)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._pressed = True

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.ending = self.ending or number
        signal.signal(number, signal.SIG_DFL)  # a second one does not wait

    def take_press(self) -> bool:
        """Whether Ctrl-C was pressed since this was asked last."""
        pressed, self._pressed = self._pressed, False
        return pressed


def _ask(question: str, output: Output, cancel: threading.Event) -> bool:
    """Ask in the terminal, with No for any other answer than y; False as soon as `cancel` is set."""
    output.clear()
    termios.tcflush(sys.stdin, termios.TCIFLUSH)  # what was typed before the question is no answer to it
    click.echo(f"{one_line(question, limit=_ECHOED)} [y/N]: ", nl=False, err=True)
    while not cancel.is_set():
        if select.select([sys.stdin], [], [], _TICK)[0]:
            return sys.stdin.readline().strip().lower() in {"y", "yes"}
    return False


def run_verb(
    verb: Callable[[Control], _Result], *, output: Output | None = None, skips: bool = False, asks: bool = False
) -> _Result:
    """Run `verb` with a `Control` and give its result or raise its error. Without `output` its steps go to stderr.

    With `asks` the verb may ask the user in the terminal that stdin is.

    Ctrl-C cancels the verb; with `skips` each Ctrl-C ends the wait of the step in progress instead. SIGTERM, SIGHUP
    and SIGQUIT cancel it as well, and end this program when it has cleaned up; a second one does not wait for that.
    When stdout can't be written to any more the verb is cancelled, and the reason is raised.
    """
    output = StatusLine(sys.stderr) if output is None else output
    cancel = threading.Event()
    ask = partial(_ask, output=output, cancel=cancel) if asks else None
    control = Control(report=output.report, progress=output.progress, cancel=cancel, warning=output.warn, ask=ask)
    worker = _Worker(verb, control)
    try:
        with _Signals() as signals:
            worker.start()
            # A wait without end could sleep through a signal that arrives just before it begins.
            while worker.is_alive():
                worker.join(_TICK)
                if signals.take_press():
                    (control.skip if skips else control.cancel).set()
                if signals.ending or output.broken is not None:
                    control.cancel.set()
    finally:
        output.clear()
    if signals.ending:
        os.kill(os.getpid(), signals.ending)  # now it may have its way
    if output.broken is not None:
        raise output.broken
    return worker.result()
