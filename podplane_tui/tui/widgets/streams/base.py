"""Where the bytes of a terminal come from and where they go: a source to show, a sink to type into.

A recording is a source only, a VM's console a sink only. A pty and an SSH channel are both.

Whoever attaches a source reads it to the end without pause. Nothing is buffered here beyond one read; what is read is
parsed at once, and only the painting is rationed.
No method blocks the event loop: descriptors are non-blocking, files and channels are read in threads.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import paramiko


MAX_BACKLOG = 16 * 1024 * 1024
"""Bytes that wait for the other side to take them."""


class ByteSource(Protocol):
    """What a terminal shows. The order of calls is open, then read as wanted, then close."""

    @property
    def name(self) -> str:
        """What it is, for people: a path or a command."""

    @property
    def answers(self) -> bool:
        """Whether whoever wrote what was read last waits for the terminal's answers to it."""

    async def open(self) -> None:
        """Connect; raises OSError with the reason."""

    async def read(self, limit: int) -> bytes:
        """At least one byte and at most ``limit``, as soon as there are any; empty at the end. Raises OSError."""

    async def close(self) -> None:
        """End it; a read under way returns. Safe to call twice and before ``open``."""


class ByteSink(Protocol):
    """What a terminal is typed into. Whoever made it opens and closes it."""

    @property
    def backlog(self) -> int:
        """Bytes written and not yet taken by the other side."""

    def write(self, data: bytes) -> bool:
        """Queue bytes for sending, in order; never blocks. False, and none of them are, when too many wait already.

        Dropped when the other side is gone.
        """

    def resize(self, columns: int, lines: int) -> None:
        """Tell the other side the size of the screen, where it can be told."""


class DescriptorStream:
    """Reads and writes a non-blocking file descriptor through the event loop."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.answers = True
        self._descriptor = -1
        self._outgoing: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None

    @property
    def backlog(self) -> int:
        return sum(map(len, self._outgoing))

    async def read(self, limit: int) -> bytes:
        while self._descriptor >= 0:
            try:
                return os.read(self._descriptor, limit)
            except BlockingIOError:
                await self._readable()
            except InterruptedError:
                continue
        return b""

    def write(self, data: bytes) -> bool:
        if self._descriptor < 0 or not data:
            return True
        if self.backlog + len(data) > MAX_BACKLOG:
            return False
        self._outgoing.append(data)
        if len(self._outgoing) == 1:
            self._send()
        return True

    def resize(self, columns: int, lines: int) -> None:
        """Serial lines and sockets carry no size."""

    async def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        self._outgoing.clear()
        if descriptor < 0:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(descriptor)
        loop.remove_writer(descriptor)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._release(descriptor)

    def _release(self, descriptor: int) -> None:
        os.close(descriptor)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        descriptor = self._descriptor
        loop.add_reader(descriptor, _finish, self._waiter)
        try:
            await self._waiter
        finally:
            if self._descriptor == descriptor:
                loop.remove_reader(descriptor)
            self._waiter = None

    def _send(self) -> None:
        """Write what the descriptor takes now; the event loop calls again when it takes more."""
        loop = asyncio.get_running_loop()
        try:
            while self._outgoing:
                data = self._outgoing[0]
                sent = os.write(self._descriptor, data)
                if sent < len(data):
                    self._outgoing[0] = data[sent:]
                else:
                    self._outgoing.popleft()
        except (BlockingIOError, InterruptedError):
            loop.add_writer(self._descriptor, self._send)
            return
        except OSError:  # the other side is gone: the reader gets to know it and says so
            self._outgoing.clear()
        loop.remove_writer(self._descriptor)


class ChannelStream:
    """A paramiko channel with a pty; closing the stream closes the channel.

    paramiko blocks, so two threads of the stream's own use it, one to read and one to write in order.
    """

    def __init__(self, channel: "paramiko.Channel", *, name: str = "ssh") -> None:
        self.name = name
        self.backlog = 0
        self.answers = True
        self._channel = channel
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="channel-read")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="channel-write")
        self._closed = False

    async def open(self) -> None:
        self._channel.settimeout(None)

    async def read(self, limit: int) -> bytes:
        if self._closed:
            return b""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._channel.recv, limit)

    def write(self, data: bytes) -> bool:
        if self.backlog + len(data) > MAX_BACKLOG:
            return False
        self._submit(lambda: self._channel.sendall(data), sent=len(data))
        return True

    def resize(self, columns: int, lines: int) -> None:
        self._submit(lambda: self._channel.resize_pty(columns, lines), sent=0)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._channel.close)
        self._reader.shutdown(wait=False)
        self._writer.shutdown(wait=False, cancel_futures=True)

    def _submit(self, work: Callable[[], object], *, sent: int) -> None:
        if self._closed:
            return
        self.backlog += sent
        loop = asyncio.get_running_loop()

        def run() -> None:
            with contextlib.suppress(
                OSError, EOFError
            ):  # the other side is gone: the reader gets to know it and says so
                work()

        def done() -> None:
            self.backlog -= sent

        future = self._writer.submit(run)
        future.add_done_callback(lambda _: None if loop.is_closed() else loop.call_soon_threadsafe(done))


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
