"""A recording as what a terminal shows: replayed, then followed for as long as more may come."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import TypeVar

from podplane_tui.backend.boot.starts import BootStarts
from podplane_tui.backend.core.format import format_size
from podplane_tui.backend.recording.file import Chunk, RecordingReader, tail_offset

T = TypeVar("T")

POLL_INTERVAL = 0.05
"""Seconds between looks at a recording that has no more so far."""
LIVE_INTERVAL = 0.5
"""Seconds between looks whether more may come."""
EAGER = (0.0, 0.001, 0.002, 0.004, 0.008, 0.016)
"""Seconds between the first looks after a nudge: QEMU writes to its console before it writes to its recording."""

CHUNK = 16 * 1024
"""Bytes given at once: few enough to be parsed in one go, so that what was given was shown, whenever reading ends."""
MAX_UNRECORDED = 2**20
"""Bytes of a console that wait here because they could not be recorded; the oldest give way."""

BEFORE_MARK, BEHIND_MARK = 64 * 1024, 256 * 1024
"""Bytes around a mark that are given when it is far back."""
TAIL_LINES = 12_000
"""Lines replayed of a long recording: more than a terminal's scrollback holds."""
TAIL_SIZE = 8 * 2**20
"""Bytes replayed at most, where lines are long."""


class RecordingSource:
    """The bytes of a recording, each once and in order, from `offset` on, or from where a full scrollback begins.

    `live` says whether more may come; it is asked in a thread. Without a `path` all that comes is what is pushed.

    `marked` is called when all before the offset `mark` was given and shown, and nothing else; `replayed` when all that
    is on record was. A mark that lies before what fits into a scrollback is given with its surroundings only. `booted`
    is called when all before another boot of the guest was given and shown.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        offset: int | None = None,
        live: Callable[[], bool] = lambda: False,
        mark: int | None = None,
        marked: Callable[[], None] = lambda: None,
        replayed: Callable[[], None] = lambda: None,
        booted: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = str(path or "console")
        self.path = path
        self.offset = offset
        """Where what is yet to be given begins; None until that is known."""
        self.answers_from: int | None = None
        """The offset from which on the terminal's answers are wanted; None when they are not."""
        self.over = False
        """All of it was given."""
        self._live = live
        self._mark = mark
        self._until: int | None = None
        self._marked = marked
        self._replayed: Callable[[], None] | None = replayed
        self._booted = booted
        self._starts = BootStarts()
        self._reader: RecordingReader | None = None
        self._given_at = 0
        self._unrecorded = bytearray()
        self._nudged = asyncio.Event()
        self._closed = False
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="recording")

    @property
    def answers(self) -> bool:
        """Whether what was read last comes from somebody who waits for the terminal's answer."""
        return self.answers_from is not None and self._given_at >= self.answers_from

    @property
    def extract(self) -> bool:
        """Whether it is the surroundings of a mark and not all up to the end."""
        return self._until is not None

    @property
    def closed(self) -> bool:
        """Whether nothing more is given."""
        return self._closed

    async def open(self) -> None:
        if self.path is not None:
            path = self.path
            self._reader = await self._in_thread(lambda: self._open(path))

    def _open(self, path: Path) -> RecordingReader:
        if self.offset is None:
            self.offset = tail_offset(path, lines=TAIL_LINES, size=TAIL_SIZE)
            if self._mark is not None and self._mark < self.offset:
                self.offset, self._until = max(0, self._mark - BEFORE_MARK), self._mark + BEHIND_MARK
            if self.offset > 0:
                self._unrecorded += _note(f"{format_size(self.offset)} before this are in podplane-tui logs")
        return RecordingReader(path, self.offset)

    async def read(self, limit: int) -> bytes:
        waits: Iterator[float]
        waits, asked, over = itertools.repeat(POLL_INTERVAL), -LIVE_INTERVAL, False
        if self._mark is not None and self.offset is not None and self.offset >= self._mark:
            self._mark = None
            self._marked()
        while not self._closed:
            chunk = await self._in_thread(lambda: self._next(min(limit, CHUNK)))
            if chunk is not None:
                return self._give(chunk)
            if self._unrecorded:
                data = self._one_boot(bytes(self._unrecorded[: min(limit, CHUNK)]))
                del self._unrecorded[: len(data)]
                return data
            if self._replayed is not None:
                replayed, self._replayed = self._replayed, None
                replayed()
            if over or self.extract:
                self.over = True
                break
            if monotonic() - asked >= LIVE_INTERVAL:
                asked = monotonic()
                over = not await self._in_thread(self._live)  # what was written before the end is read once more
                if over:
                    continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(next(waits)):
                    await self._nudged.wait()
                self._nudged.clear()
                waits = itertools.chain(EAGER, itertools.repeat(POLL_INTERVAL))
        return b""

    def _next(self, limit: int) -> Chunk | None:
        if self._reader is None or self.offset is None:
            return None
        for stop in (self._mark, self._until):
            if stop is not None:
                limit = min(limit, max(0, stop - self.offset))
        return self._reader.read(limit) if limit > 0 else None

    def _give(self, chunk: Chunk) -> bytes:
        """Count a chunk as given: nothing is awaited between this and its being fed to the terminal."""
        missing = chunk.offset - (self.offset or 0)
        data = self._one_boot(chunk.data)
        self._given_at = chunk.offset
        self.offset = chunk.offset + len(data)
        if self._reader is not None:
            self._reader.offset = self.offset
        return (_note(f"{format_size(missing)} were not kept") if missing > 0 else b"") + data

    def _one_boot(self, data: bytes) -> bytes:
        """As much of the next bytes as is of one boot; says first when that is another one."""
        starts = self._starts.within(data)
        if starts[:1] == [0]:
            self._booted()
        data = data[: next((start for start in starts if start), None)]
        self._starts.take(data)
        return data

    def push(self, data: bytes) -> None:
        """Give these bytes, too, behind all that is on record; with none, look at once whether there is more."""
        self._unrecorded += data
        del self._unrecorded[:-MAX_UNRECORDED]
        self._nudged.set()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._nudged.set()
        if self._reader is not None:
            self._executor.submit(self._reader.close)  # behind a read under way
        self._executor.shutdown(wait=False)

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)


def _note(words: str) -> bytes:
    return f"\x1b[2m[{words}]\x1b[m\r\n".encode()
