"""The terminal's driver on a real terminal: what it reads, and how it gives the terminal up and takes it again."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest

from tests.backend.console.terminal_child import TerminalChild, run_on_terminal
from tests.waiting import wait_until

APP = r"""
import os, sys
from textual import events, on
from textual.app import App
from podplane_tui.tui.input.driver import SuspensionAsked, TerminalDriver

class Heard(App):
    def get_driver_class(self):
        return TerminalDriver

    def say(self, words):
        os.write(int(sys.argv[1]), (words + "\n").encode())

    def on_ready(self):
        self.say("ready")

    async def on_event(self, event):
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            self.say(event.key if isinstance(event, events.Key) else repr(event.text))
        await super().on_event(event)

    @on(SuspensionAsked)
    def asked(self):
        self.say("asked")
        self._driver.suspend()

os._exit(Heard().run() or 0)
"""


BEGIN = b"\x1b[?2004h"
"""What the driver writes last when it takes the terminal."""


class Heard:
    """The app of above on a terminal, and what it said it heard."""

    def __init__(self, child: TerminalChild, reader: int) -> None:
        self.child = child
        self._reader = reader
        self._said = b""
        os.set_blocking(reader, False)

    def look(self) -> list[str]:
        """All lines so far; what the app draws is read, too, so that it never waits for that."""
        for descriptor in (self._reader, self.child.master):
            os.set_blocking(descriptor, False)
            try:
                data = os.read(descriptor, 1 << 20)
            except OSError:
                continue
            if descriptor == self._reader:
                self._said += data
            else:
                self.child.screen += data
        return self._said.decode().splitlines()

    def hears(self, *lines: str) -> None:
        """Wait for the last lines to be these."""
        wait_until(lambda: self.look()[-len(lines) :] == [*lines], f"{lines}", seen=self.look)


@pytest.fixture
def heard() -> Iterator[Heard]:
    reader, writer = os.pipe()
    with run_on_terminal([sys.executable, "-c", APP, str(writer)], pass_fds=(writer,)) as child:
        os.close(writer)
        heard = Heard(child, reader)
        heard.hears("ready")
        yield heard
    os.close(reader)


@pytest.mark.slow
def test_keys_and_pastes_arrive_and_the_rest_does_not(heard: Heard) -> None:
    heard.child.type(b"\x1b[99~q\xff\x1b[200~\x1bOP\r\x1b[201~")
    heard.hears("q", "' OP\\r'")
    heard.child.type(b"\x1bO")
    heard.child.type(b"P")
    heard.hears("f1")


@pytest.mark.slow
def test_it_stops_when_the_app_has_let_go_and_comes_back_with_one_reader(heard: Heard) -> None:
    pid = heard.child.process.pid
    for number in (signal.SIGTSTP, signal.SIGSTOP):
        heard.look()
        begun = heard.child.screen.count(BEGIN)
        os.kill(pid, number)
        if number is signal.SIGTSTP:
            heard.hears("asked")
        assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])
        restored = heard.child.attributes() == heard.child.found
        assert restored is (number is signal.SIGTSTP)
        os.kill(pid, signal.SIGCONT)
        wait_until(
            lambda begun=begun: heard.look() and heard.child.screen.count(BEGIN) > begun,  # type: ignore[misc]
            "the terminal to be taken again",
        )
        for _ in range(20):
            heard.child.type(b"\x1b[")
            heard.child.type(b"15~")
            heard.hears("f5")
            heard.child.type(b"z")
            heard.hears("f5", "z")
    assert heard.look().count("asked") == 1


@pytest.mark.slow
def test_a_terminal_that_is_gone_ends_the_app(heard: Heard) -> None:
    os.close(heard.child._slave)
    heard.child._slave = os.open(os.devnull, os.O_RDONLY)
    heard.child.type(b"z")
    heard.hears("z")
    os.close(heard.child.master)
    heard.child.master = os.open(os.devnull, os.O_RDONLY)
    assert heard.child.end() in {0, -signal.SIGHUP}
