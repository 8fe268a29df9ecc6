"""What the server's tests share: a server on a free port, requests as bytes, and a page's WebSocket."""

import asyncio
import contextlib
import re
import socket
import sys
import textwrap
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

from podplane_tui.web.door import Door
from podplane_tui.web.server import COOKIE, Server

PATIENCE = 60.0
"""Seconds anything may take on a loaded machine."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


@dataclass(slots=True)
class Site:
    """A server that runs, as seen from outside."""

    port: int
    door: Door
    server: Server
    said: list[str] = field(default_factory=list)

    async def get(
        self, target: str, *headers: str, method: str = "GET", host: str | None = None, cookie: str = ""
    ) -> Answer:
        """Ask for `target` exactly as it is written, on a connection of its own."""
        lines = [f"{method} {target} HTTP/1.1", *headers, "Connection: close"]
        lines.insert(1, f"Host: {host or self.door.host}")
        if cookie:
            lines.append(f"Cookie: {COOKIE}={cookie}")
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        raw = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        head, _, body = raw.partition(b"\r\n\r\n")
        status, *fields = head.decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in fields)
        return Answer(int(status.split()[1]), {name.lower(): value for name, value in pairs}, body)

    async def enter(self) -> tuple[str, str]:
        """Use a new link: the session's path and its cookie."""
        link = self.door.new_link()
        answer = await self.get(link.removeprefix(self.door.origin))
        assert answer.status == 200
        cookie = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
        return answer.headers["refresh"].partition("url=")[2], cookie

    @contextlib.asynccontextmanager
    async def page(self, *, size: tuple[int, int] = (80, 24)) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """The WebSocket of a page that came in through a link of its own."""
        path, cookie = await self.enter()
        url = f"{self.door.origin}{path}ws?width={size[0]}&height={size[1]}"
        headers = {"Origin": self.door.origin, "Cookie": f"{COOKIE}={cookie}"}
        async with aiohttp.ClientSession() as client, client.ws_connect(url, headers=headers) as websocket:
            yield websocket


@contextlib.asynccontextmanager
async def site(command: Sequence[str]) -> AsyncIterator[Site]:
    """Serve `command` on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        door = Door(f"127.0.0.1:{port}")
        said: list[str] = []
        server = Server(command, door, report=said.append)
        async with server.running(listener):
            yield Site(port, door, server, said)


_SPEAKER = """
import json, os, sys
from pathlib import Path
def send(kind, payload):
    os.write(1, kind + len(payload).to_bytes(4, "big") + payload)
def show(text):
    send(b"D", text.encode())
def leave():
    send(b"M", json.dumps({"type": "exit"}).encode())
def receive():
    head = sys.stdin.buffer.read(5)
    return (head[:1], sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))) if head else (b"", b"")
os.write(1, b"__GANGLION__\\n")
"""


def speaker(program: str, *arguments: str) -> list[str]:
    """A program that speaks with the server as a dashboard does: `show`, `leave` and `receive` are there for it."""
    return [sys.executable, "-I", "-S", "-c", _SPEAKER + textwrap.dedent(program), *arguments]


async def shown(websocket: aiohttp.ClientWebSocketResponse, text: str) -> str:
    """Read what the page is sent until `text` is among it."""
    seen = ""
    while text not in seen:
        message = await websocket.receive(PATIENCE)
        assert message.type in {aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT}, (message, seen)
        if message.type is aiohttp.WSMsgType.BINARY:
            seen += message.data.decode()
    return seen


async def closed(websocket: aiohttp.ClientWebSocketResponse) -> int | None:
    """Read what the page is still sent until its WebSocket is closed; gives the code."""
    while (message := await websocket.receive(PATIENCE)).type is aiohttp.WSMsgType.BINARY:
        pass
    assert message.type is aiohttp.WSMsgType.CLOSE
    return websocket.close_code


def transport(page: aiohttp.ClientWebSocketResponse) -> asyncio.Transport:
    """What is below a page's WebSocket, for browsers that behave badly."""
    assert page._conn is not None
    found = page._conn.transport
    assert isinstance(found, asyncio.Transport)
    return found


NOTHING = speaker("receive()")
ECHO = speaker("""
    show(f"pid {os.getpid()} here")
    while True:
        kind, payload = receive()
        if kind == b"M" and json.loads(payload)["type"] == "quit":
            leave()
            break
        show(f"{kind.decode()} {payload.decode()} ")
""")


def pid_in(text: str) -> int:
    match = re.search(r"pid (\d+) here", text)
    assert match is not None
    return int(match[1])
