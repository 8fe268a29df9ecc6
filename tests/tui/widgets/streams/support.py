"""How tests read streams."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from podplane_tui.tui.widgets.streams.base import ByteStream


@asynccontextmanager
async def opened(stream: ByteStream) -> AsyncIterator[ByteStream]:
    await stream.open()
    try:
        yield stream
    finally:
        await stream.close()


async def read_until(stream: ByteStream, wanted: bytes) -> bytes:
    data = b""
    while wanted not in data:
        more = await stream.read(4096)
        assert more, f"ended before {wanted!r}: {data!r}"
        data += more
    return data


async def read_all(stream: ByteStream) -> bytes:
    data = b""
    while more := await stream.read(4096):
        data += more
    return data
