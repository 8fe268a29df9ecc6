"""Shells that are closed while they are still being opened: nothing stays open behind them."""

import asyncio
import threading
from collections.abc import Callable
from typing import NoReturn

import pytest

from podplane_tui.backend.core.errors import ShellError
from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.widgets.streams import ssh
from podplane_tui.tui.widgets.streams.ssh import Connection, ShellStream
from tests.waiting import until


class Channel:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class SlowConnection(Connection):
    """Opens its shell when it is told to go on."""

    def __init__(self) -> None:
        super().__init__(_nowhere)
        self.asked, self.go_on, self.channel = threading.Event(), threading.Event(), Channel()

    def open_shell(self, columns: int, lines: int) -> Channel:  # type: ignore[override]
        self.asked.set()
        self.go_on.wait()
        return self.channel


def _nowhere() -> NoReturn:
    raise AssertionError("nobody is to log in")


async def test_a_channel_that_opens_after_its_stream_was_closed_is_closed() -> None:
    connection = SlowConnection()
    stream = ShellStream(connection, name="a")
    opening = asyncio.create_task(stream.open())
    try:
        await until(connection.asked.is_set, what="the login")
        opening.cancel()
        await asyncio.wait([opening])
        await stream.close()
        assert not connection.channel.closed
    finally:
        connection.go_on.set()
    await until(lambda: connection.channel.closed, what="the end of the channel")


async def test_a_channel_that_was_open_before_its_stream_heard_of_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = SlowConnection()
    connection.go_on.set()

    async def never_heard(function: Callable[[], object], *, name: str) -> object:
        await in_thread(function, name=name)
        return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(ssh, "in_thread", never_heard)
    stream = ShellStream(connection, name="a")
    opening = asyncio.create_task(stream.open())
    await until(lambda: stream._channel is not None, what="the channel")
    monkeypatch.setattr(ssh, "in_thread", in_thread)
    opening.cancel()
    await asyncio.wait([opening])
    await stream.close()
    assert connection.channel.closed


def test_nobody_logs_in_over_a_connection_that_was_closed() -> None:
    asked = []

    def find() -> SSHTarget:
        asked.append(1)
        _nowhere()

    connection = Connection(find)
    connection.close()
    with pytest.raises(ShellError, match="closed"):
        connection.open_shell(80, 24)
    assert asked == []


def test_what_is_typed_early_waits_and_is_refused_as_a_whole_when_it_is_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ssh, "MAX_BACKLOG", 100_000)
    stream = ShellStream(Connection(_nowhere), name="a")
    assert stream.write(b"x" * 99_999)
    assert stream.write(b"yz") is False
    assert stream.backlog == 99_999
    assert stream.write(b"y")
    assert stream.backlog == 100_000
