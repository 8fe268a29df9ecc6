"""An SSH shell, a source and a sink in one; shells of one VM share a connection."""

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from podplane_tui.backend.core.errors import ShellError, VMError
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.widgets.streams.base import MAX_BACKLOG, ChannelStream

if TYPE_CHECKING:
    import paramiko


def target_of(files: VMFiles) -> ssh.SSHTarget:
    """Where the machine of these files is reached; blocks. Raises `VMError`."""
    return Cluster.of(files).ssh_target()


class Connection:
    """A login at one machine, made when first needed, and anew when it has broken off. Its methods block.

    `find` tells where it is.
    """

    def __init__(self, find: Callable[[], ssh.SSHTarget]) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._client: paramiko.SSHClient | None = None
        self._over = False

    def open_shell(self, columns: int, lines: int) -> "paramiko.Channel":
        """A shell with a terminal of that size. Raises `VMError`."""
        with self._lock:
            if self._over:  # nobody would ever log out again
                raise ShellError("the shell was closed before it was open", hint="open it again")
            if self._client is not None:
                with contextlib.suppress(VMError):  # broken off: log in anew
                    return ssh.open_shell(self._client, columns, lines)
                self._client.close()
            self._client = ssh.connect(self._find())
            return ssh.open_shell(self._client, columns, lines)

    def close(self) -> None:
        """Log out, for good; all shells end."""
        with self._lock:
            self._over = True
            if self._client is not None:
                self._client.close()
                self._client = None


class ShellStream:
    """A shell on a machine. `exit_code` is known when it has ended, None when the connection broke off."""

    def __init__(self, connection: Connection, *, name: str) -> None:
        self.name = name
        self.answers = True
        self.exit_code: int | None = None
        self._connection = connection
        self._size = (80, 24)
        self._early = bytearray()
        """Typed before there is a shell to take it."""
        self._closed = False
        self._channel: paramiko.Channel | None = None
        self._stream: ChannelStream | None = None

    @property
    def backlog(self) -> int:
        return len(self._early) if self._stream is None else self._stream.backlog

    async def open(self) -> None:
        size = self._size
        try:
            channel = await in_thread(lambda: self._open_channel(size), name=f"shell of {self.name}")
        except VMError as error:
            raise OSError(str(error)) from error
        stream = self._stream = ChannelStream(channel, name=self.name)
        await stream.open()
        if self._size != size:
            stream.resize(*self._size)
        if self._early:
            stream.write(bytes(self._early))
            self._early.clear()

    def _open_channel(self, size: tuple[int, int]) -> "paramiko.Channel":
        """The channel; closed when the stream was closed meanwhile, for then nobody may wait for it any more."""
        channel = self._channel = self._connection.open_shell(*size)
        if (
            self._closed
        ):  # looked at after the channel was put where `close` looks for it: one of the two sees the other
            channel.close()
        return channel

    async def read(self, limit: int) -> bytes:
        if self._stream is None:
            return b""
        data = await self._stream.read(limit)
        channel = self._channel
        if not data and channel is not None:
            status = await in_thread(channel.recv_exit_status, name="exit-status")
            self.exit_code = status if status >= 0 else None
        return data

    def write(self, data: bytes) -> bool:
        if self._stream is not None:
            return self._stream.write(data)
        if self._closed:
            return True
        if len(self._early) + len(data) > MAX_BACKLOG:
            return False
        self._early += data
        return True

    def resize(self, columns: int, lines: int) -> None:
        self._size = (columns, lines)
        if self._stream is not None:
            self._stream.resize(columns, lines)

    async def close(self) -> None:
        self._closed = True
        if self._stream is not None:
            await self._stream.close()
        elif self._channel is not None:
            await in_thread(self._channel.close, name=f"end of {self.name}")
