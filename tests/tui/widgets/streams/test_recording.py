"""A recording as a source: replayed, followed, given whole."""

import asyncio
from pathlib import Path

import pytest

from podplane_tui.tui.widgets.streams import recording as recording_stream
from podplane_tui.tui.widgets.streams.recording import RecordingSource
from tests.waiting import until


async def test_a_flood_that_nobody_records_is_given_whole() -> None:
    stream = recording_stream.RecordingSource(None, live=lambda: True)
    await stream.open()
    printed = [b"%d\r\n" % number for number in range(3000)]  # faster than anybody reads
    for piece in printed:
        stream.push(piece)
    given = b""
    while len(given) < len(b"".join(printed)):
        given += await stream.read(65536)
    assert given == b"".join(printed)
    await stream.close()


@pytest.mark.parametrize("turns", range(5))
async def test_a_reader_that_is_nudged_and_cancelled_at_once_ends(turns: int) -> None:
    """`asyncio.wait_for` of Python 3.11 takes no notice of a cancellation that comes as what it waits for is done."""
    stream = recording_stream.RecordingSource(None, live=lambda: True)
    await stream.open()
    reader = asyncio.create_task(stream.read(100))
    await until(lambda: stream._nudged._waiters, what="a reader that waits for more")
    stream.push(b"")
    for _ in range(turns):
        await asyncio.sleep(0)
    reader.cancel()
    await asyncio.wait([reader], timeout=60)
    assert reader.cancelled()
    await stream.close()


async def read_all(stream: RecordingSource, limit: int = 65536) -> bytes:
    given = b""
    while data := await stream.read(limit):
        assert len(data) <= limit
        given += data
    return given


async def test_a_recording_is_given_from_its_offset_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    path.write_bytes(bytes(range(256)) * 200)
    replayed: list[int | None] = []
    stream = RecordingSource(path, offset=10, replayed=lambda: replayed.append(stream.offset))
    await stream.open()
    assert await read_all(stream, limit=1000) == path.read_bytes()[10:]
    assert replayed == [200 * 256]
    assert stream.over
    assert not stream.extract
    await stream.close()
    assert await stream.read(10) == b""


async def test_all_before_a_mark_is_given_before_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    path.write_bytes(b"before|behind")
    told: list[int | None] = []
    stream = RecordingSource(path, offset=0, mark=7, marked=lambda: told.append(stream.offset))
    await stream.open()
    assert await stream.read(1000) == b"before|"
    assert told == []
    assert await stream.read(1000) == b"behind"
    assert told == [7]
    await stream.close()


async def test_of_a_long_recording_the_end_is_given_or_what_is_around_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    lines = [b"line %07d\r\n" % number for number in range(60_000)]
    path.write_bytes(b"".join(lines))
    stream = RecordingSource(path)
    await stream.open()
    given = await read_all(stream)
    assert lines[-1] in given
    assert len(lines) > given.count(b"line ") >= recording_stream.TAIL_LINES - 1
    assert b"before this are in podplane-tui logs" in given
    mark = len(lines[0]) * 20_000
    extract = RecordingSource(path, mark=mark)
    await extract.open()
    given = await read_all(extract)
    assert extract.extract
    assert lines[20_000] in given
    assert lines[0] not in given
    assert lines[-1] not in given
    assert extract.offset == mark + recording_stream.BEHIND_MARK
    for each in (stream, extract):
        await each.close()


async def test_what_waits_unrecorded_is_bounded_and_the_oldest_gives_way() -> None:
    stream = RecordingSource(None)
    await stream.open()
    stream.push(b"old")
    stream.push(b"x" * recording_stream.MAX_UNRECORDED)
    assert await read_all(stream) == b"x" * recording_stream.MAX_UNRECORDED
    await stream.close()


async def test_answers_are_wanted_only_from_where_somebody_waits_for_them(tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    path.write_bytes(b"replayed")
    stream = RecordingSource(path, offset=0, live=lambda: True)
    await stream.open()
    await stream.read(100)
    assert not stream.answers
    stream.answers_from = 8
    assert not stream.answers
    with path.open("ab") as file:
        file.write(b"live")
    stream.push(b"")
    assert await stream.read(100) == b"live"
    assert stream.answers
    await stream.close()


RESTART = b"\r\n[   12.345678] reboot: Restarting system\r\n"


@pytest.mark.parametrize("recorded", [True, False])
async def test_all_before_another_boot_is_given_before_it_is_told(tmp_path: Path, *, recorded: bool) -> None:
    path = tmp_path / "x.raw"
    runs = [b"one" + RESTART, b"two" + RESTART, b"three"]
    path.write_bytes(b"".join(runs) if recorded else b"")
    events: list[bytes | str] = []
    stream = RecordingSource(path, offset=0, booted=lambda: events.append("booted"))
    await stream.open()
    if not recorded:
        stream.push(b"".join(runs))
    while data := await stream.read(1000):
        events.append(data)
    assert events == [runs[0], "booted", runs[1], "booted", runs[2]]
    assert stream.offset == path.stat().st_size
    await stream.close()


async def test_a_boot_is_told_when_it_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    path.write_bytes(b"one" + RESTART)
    booted: list[int | None] = []
    stream = RecordingSource(path, offset=0, live=lambda: True, booted=lambda: booted.append(stream.offset))
    await stream.open()
    assert await stream.read(1000) == b"one" + RESTART
    assert booted == []
    with path.open("ab") as file:
        file.write(b"two")
    stream.push(b"")
    assert await stream.read(1000) == b"two"
    assert booted == [len(b"one" + RESTART)]
    await stream.close()
