"""Connections as bytes: half a request, too many of them, what is no request, and errors of ours."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from podplane_tui.web import connections
from podplane_tui.web.connections import serving
from podplane_tui.web.door import Door
from tests.waiting import until
from tests.web.support import NOTHING, PATIENCE, Site, site

HALVES = {
    "nothing": b"",
    "head": b"GET / HTTP/1.1\r\nHost: {host}\r\nX-A",
    "body": b"GET / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\nhalf",
    "websocket": b"GET /x/ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-Web",
    "second": b"GET / HTTP/1.1\r\nHost: {host}\r\n\r\nGET / HT",
}

MALFORMED = (
    b"\x1b]0;title\x07\x1b[31mGET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: \x1b[2J\x07\r\n\x1b[31m: x\r\n\r\n",
    b"GET /\x1b[2J HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2000 + b"\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\0" * 1000 + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\xff\xff\r\n",
)


async def answer_to(here: Site, request: bytes) -> bytes:
    """All that comes until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    writer.write(request.replace(b"{host}", here.door.host.encode()))
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("half", HALVES)
async def test_half_a_request_is_closed(monkeypatch: pytest.MonkeyPatch, half: str) -> None:
    monkeypatch.setattr(connections, "REQUEST_LIMIT", 0.2)
    async with site(NOTHING) as here:
        await answer_to(here, HALVES[half])


async def test_a_head_that_trickles_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_LIMIT", 0.2)
    async with site(NOTHING) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        end = asyncio.create_task(reader.read())
        writer.write(b"GET / HTTP/1.1\r\n")
        async with asyncio.timeout(PATIENCE):
            while not end.done():
                writer.write(b"X: y\r\n")
                await asyncio.sleep(0.02)  # how it is sent
        writer.close()
        await asyncio.gather(end, return_exceptions=True)


async def test_connections_too_many_are_closed_and_others_are_served_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 3)
    async with site(NOTHING) as here:
        held = [await asyncio.open_connection("127.0.0.1", here.port) for _ in range(3)]
        assert await answer_to(here, b"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n") == b""
        for _, writer in held:
            writer.close()

        async def served() -> bool:
            return b"403" in await answer_to(here, b"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")

        async with asyncio.timeout(PATIENCE):
            while not await served():
                pass


@pytest.mark.parametrize("number", range(len(MALFORMED)))
async def test_what_is_malformed_is_told_to_nobody(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], number: int
) -> None:
    monkeypatch.setattr(connections, "REQUEST_LIMIT", 0.2)
    monkeypatch.setattr(logging.getLogger("aiohttp"), "propagate", False)  # pytest's own handler is no terminal
    async with site(NOTHING) as here:
        await answer_to(here, MALFORMED[number])
        assert here.said == []
    assert capfd.readouterr() == ("", "")


@asynccontextmanager
async def failing(error: Callable[[], Exception]) -> AsyncIterator[Site]:
    """A server whose handler fails in this way."""

    async def fail(_request: web.Request) -> web.Response:
        raise error()

    application = web.Application()
    application.router.add_get("/", fail)
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with serving(application, listener, patience=1.0, report=said.append):
            yield Site(port, Door(f"127.0.0.1:{port}"), None, said)  # type: ignore[arg-type]


async def test_an_error_of_ours_is_told_once_without_what_was_sent(capfd: pytest.CaptureFixture[str]) -> None:
    async with failing(lambda: ZeroDivisionError("\x1b[31m")) as here:
        for _ in range(3):
            assert (await here.get("/")).status == 500
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        asyncio.get_running_loop().call_soon(int, "\x1b")
        await until(lambda: len(here.said) == 2, what="both")
        assert here.said == ["a request failed with ZeroDivisionError", "a request failed with ValueError"]
    assert capfd.readouterr() == ("", "")
