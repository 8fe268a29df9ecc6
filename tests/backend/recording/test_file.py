"""The raw file of a recording: how one grows under a reader, what is freed of it, where its last lines begin."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from podplane_tui.backend.recording.file import Chunk, RecordingReader, follow, hole_of, punch_hole, tail_offset
from tests.backend.recording.support import MB


@pytest.mark.usefixtures("trimming")
def test_a_reader_skips_what_is_trimmed_under_its_eyes(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(b"a" * MB + b"b" * MB)
    with RecordingReader(path, offset=10) as reader, path.open("r+b") as file:
        assert reader.read(10) == Chunk(10, b"a" * 10)
        assert punch_hole(file.fileno(), 0, MB) == MB
        assert hole_of(file.fileno()) == (0, MB)
        assert reader.read(10) == Chunk(MB, b"b" * 10)


def test_following_gives_every_byte_once(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    lines = [b"line %d\n" % number for number in range(5000)]
    path.write_bytes(b"".join(lines[:100]))
    done = threading.Event()

    def write() -> None:
        with path.open("ab", buffering=0) as file:
            for line in lines[100:]:
                file.write(line)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    chunks = list(follow(path, offset=7, ended=done.is_set, cancel=threading.Event(), interval=0.001))
    writer.join()
    whole = b"".join(lines)
    assert b"".join(chunk.data for chunk in chunks) == whole[7:]
    assert all(whole[chunk.offset :].startswith(chunk.data) for chunk in chunks)


def test_following_ends_when_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(b"x")
    cancel = threading.Event()
    chunks = follow(path, ended=lambda: False, cancel=cancel)
    assert next(chunks) == Chunk(0, b"x")
    cancel.set()
    assert list(chunks) == []


def test_what_was_written_right_before_the_end_is_followed_too(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(b"one ")

    def ended() -> bool:
        with path.open("ab") as file:
            file.write(b"last words")
        return True

    chunks = list(follow(path, ended=ended, cancel=threading.Event()))
    assert chunks == [Chunk(0, b"one "), Chunk(4, b"last words")]


def test_a_reader_gives_what_has_come_since(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(b"abcde")
    with RecordingReader(path, offset=1) as reader:
        assert reader.read(3) == Chunk(1, b"bcd")
        assert (reader.read(), reader.read(), reader.offset) == (Chunk(4, b"e"), None, 5)
        with path.open("ab") as file:
            file.write(b"f")
        assert reader.read() == Chunk(5, b"f")
    with RecordingReader(path, offset=100) as reader:
        assert reader.read() is None


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "nothing"])
def test_only_a_file_is_read_and_nothing_is_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "file").write_text("secret")
        path.symlink_to("file")
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208
    with pytest.raises(OSError, match=r"not a regular file|symbolic link|No such file"):
        RecordingReader(path)
    if before:
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.usefixtures("trimming")
def test_only_whole_blocks_are_freed(tmp_path: Path) -> None:
    path, block = tmp_path / "recording", 64 * 1024
    path.write_bytes(b"a" * (4 * block))
    with path.open("r+b") as file:
        handle = file.fileno()
        assert hole_of(handle) is None
        assert punch_hole(handle, 1, 2 * block - 1) == 0
        assert punch_hole(handle, 2 * block, block) == 0
        assert hole_of(handle) is None
        assert punch_hole(handle, 1, 3 * block - 1) == block
        assert hole_of(handle) == (block, 2 * block)
        assert punch_hole(handle, block, 3 * block) == block  # one of the two was free
        assert os.fstat(handle).st_size == 4 * block


def test_an_empty_file_has_no_hole(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.touch()
    with path.open("rb") as file:
        assert hole_of(file.fileno()) is None


LONG = b"x" * 100_000 + b"\n"


@pytest.mark.parametrize(
    ("content", "lines", "size", "offset"),
    [
        (b"", 3, 100, 0),
        (b"a\nb\nc\n", 1, 100, 4),
        (b"a\nb\nc\n", 2, 100, 2),
        (b"a\nb\nc\n", 3, 100, 0),
        (b"a\nb\nc\n", 9, 100, 0),
        (b"a\n\n\n", 2, 100, 2),
        (b"a\nb\nc\n", 3, 3, 3),
        (b"a\nb\nc\n", 1, 3, 4),
        (LONG * 3, 1, MB, 2 * len(LONG)),
        (LONG * 3, 2, MB, len(LONG)),
        (LONG * 3, 3, MB, 0),
        (LONG * 3, 2, 150_000, 3 * len(LONG) - 150_000),
        (b"x" * (64 * 1024 - 1) + b"\n" + b"y" * (64 * 1024 - 1) + b"\n", 1, MB, 64 * 1024),
    ],
)
def test_where_the_last_lines_begin(tmp_path: Path, content: bytes, lines: int, size: int, offset: int) -> None:
    path = tmp_path / "recording"
    path.write_bytes(content)
    assert tail_offset(path, lines=lines, size=size) == offset
