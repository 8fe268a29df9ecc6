"""A recording as a stream: replayed, followed, given whole."""

import asyncio

import pytest

from podplane_tui.tui.widgets.streams import recording as recording_stream


async def test_a_flood_that_nobody_records_is_given_whole() -> None:
    stream = recording_stream.RecordingStream(None, live=lambda: True)
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
    stream = recording_stream.RecordingStream(None, live=lambda: True)
    await stream.open()
    reader = asyncio.create_task(stream.read(100))
    await asyncio.sleep(0.1)
    stream.push(b"")
    for _ in range(turns):
        await asyncio.sleep(0)
    reader.cancel()
    await asyncio.wait([reader], timeout=60)
    assert reader.cancelled()
    await stream.close()
