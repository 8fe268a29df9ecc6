"""How tests read sources, and write to what is a sink, too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from podplane_tui.tui.widgets.streams.base import ByteSink, ByteSource


class ByteStream(ByteSource, ByteSink, Protocol):
    """What is both: a pty, an SSH channel."""


@asynccontextmanager
async def opened(stream: ByteStream) -> AsyncIterator[ByteStream]:
    await stream.open()
    try:
        yield stream
    finally:
        await stream.close()


async def read_until(source: ByteSource, wanted: bytes) -> bytes:
    data = b""
    while wanted not in data:
        more = await source.read(4096)
        assert more, f"ended before {wanted!r}: {data!r}"
        data += more
    return data


async def read_all(source: ByteSource) -> bytes:
    data = b""
    while more := await source.read(4096):
        data += more
    return data
