"""The terminal, as Textual drives it, with our way of reading it and of giving it up for a while."""

from __future__ import annotations

import os
import select
import signal
from functools import cached_property

from textual import messages
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from podplane_tui.tui.input.parser import InputParser

_CHUNK = 64 * 1024
_GLANCE = 0.1
"""Seconds between two looks whether to end, as in Textual's driver."""


class SuspensionAsked(Message):
    """SIGTSTP has come: the app is to let go of what it holds, and then to call `suspend`."""


class TerminalDriver(LinuxDriver):
    """Reads the terminal through `InputParser`. SIGTSTP suspends the app as its key does."""

    _stopping = False

    @cached_property
    def _parser(self) -> InputParser:
        """One for all threads, which follow each other: a suspension may cut a sequence or a paste."""
        return InputParser(debug=self._debug)

    def run_input_thread(self) -> None:
        """Read until told to end; a terminal that is gone ends the app."""
        parser = self._parser
        while not self.exit_event.is_set():
            ready, _, _ = select.select([self.fileno], [], [], parser.wait(_GLANCE))
            if ready:
                data = _read(self.fileno)
                if not data:
                    self._app.post_message(messages.ExitApp())
                    return
                for message in parser.messages(data):
                    self.process_message(message)
            for message in parser.due_messages():
                self.process_message(message)

    def suspend(self) -> None:
        """Give up the terminal and stop the process, until SIGCONT."""
        self._stopping = True
        os.kill(os.getpid(), signal.SIGTSTP)

    def _sigtstp_application(self, *signal_and_frame: object) -> None:
        """Have the app let go first, unless it has, or has given the terminal to another program."""
        if self._stopping or not (self._auto_restart and self._reading):
            self._stopping = False
            super()._sigtstp_application(*signal_and_frame)
        else:
            self.send_message(SuspensionAsked())

    def _sigcont_application(self, *signal_and_frame: object) -> None:
        """Take the terminal up again. After a SIGSTOP nothing has ended, and a second thread would share its input."""
        if self._auto_restart and self._reading:
            self.suspend_application_mode()
        super()._sigcont_application(*signal_and_frame)

    @property
    def _reading(self) -> bool:
        return self._key_thread is not None and self._key_thread.is_alive()


def _read(descriptor: int) -> bytes:
    """What has come, b"" at the end, which is how a terminal that hung up counts, too."""
    try:
        return os.read(descriptor, _CHUNK)
    except OSError:
        return b""
