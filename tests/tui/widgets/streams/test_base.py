"""Byte streams on real sources: sockets, ptys, files, an SSH channel."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import paramiko
import pytest

from podplane_tui.tui.widgets.streams import pty
from podplane_tui.tui.widgets.streams.base import ByteStream, ChannelStream
from podplane_tui.tui.widgets.streams.pty import PtyStream
from tests.waiting import until


@asynccontextmanager
async def opened(stream: ByteStream) -> AsyncIterator[ByteStream]:
    await stream.open()
    try:
        yield stream
    finally:
        await stream.close()


async def read_until(stream: ByteStream, wanted: bytes) -> bytes:
    data = b""
    while wanted not in data:
        more = await stream.read(4096)
        assert more, f"ended before {wanted!r}: {data!r}"
        data += more
    return data


async def read_all(stream: ByteStream) -> bytes:
    data = b""
    while more := await stream.read(4096):
        data += more
    return data


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, a program that has closed its terminal may take long to end."""
    monkeypatch.setattr(pty, "EXIT_GRACE", 60.0)


@pytest.mark.usefixtures("patient")
async def test_pty_runs_a_program_on_a_terminal_of_its_own() -> None:
    stream = PtyStream(["sh", "-c", "tty; stty size; test -t 0 && kill -INT $$ || echo; echo unreached"])
    stream.resize(100, 40)
    async with opened(stream):
        data = await read_all(stream)
    assert b"/dev/" in data
    assert b"40 100" in data
    assert stream.exit_status == -2


@pytest.mark.usefixtures("patient")
async def test_pty_resize_reaches_the_program() -> None:
    stream = PtyStream(["sh", "-c", "trap 'stty size; exit 7' WINCH; echo ready; while :; do read line; done"])
    async with opened(stream):
        await read_until(stream, b"ready")
        stream.resize(33, 11)
        assert b"11 33" in await read_all(stream)
    assert stream.exit_status == 7


@pytest.mark.usefixtures("patient")
async def test_pty_control_c_is_a_signal() -> None:
    stream = PtyStream(["sh", "-c", "echo ready; exec sleep 100"])
    async with opened(stream):
        await read_until(stream, b"ready")
        stream.write(b"\x03")
        await read_all(stream)
    assert stream.exit_status == -2


@pytest.mark.slow
async def test_closing_a_pty_ends_a_stubborn_program() -> None:
    stream = PtyStream(["sh", "-c", "trap '' HUP TERM; echo ready; while :; do sleep 1; done"])
    async with opened(stream):
        await read_until(stream, b"ready")
    assert stream.exit_status == -9


async def test_pty_of_a_program_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        await PtyStream(["no-such-program-anywhere"]).open()


class _EchoServer(paramiko.ServerInterface):
    """Lets anybody in, and notes the size of the pty it is asked for."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def check_auth_none(self, username: str) -> int:
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_pty_request(self, channel: paramiko.Channel, term: bytes, *size: object) -> bool:
        return True

    def check_channel_window_change_request(
        self, channel: paramiko.Channel, width: int, height: int, pixelwidth: int, pixelheight: int
    ) -> bool:
        self.sizes.append((width, height))
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        threading.Thread(target=self._echo, args=(channel,), daemon=True).start()
        return True

    @staticmethod
    def _echo(channel: paramiko.Channel) -> None:
        while data := channel.recv(1000):
            if data == b"\x04":
                break
            channel.sendall(data.upper())
        channel.close()


async def test_ssh_channel() -> None:
    ours, theirs = socket.socketpair()
    server = paramiko.Transport(theirs)
    server.add_server_key(paramiko.RSAKey.generate(2048))
    interface = _EchoServer()
    client = paramiko.Transport(ours)
    try:
        server.start_server(server=interface, event=threading.Event())
        await asyncio.to_thread(client.start_client, timeout=20)
        await asyncio.to_thread(client.auth_none, "debian")
        channel = await asyncio.to_thread(client.open_session)
        await asyncio.to_thread(channel.get_pty)
        await asyncio.to_thread(channel.invoke_shell)
        async with opened(ChannelStream(channel)) as stream:
            stream.write(b"hello")
            stream.write(b" there")
            await read_until(stream, b"HELLO THERE")
            stream.resize(132, 43)
            await until(lambda: interface.sizes == [(132, 43)])
            stream.write(b"\x04")
            assert await read_all(stream) == b""
            await until(lambda: stream.backlog == 0)
        assert await stream.read(1) == b""
    finally:
        client.close()
        server.close()
