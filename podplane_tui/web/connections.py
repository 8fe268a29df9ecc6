"""The server's connections: how many there are, how long one may take to ask, and where their errors go.

Whoever can connect to the loopback address may send anything: half a request, a million connections, escape sequences
in the place of a method. None of it is printed into the terminal of whoever started the server, and none of it stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

REQUEST_LIMIT = 10.0
"""Seconds a request may take to arrive, its head and its body each, and a connection may be without one."""

MOST_CONNECTIONS = 128
"""Connections at a time, of all browsers and programs together; more are closed as they come."""

_LOG = "podplane_tui.web"
_MOST_KINDS = 20

logging.getLogger("aiohttp").addHandler(logging.NullHandler())  # or its errors end up on the terminal


class _Turned(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it at once."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - TCP
        transport.abort()


class _Errors(logging.Handler):
    """Tells of errors of ours, each kind once, by its type alone; what is wrong with a request is its sender's."""

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._report = report
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Handle what aiohttp logs."""
        if record.exc_info and record.exc_info[1] is not None:
            self.tell(record.exc_info[1])

    def tell(self, error: BaseException) -> None:
        """Say that it happened."""
        kind = type(error).__name__
        ours = not isinstance(error, HttpProcessingError | ConnectionError)
        if ours and kind not in self._told and len(self._told) < _MOST_KINDS:
            self._told.add(kind)
            self._report(f"a request failed with {kind}")


@contextlib.asynccontextmanager
async def serving(
    application: web.Application, listener: socket.socket, *, patience: float, report: Callable[[str], None]
) -> AsyncIterator[None]:
    """Serve `application` on `listener` for as long as the block lasts; handlers get `patience` seconds to end."""
    errors = _Errors(report)
    log = logging.Logger(_LOG, logging.ERROR)  # of its own: no other handler gets to see it
    log.addHandler(errors)
    runner = web.AppRunner(
        application,
        access_log=None,  # it would hold the token
        logger=log,
        handle_signals=False,
        shutdown_timeout=patience,
        keepalive_timeout=REQUEST_LIMIT,
        lingering_time=REQUEST_LIMIT,
    )
    await runner.setup()
    protocols = runner.server
    assert protocols is not None  # noqa: S101 - it was set up

    def protocol() -> asyncio.Protocol:
        return _Turned() if len(protocols.connections) >= MOST_CONNECTIONS else protocols()

    def failed(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            errors.tell(error)

    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(failed)
    server: asyncio.Server | None = None
    try:
        server = await loop.create_server(protocol, sock=listener)
        yield
    finally:
        if server is not None:
            server.close()
        await runner.cleanup()
        loop.set_exception_handler(before)
