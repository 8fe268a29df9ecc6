"""The dashboard of one browser tab: a process of its own, packets in its pipes, and its end."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import NoReturn

from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from podplane_tui.backend.core.text import one_line

_GREETING = b"__GANGLION__\n"
"""The first line of Textual's driver for the web; packets follow."""

_WRITE_PATIENCE = 30.0
"""Seconds a browser may leave unread what is sent to it."""

_LEAVING = 5.0
"""Seconds from being told to leave to a cleared screen."""

_FINISHING = 600.0
"""Seconds for what was begun and must not be cut in the middle, the making of a machine say; as after `q`."""

_LAST_STEP = 3.0
"""Seconds after SIGTERM, and after SIGKILL."""

_GLANCE = 0.05
"""Seconds between two looks whether it has ended."""

_WORDS_LINES, _WORDS_BYTES = 30, 65536
"""Of what it said on stderr, the end."""

_CLEAR = "\x1b[?1049l\x1b[2J\x1b[H"
"""Out of the alternate screen, and everything cleared."""


class Tab(AppService):
    """Runs `command`, an argument list, for one WebSocket of the session of that name.

    `hurry` ends the wait for what the dashboard still has to finish. `complain` is told, line by line, what the process
    said on stderr.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        session: str,
        write_bytes: Callable[[bytes], Awaitable[None]],
        write_str: Callable[[str], Awaitable[None]],
        close: Callable[[], Awaitable[None]],
        downloads: DownloadManager,
        hurry: asyncio.Event,
        complain: Callable[[str], None],
    ) -> None:
        super().__init__(
            "", write_bytes=write_bytes, write_str=write_str, close=close, download_manager=downloads, debug=False
        )
        self.session = session
        self._arguments = list(command)
        self._hurry = hurry
        self._complain = complain
        self._unread = False
        """Whether there is nobody any more who reads what we send."""
        self._left = asyncio.Event()
        """Set when the dashboard has left its screen, by itself or because it was asked to."""

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment = super()._build_environment(width, height)
        # The command knows its driver, and what it starts shall not take that for its own.
        del environment["TEXTUAL_DRIVER"]
        return environment

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        self._process = process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._build_environment(width, height),
            start_new_session=True,  # Ctrl-C in our terminal is for us, who then end it in good order
        )
        self._stdin = process.stdin
        return process

    async def run(self) -> None:
        """Pass on what the process says until it has ended; `start` begins it."""
        process = self._process
        assert process is not None and process.stdout is not None and process.stderr is not None  # noqa: S101 - pipes
        words = asyncio.create_task(_last_lines(process.stderr))
        try:
            await self._pass_on(process.stdout)
        except asyncio.IncompleteReadError:
            self._left.set()
            # What the process started may have its stderr for longer.
            await asyncio.wait([words], timeout=_LAST_STEP)
        except (KeyError, ValueError, asyncio.LimitOverrunError):
            self._complain("the dashboard said something that can't be understood")
        if words.done():
            await self._tell(words.result())
        words.cancel()
        await self._while_read(self.remote_close)

    async def _pass_on(self, stdout: asyncio.StreamReader) -> NoReturn:
        """Raises `IncompleteReadError` at the end, others for what is no packet."""
        if await stdout.readuntil(b"\n") != _GREETING:
            raise ValueError
        handlers = {b"D": self.on_data, b"M": self.on_meta, b"P": self.on_packed}
        while True:
            handle = handlers[await stdout.readexactly(1)]
            size = int.from_bytes(await stdout.readexactly(4), "big")
            await handle(await stdout.readexactly(size))

    async def on_data(self, payload: bytes) -> None:
        """Hand output to the browser; for one that is gone it is read all the same, so that the process goes on."""
        await self._while_read(partial(self.remote_write_bytes, payload))

    async def on_meta(self, data: bytes) -> None:
        """Handle what Textual's driver has to say besides."""
        if json.loads(data)["type"] == "exit":
            self._left.set()
        await self._while_read(partial(super().on_meta, data))

    async def _while_read(self, send: Callable[[], Awaitable[None]]) -> None:
        if self._unread:
            return
        try:
            await asyncio.wait_for(send(), _WRITE_PATIENCE)
        except (ConnectionError, TimeoutError, RuntimeError):
            self._unread = True

    async def _tell(self, words: list[str]) -> None:
        """Show what the process said on stderr where the dashboard was, and in our terminal."""
        if words:
            for line in words:
                self._complain(line)
            text = "\r\n".join(words)
            await self._while_read(partial(self.remote_write_bytes, f"{_CLEAR}{text}\r\n".encode()))

    async def finish(self, *, hang_up: Callable[[], None]) -> None:
        """Ask the dashboard to leave, let it finish what it has begun, and see the process end, by force at last.

        `hang_up` cuts the connection: output that nobody reads must not keep the dashboard from hearing that.
        """
        process = self._process
        if process is None or self._task is None:
            return
        await self._download_manager.cancel_app_downloads(self.app_service_id)
        await _first_of(self._leave(), _ended(process), seconds=_LEAVING)
        if not self._left.is_set() and process.returncode is None:
            hang_up()
            await _first_of(self._left.wait(), _ended(process), seconds=_LEAVING)
        if self._left.is_set():
            await _first_of(_ended(process), self._hurry.wait(), seconds=_FINISHING)
        for end in (process.terminate, process.kill):
            if process.returncode is None:
                end()  # our own child, and not yet reaped
                await _in_time(_ended(process), _LAST_STEP)
        # What the process started may hold its pipes for longer than it lived: we let go of them, and read no more.
        await _in_time(self._task, _LAST_STEP)
        process._transport.close()  # type: ignore[attr-defined] # there is no public way

    async def _leave(self) -> None:
        await self.send_meta({"type": "quit"})
        await self._left.wait()


async def _ended(process: Process) -> None:
    """Wait for the process's end; its own `wait` also waits for whoever else has its pipes."""
    while process.returncode is None:  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(_GLANCE)


async def _in_time(work: Awaitable[object], seconds: float) -> bool:
    """Whether `work` was done in time; what is not is given up."""
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        return False
    return True


async def _first_of(*works: Coroutine[object, object, object], seconds: float) -> None:
    tasks = [asyncio.create_task(work) for work in works]
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _last_lines(stream: asyncio.StreamReader) -> list[str]:
    """The last lines of `stream`, once it has ended, fit to be shown."""
    tail = b""
    while chunk := await stream.read(_WORDS_BYTES):
        tail = (tail + chunk)[-_WORDS_BYTES:]
    return [line for raw in tail.split(b"\n")[-_WORDS_LINES:] if (line := one_line(raw))]
