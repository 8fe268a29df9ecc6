"""A guest's SSH server: takes any key and any user, writes down commands, and does one thing when told to power off."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import paramiko
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from podplane_tui.backend.ssh.client import ensure_identity


class _Interface(paramiko.ServerInterface):
    def __init__(self, server: SSHServer) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._server.execute, args=(channel, command.decode()), daemon=True).start()
        return True


class SSHServer:
    """A server on loopback while the block lasts. With `break_off` it cuts the connection instead of answering."""

    def __init__(self, *, poweroff: Callable[[], object], break_off: bool = False) -> None:
        self.commands: list[str] = []
        self._poweroff = poweroff
        self._break_off = break_off
        self._transports: list[paramiko.Transport] = []
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "key"
            ensure_identity(path)
            self._key = paramiko.PKey.from_path(path)
        self.host_key = f"{self._key.get_name()} {self._key.get_base64()}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> SSHServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for transport in self._transports:
            transport.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                transport = paramiko.Transport(client)
                transport.add_server_key(self._key)
                transport.start_server(event=threading.Event(), server=_Interface(self))
                self._transports.append(transport)

    def execute(self, channel: paramiko.Channel, command: str) -> None:
        """Run nothing, but for the one thing."""
        self.commands.append(command)
        channel.recv(1)  # the client ends its input once it knows that the command was taken
        if command.endswith("poweroff"):
            self._poweroff()
            if self._break_off:
                channel.get_transport().close()
                return
        channel.send_exit_status(0)
        channel.close()
