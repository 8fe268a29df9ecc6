"""`serve` as a program, and what a program on the same host can do to it with raw sockets."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import psutil
import pytest

from podplane_tui.web.connections import MOST_CONNECTIONS, REQUEST_LIMIT
from tests.cli.support import make_disk
from tests.cli.test_serve import only_child, page_of, served
from tests.conftest import Workspace
from tests.waiting import until
from tests.web.support import PATIENCE, shown
from tests.web.test_connections import HALVES, MALFORMED

pytestmark = pytest.mark.slow


def port_of(link: str) -> int:
    return int(link.partition("/?")[0].rpartition(":")[2])


async def closed_after(port: int, request: bytes) -> float:
    """Seconds until the server closes a connection on which this is all that comes."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.replace(b"{host}", f"127.0.0.1:{port}".encode()))
    try:
        await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionError:
        pass
    finally:
        writer.close()
    return time.monotonic() - began


async def test_half_sent_requests_are_closed_after_ten_seconds_and_dashboards_stay(workspace: Workspace) -> None:
    assert REQUEST_LIMIT == 10
    make_disk(workspace, "alpha")
    with served(workspace) as (process, link):
        async with aiohttp.ClientSession() as client:
            page = await page_of(client, link)
            await shown(page, "alpha")
            times = await asyncio.gather(*(closed_after(port_of(link), half) for half in HALVES.values()))
            assert all(REQUEST_LIMIT - 1 < seconds < PATIENCE for seconds in times), times
            assert only_child(process).is_running()
            await page.send_json(["ping", "7"])
            while (await page.receive(PATIENCE)).type is not aiohttp.WSMsgType.TEXT:
                pass
        handles = psutil.Process(process.pid).num_fds()
        assert handles < MOST_CONNECTIONS


async def test_nothing_that_is_sent_reaches_the_owners_terminal(workspace: Workspace) -> None:
    with served(workspace) as (process, link):
        await asyncio.gather(*(closed_after(port_of(link), request) for request in MALFORMED))
        process.terminate()
        assert await asyncio.to_thread(process.wait, PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read().splitlines() == [
            "The dashboard, for one browser on this machine, once:",
            "Ctrl-C: end",
        ]


async def test_a_thousand_connections_leave_room_for_the_owner(workspace: Workspace) -> None:
    with served(workspace) as (process, link):
        server = psutil.Process(process.pid)
        before = server.num_fds()
        held = []
        for _ in range(1000):
            held.append((await asyncio.open_connection("127.0.0.1", port_of(link)))[1])
        await until(lambda: server.num_fds() - before <= MOST_CONNECTIONS + 1, what="those too many to be closed")
        for writer in held:
            writer.close()
        await until(lambda: server.num_fds() - before < MOST_CONNECTIONS - 1, what="room")
        async with aiohttp.ClientSession() as client, client.get(link) as answer:
            assert answer.status == 200
