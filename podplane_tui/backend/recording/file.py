"""The raw file of a recording: reading it while it grows, its boots, and freeing a part of it while QEMU appends."""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from podplane_tui.backend.boot.model import Boot
from podplane_tui.backend.boot.parser import BootParser

_BLOCK = 64 * 1024
"""Bytes. Whole blocks are freed, and no file system we know has larger ones."""

_FALLOC_FL_KEEP_SIZE, _FALLOC_FL_PUNCH_HOLE = 1, 2
"""From linux/falloc.h."""

_CHUNK = 64 * 1024
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of a recording and the offset of the first of them. What lies between two chunks was trimmed."""

    offset: int
    data: bytes


def hole_of(handle: int) -> tuple[int, int] | None:
    """Where the file's first hole begins and ends; None when there is none or the system can't tell."""
    size = os.fstat(handle).st_size
    if size == 0 or not hasattr(os, "SEEK_HOLE"):
        return None
    try:
        start = os.lseek(handle, 0, os.SEEK_HOLE)
    except OSError:
        return None
    if start >= size:
        return None
    try:
        return start, os.lseek(handle, start, os.SEEK_DATA)
    except OSError:
        return start, size  # no data behind it


def punch_hole(handle: int, start: int, end: int) -> int:
    """Free the whole blocks between two offsets, whoever appends meanwhile; give how many bytes, 0 when it can't be.

    The file keeps its size and all other bytes their offsets.
    """
    start, end = -(-start // _BLOCK) * _BLOCK, end // _BLOCK * _BLOCK
    if sys.platform != "linux" or end <= start:
        return 0
    import ctypes  # noqa: PLC0415 - recordings are read often and trimmed rarely

    before = hole_of(handle)
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "fallocate64"):
        return 0
    mode = _FALLOC_FL_KEEP_SIZE | _FALLOC_FL_PUNCH_HOLE
    if libc.fallocate64(handle, mode, ctypes.c_int64(start), ctypes.c_int64(end - start)) != 0:
        return 0
    after = hole_of(handle)
    return (after[1] - after[0] if after else 0) - (before[1] - before[0] if before else 0)


class RecordingReader:
    """Reads a recording from an offset on, also while it grows: each byte once, in order, none left out.

    Raises `OSError` when the file can't be opened, or is none. What was trimmed, before or under the reader's eyes, is
    skipped.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            self.close()
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        self.offset = offset
        """Where the next chunk begins, unless that is trimmed."""

    def __enter__(self) -> RecordingReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def read(self, limit: int = _CHUNK) -> Chunk | None:
        """The next bytes, at most `limit`; None when there are none yet."""
        while True:
            data = os.pread(self._handle, limit, self.offset)
            # Asked after reading: a hole that was made meanwhile reads as NUL bytes, which the guest never printed.
            hole = hole_of(self._handle)
            if hole is not None and hole[0] <= self.offset < hole[1]:
                self.offset = hole[1]
                continue
            if hole is not None and hole[0] > self.offset:
                data = data[: hole[0] - self.offset]
            if not data:
                return None
            chunk = Chunk(self.offset, data)
            self.offset += len(data)
            return chunk


def tail_offset(path: Path, *, lines: int, size: int) -> int:
    """Where the last `lines` lines of a file begin, which are within its last `size` bytes; 0 when that is all of it.

    Raises `OSError`.
    """
    with path.open("rb", buffering=0) as file:
        end = start = file.seek(0, os.SEEK_END)
        left = lines + 1  # the line end before the first of them counts, too
        while start > 0:
            if end - start >= size:
                return start
            length = min(_CHUNK, start, size - (end - start))
            start -= length
            data = os.pread(file.fileno(), length, start)
            place = len(data)
            for _ in range(min(left, data.count(b"\n"))):
                place = data.rfind(b"\n", 0, place)
                left -= 1
            if left == 0:
                return start + place + 1
    return 0


def follow(
    path: Path, *, offset: int = 0, ended: Callable[[], bool], cancel: threading.Event, interval: float = 0.1
) -> Iterator[Chunk]:
    """Yield a recording's chunks from `offset` on as they come, until `cancel` is set or it is read to the end.

    `ended` says whether whoever writes is gone; it is asked every `interval` seconds, when there is nothing to read.
    Raises `OSError` when the file can't be opened.
    """
    with RecordingReader(path, offset) as reader:
        last = False
        while not cancel.is_set():
            chunk = reader.read()
            if chunk is not None:
                yield chunk
            elif last:
                return
            else:
                last = ended()  # what was written before the end is read once more
                if not last:
                    cancel.wait(interval)


def parse_boots(path: Path, *, power_on: float | None = None, over: bool = False) -> tuple[Boot, ...]:
    """The boots of the recording at `path`, oldest first; `over` says that nothing more will come. Raises `OSError`."""
    parser, offset = BootParser(power_on=power_on), 0
    with RecordingReader(path) as reader:
        while (chunk := reader.read(_PIECE)) is not None:
            if chunk.offset > offset:
                parser.skip(chunk.offset - offset)
            parser.feed(chunk.data)
            offset = chunk.offset + len(chunk.data)
    if over:
        parser.end()
    return parser.boots
