"""Byte streams on real sources: sockets, ptys, files, an SSH channel."""

import asyncio
import socket
import threading

import paramiko
import pytest

from podplane_tui.tui.widgets.streams import base
from podplane_tui.tui.widgets.streams.base import ChannelStream
from tests.tui.widgets.streams.support import opened, read_all, read_until
from tests.waiting import until


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


async def test_ssh_channel(monkeypatch: pytest.MonkeyPatch) -> None:
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
            monkeypatch.setattr(base, "MAX_BACKLOG", 3)
            assert stream.write(b"more") is False  # and nothing of it
            assert stream.write(b"\x04")
            assert await read_all(stream) == b""
            await until(lambda: stream.backlog == 0)
        assert await stream.read(1) == b""
    finally:
        client.close()
        server.close()
