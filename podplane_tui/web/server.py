"""The server: the link's token becomes a session, the session has a page, the page's WebSocket a dashboard."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import textual_serve
from aiohttp import WSCloseCode, WSMsgType, web
from textual_serve.download_manager import DownloadManager

from podplane_tui.web.connections import serving
from podplane_tui.web.door import Door
from podplane_tui.web.tab import Tab

MOST_TABS = 8
"""Dashboards at a time: each is a process."""

COOKIE = "podplane-tui"

_HEARTBEAT = 15.0
"""Seconds between two questions whether the browser is still there; half of it may pass until it answers."""

_MESSAGE_BYTES = 1 << 20
"""What may be pasted at once."""

_CLOSING = 2.0
"""Seconds a browser may take to agree to an end."""

_MOST_CELLS = 1000

_PAGE = Path(__file__).parent / "page"
_BUNDLE = Path(textual_serve.__file__).parent / "static"

_STATIC = {
    "page.css": (_PAGE / "page.css", "text/css"),
    "page.js": (_PAGE / "page.js", "text/javascript"),
    "textual.js": (_BUNDLE / "js" / "textual.js", "text/javascript"),
    "xterm.css": (_BUNDLE / "css" / "xterm.css", "text/css"),
    "roboto-mono.ttf": (_BUNDLE / "fonts" / "RobotoMono-VariableFont_wght.ttf", "font/ttf"),
}
"""All files there are, by the names they go by: nothing else can be asked for."""

_NEW_LINK = (
    "A link works once. For a new one press Enter in the terminal where podplane-tui serve runs, or start it again.\n"
)


@dataclass(frozen=True, slots=True)
class _Download:
    session: str
    file_name: str


_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Serves `command`, the argument list of a dashboard that speaks Textual's protocol for the web.

    `report` is told, in a line each, what happens that whoever started the server would want to know.
    """

    def __init__(self, command: Sequence[str], door: Door, *, report: Callable[[str], None]) -> None:
        self._command = list(command)
        self._door = door
        self._report = report
        self._downloads = DownloadManager()
        self._tabs: dict[web.WebSocketResponse, asyncio.Event] = {}
        self._closing = False
        self.hurry = asyncio.Event()
        """Set it, and dashboards that end no longer finish what they have begun."""

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard])
        application.on_response_prepare.append(self._add_headers)
        for path, handler in (
            ("/", self._enter),
            ("/download/{key}", self._find_download),
            ("/{session}/", self._show_page),
            ("/{session}/ws", self._run_dashboard),
            ("/{session}/static/{name}", self._send_static),
            ("/{session}/download/{key}", self._send_download),
        ):
            # HEAD would be answered by the same handlers, and spend the token.
            application.router.add_get(path, handler, allow_head=False)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        objection = self._door.objection(
            hosts=request.headers.getall("Host", []),
            origins=request.headers.getall("Origin", []),
            must_name_origin=request.headers.get("Upgrade") is not None or request.path.endswith("/ws"),
        )
        if objection is not None:
            return _refused(objection)
        if self._closing:
            raise web.HTTPServiceUnavailable
        name = request.match_info.get("session")
        if name is not None and not self._door.admits(name, request.cookies.get(COOKIE, "")):
            return _refused(f"This browser was not let in here, or that has ended. {_NEW_LINK}")
        return await handler(request)

    async def _add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(
            {
                "Content-Security-Policy": (
                    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
                    f"connect-src 'self' ws://{self._door.host}; "
                    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
                ),
                "X-Frame-Options": "DENY",
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Cache-Control": "no-store",
            }
        )
        if "Server" in response.headers:
            del response.headers["Server"]

    async def _enter(self, request: web.Request) -> web.Response:
        if "Sec-Purpose" in request.headers:  # a browser that loads what its user may never open
            return _refused("This is not to be loaded ahead of time.")
        session = self._door.enter(request.query.get("token", ""))
        if session is None:
            return _refused(f"This link was used already, or is none. {_NEW_LINK}")
        self._report("a browser came in through the link")
        # A page that goes on by itself, no redirection: after that, from a link in a page of somebody else's, a browser
        # would keep the strict cookie back.
        response = web.Response(text="One moment …\n", headers={"Refresh": f"0; url={session.path}"})
        response.set_cookie(COOKIE, session.secret, path=session.path, httponly=True, samesite="Strict")
        return response

    async def _show_page(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(_PAGE / "index.html")

    async def _send_static(self, request: web.Request) -> web.FileResponse:
        found = _STATIC.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        path, kind = found
        return web.FileResponse(path, headers={"Content-Type": kind})

    async def _find_download(self, request: web.Request) -> web.Response:
        """The page's script asks for what is below the session's path here."""
        download = await self._download_of(request)
        raise web.HTTPSeeOther(f"/{download.session}{request.path}")

    async def _send_download(self, request: web.Request) -> web.StreamResponse:
        download = await self._download_of(request)
        if download.session != request.match_info["session"]:
            raise web.HTTPNotFound
        name = quote(download.file_name, safe="", errors="replace")
        # Never shown as a page of ours, whatever is in it.
        response = web.StreamResponse(
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            }
        )
        await response.prepare(request)
        async for chunk in self._downloads.download(request.match_info["key"]):
            await response.write(chunk)
        return response

    async def _download_of(self, request: web.Request) -> _Download:
        try:
            found = await self._downloads.get_download_metadata(request.match_info["key"])
        except KeyError:
            raise web.HTTPNotFound from None
        assert isinstance(found.app_service, Tab)  # noqa: S101 - we make no others
        return _Download(found.app_service.session, found.file_name)

    async def _run_dashboard(self, request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(timeout=_CLOSING, heartbeat=_HEARTBEAT, max_msg_size=_MESSAGE_BYTES)
        await websocket.prepare(request)
        if self._closing:  # meanwhile: nobody would end what is started now
            await _close(websocket)
            return websocket
        if len(self._tabs) >= MOST_TABS:
            await websocket.send_bytes(
                f"{MOST_TABS} dashboards are open here already: close one of them first.".encode()
            )
            await websocket.close()
            return websocket
        tab = Tab(
            self._command,
            session=request.match_info["session"],
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=partial(_close, websocket),
            downloads=self._downloads,
            hurry=self.hurry,
            complain=self._report,
        )
        self._tabs[websocket] = ended = asyncio.Event()
        try:
            await tab.start(_cells(request.query.get("width"), 80), _cells(request.query.get("height"), 24))
            with contextlib.suppress(ConnectionError):
                await _listen(websocket, tab)
        finally:
            await tab.finish(hang_up=lambda: request.transport.abort() if request.transport is not None else None)
            del self._tabs[websocket]
            ended.set()
        return websocket

    async def end(self) -> None:
        """Close the pages, and wait until their dashboards have ended."""
        self._closing = True
        ends = [ended.wait() for ended in self._tabs.values()]
        await asyncio.gather(*(_close(websocket) for websocket in list(self._tabs)))
        await asyncio.gather(*ends)

    @contextlib.asynccontextmanager
    async def running(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serve what comes in on `listener`; in the end the dashboards are ended, too."""
        async with serving(self._application(), listener, patience=_CLOSING, report=self._report):
            try:
                yield
            finally:
                await self.end()


async def _listen(websocket: web.WebSocketResponse, tab: Tab) -> None:
    """Pass on what the page says; what is none of its words is nothing."""
    async for message in websocket:
        if message.type is not WSMsgType.TEXT:
            continue
        try:
            words = json.loads(message.data)
        except (ValueError, RecursionError):
            continue
        match words:
            case ["stdin", str(text)]:
                await tab.send_bytes(text.encode("utf-8", "replace"))
            case ["resize", {"width": int(width), "height": int(height)}]:
                await tab.set_terminal_size(_cells(width, 80), _cells(height, 24))
            case ["ping", str(when)]:
                await websocket.send_json(["pong", when])
            case ["focus"]:
                await tab.focus()
            case ["blur"]:
                await tab.blur()


async def _close(websocket: web.WebSocketResponse) -> None:
    await websocket.close(code=WSCloseCode.GOING_AWAY)


def _cells(value: str | int | None, default: int) -> int:
    """A width or height in cells, from a browser."""
    try:
        return min(max(int(value or default), 1), _MOST_CELLS)
    except ValueError:
        return default


def _refused(reason: str) -> web.Response:
    return web.Response(status=403, text=f"podplane-tui: {reason.rstrip()}\n")
