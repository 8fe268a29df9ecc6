"""The server over real HTTP and WebSockets: who gets in, and what becomes of the processes behind the tabs."""

import asyncio
import json
import re
from urllib.parse import unquote

import aiohttp
import psutil
import pytest
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from podplane_tui.web import server as server_module
from podplane_tui.web.server import COOKIE, MOST_TABS
from tests.waiting import until
from tests.web.support import (
    ECHO,
    NOTHING,
    PATIENCE,
    closed,
    pid_in,
    shown,
    site,
    speaker,
)

# -- coming in --------------------------------------------------------------------------------------------------------


async def test_the_link_gives_a_cookie_for_the_sessions_path_alone() -> None:
    async with site(NOTHING) as here:
        answer = await here.get(here.door.new_link().removeprefix(here.door.origin))
        assert answer.status == 200
        path = answer.headers["refresh"].removeprefix("0; url=")
        assert re.fullmatch(r"/[\w-]{43}/", path)
        value, *attributes = answer.headers["set-cookie"].split("; ")
        assert re.fullmatch(rf"{COOKIE}=[\w-]{{43}}", value)
        assert set(attributes) == {"HttpOnly", "SameSite=Strict", f"Path={path}"}
        page = await here.get(path, cookie=value.partition("=")[2])
        assert page.status == 200
        assert b"<title>podplane-tui</title>" in page.body


async def test_a_spent_link_is_refused_with_how_to_get_another() -> None:
    async with site(NOTHING) as here:
        target = here.door.new_link().removeprefix(here.door.origin)
        assert (await here.get(target)).status == 200
        again = await here.get(target)
        assert again.status == 403
        assert "used already" in again.text
        assert "Enter" in again.text
        assert "set-cookie" not in again.headers


async def test_a_look_ahead_does_not_spend_the_link() -> None:
    async with site(NOTHING) as here:
        target = here.door.new_link().removeprefix(here.door.origin)
        assert (await here.get(target, method="HEAD")).status == 405
        assert (await here.get(target, "Sec-Purpose: prefetch")).status == 403
        assert (await here.get(target)).status == 200


@pytest.mark.parametrize(
    "target", ["", "ws", "static/textual.js", "static/page.css", "static/", "download/x", "nothing"]
)
async def test_nothing_is_had_without_the_session(target: str) -> None:
    async with site(NOTHING) as here:
        path, cookie = await here.enter()
        other_path, other_cookie = await here.enter()
        assert (await here.get(f"/{target}")).status in {403, 404}
        for secret in ("", "x", other_cookie):
            answer = await here.get(path + target, f"Origin: {here.door.origin}", cookie=secret)
            assert answer.status in {403, 404}
            assert "textual" not in answer.text
        assert (await here.get(f"/{'x' * 43}/{target}", cookie=cookie)).status in {403, 404}
        assert path != other_path


@pytest.mark.parametrize("target", ["", "ws", "static/textual.js", "download/x"])
@pytest.mark.parametrize("foreign", ["localhost:{port}", "evil.example:{port}", "127.0.0.1", "[::1]:{port}"])
async def test_another_host_is_refused_with_the_cookie_too(target: str, foreign: str) -> None:
    async with site(NOTHING) as here:
        path, cookie = await here.enter()
        host = foreign.format(port=here.port)
        answer = await here.get(path + target, f"Origin: http://{host}", host=host, cookie=cookie)
        assert answer.status == 403
        link = here.door.new_link().removeprefix(here.door.origin)
        assert (await here.get(link, host=host)).status == 403
        assert (await here.get(link)).status == 200


@pytest.mark.parametrize("target", ["", "ws", "static/textual.js", "download/x"])
@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://localhost:{port}", "https://127.0.0.1:{port}"]
)
async def test_another_origin_is_refused_with_the_cookie_too(target: str, origin: str) -> None:
    async with site(NOTHING) as here:
        path, cookie = await here.enter()
        answer = await here.get(path + target, f"Origin: {origin.format(port=here.port)}", cookie=cookie)
        assert answer.status == 403


@pytest.mark.parametrize(
    ("origin", "cookie"), [(None, True), ("http://evil.example", True), ("own", False), (None, False)]
)
async def test_a_websocket_needs_both_origin_and_cookie(origin: str | None, cookie: bool) -> None:
    async with site(ECHO) as here, aiohttp.ClientSession() as client:
        path, secret = await here.enter()
        before = set(psutil.Process().children())
        headers = {"Cookie": f"{COOKIE}={secret}"} if cookie else {}
        if origin is not None:
            headers["Origin"] = here.door.origin if origin == "own" else origin
        with pytest.raises(aiohttp.WSServerHandshakeError, match=r"^403, ") as refused:
            await client.ws_connect(f"{here.door.origin}{path}ws", headers=headers)
        assert refused.value.status == 403
        assert set(psutil.Process().children()) <= before


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../server.py", "..%2fserver.py", "%2e%2e/%2e%2e/door.py", "..%5cdoor.py", "/etc/passwd"),
        *("%2fetc%2fpasswd", "textual.js/..", "js/textual.js", "index.html", "page.css%00", "TEXTUAL.JS"),
    ],
)
async def test_there_are_no_static_files_but_those_of_the_page(name: str) -> None:
    async with site(NOTHING) as here:
        path, cookie = await here.enter()
        answer = await here.get(f"{path}static/{name}", cookie=cookie)
        # A client that takes ".." seriously before it asks arrives at the page or at nobody's session.
        assert answer.status in {403, 404} or b"<title>podplane-tui</title>" in answer.body
        assert not {b"import", b"root:"} & set(answer.body.split())


async def test_the_page_and_all_it_loads_come_from_here() -> None:
    async with site(NOTHING) as here:
        path, cookie = await here.enter()
        page = await here.get(path, cookie=cookie)
        wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        css = await here.get(f"{path}static/page.css", cookie=cookie)
        wanted += [f"static/{name}" for name in re.findall(r'url\("([^"]+)"\)', css.text)]
        assert len(wanted) == 6
        for name in set(wanted) - {"data:,"}:
            assert not re.match(r"\w+:|/", name)
            answer = await here.get(path + name, cookie=cookie)
            assert answer.status == 200
            kind = {"js": "javascript", "css": "text/css", "ttf": "ttf"}[name.rpartition(".")[2]]
            assert kind in answer.headers["content-type"]
        assert "//" not in page.text


async def test_every_answer_keeps_others_out() -> None:
    async with site(NOTHING) as here:
        path, cookie = await here.enter()
        answers = [
            await here.get(here.door.new_link().removeprefix(here.door.origin)),
            await here.get("/"),
            await here.get("/none/of/these"),
            await here.get(path, cookie=cookie),
            await here.get(f"{path}static/page.js", cookie=cookie),
            await here.get(f"{path}ws", f"Origin: {here.door.origin}", cookie=cookie),
            await here.get(f"{path}static/none", cookie=cookie),
        ]
        assert [answer.status for answer in answers] == [200, 403, 404, 200, 200, 400, 404]
        for answer in answers:
            policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
            assert policy["default-src"] == "'self'"
            assert policy["connect-src"] == f"'self' ws://127.0.0.1:{here.port}"
            assert policy["frame-ancestors"] == "'none'"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"


# -- the process behind a tab -----------------------------------------------------------------------------------------


async def test_words_of_the_page_reach_the_process_and_its_words_the_page() -> None:
    async with site(ECHO) as here, here.page() as page:
        await shown(page, "here")
        await page.send_json(["stdin", "ls é\x03"])
        await shown(page, "D ls é\x03 ")
        await page.send_json(["resize", {"width": 132, "height": 10**9}])
        assert json.loads((await shown(page, "} ")).removeprefix("M ")) == {
            "type": "resize",
            "width": 132,
            "height": 1000,
        }
        await page.send_json(["ping", "7"])
        assert await page.receive_json(timeout=PATIENCE) == ["pong", "7"]


@pytest.mark.parametrize(
    "word",
    ["", "[", "{}", '["stdin", 5]', '["resize", {}]', pytest.param("[" * 100_000, id="deep"), '["quit"]', "null"],
)
async def test_what_is_no_word_of_the_pages_does_nothing(word: str) -> None:
    async with site(ECHO) as here, here.page() as page:
        await shown(page, "here")
        await page.send_str(word)
        await page.send_bytes(b"stdin")
        await page.send_json(["stdin", "next"])
        assert await shown(page, "next ") == "D next "


@pytest.mark.slow
async def test_every_tab_has_a_process_and_there_is_a_last_one() -> None:
    async with site(ECHO) as here, aiohttp.ClientSession() as client:
        path, cookie = await here.enter()
        before = set(psutil.Process().children())
        headers = {"Origin": here.door.origin, "Cookie": f"{COOKIE}={cookie}"}
        url = f"{here.door.origin}{path}ws"
        pages = [await client.ws_connect(url, headers=headers) for _ in range(MOST_TABS)]
        assert len({pid_in(await shown(page, "here")) for page in pages}) == MOST_TABS
        one_more = await client.ws_connect(url, headers=headers)
        await shown(one_more, "close one of them first")
        await closed(one_more)
        await pages[0].close()
        await until(lambda: len(set(psutil.Process().children()) - before) < MOST_TABS, "the end of one")
        again = await client.ws_connect(url, headers=headers)
        await shown(again, "here")


async def test_a_browser_that_answers_no_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_HEARTBEAT", 0.2)
    async with site(ECHO) as here:
        path, cookie = await here.enter()
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        lines = [f"GET {path}ws HTTP/1.1", f"Host: {here.door.host}", f"Origin: {here.door.origin}"]
        lines += [f"Cookie: {COOKIE}={cookie}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        seen = b""
        while b" here" not in seen:
            seen += await asyncio.wait_for(reader.read(4096), PATIENCE)
        process = psutil.Process(pid_in(seen.decode(errors="replace")))
        await until(lambda: not process.is_running(), "its end")
        writer.close()


async def test_a_page_that_comes_while_the_server_ends_gets_no_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    async with site(ECHO) as here:

        class Late(web.WebSocketResponse):
            async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
                writer = await super().prepare(request)
                await here.server.end()
                return writer

        monkeypatch.setattr(web, "WebSocketResponse", Late)
        async with here.page() as page:
            assert await closed(page) == aiohttp.WSCloseCode.GOING_AWAY
            assert here.server._tabs == {}


async def test_the_servers_end_closes_pages_and_ends_processes() -> None:
    async with site(ECHO) as here, here.page() as page:
        process = psutil.Process(pid_in(await shown(page, "here")))
        end = asyncio.create_task(here.server.end())
        assert await closed(page) == aiohttp.WSCloseCode.GOING_AWAY
        assert (await here.get("/")).status == 503
        await end
        assert not process.is_running()


# -- files a dashboard hands over -------------------------------------------------------------------------------------

GIVER = speaker(
    r"""
    from pathlib import Path
    sys.path += json.loads(sys.argv[1])
    from textual._binary_encode import dump
    name = 'a "b"\r\né.svg'
    start = {"type": "deliver_file_start", "key": "the-key", "path": "/somewhere/" + name, "open_method": "browser",
             "encoding": "", "mime_type": "text/html", "name": None}
    send(b"M", json.dumps(start).encode())
    chunks = [b"<script>", b"1</script>", b""]
    while True:
        kind, payload = receive()
        word = json.loads(payload)["type"]
        if word == "deliver_chunk_request":
            send(b"P", dump(("deliver_chunk", "the-key", chunks.pop(0))))
        elif word == "quit":
            leave()
            break
""",
    json.dumps([path for path in __import__("sys").path if path]),
)


@pytest.mark.slow
async def test_a_file_is_saved_never_shown_and_belongs_to_its_session() -> None:
    async with site(GIVER) as here, aiohttp.ClientSession() as client:
        path, cookie = await here.enter()
        other_path, other_cookie = await here.enter()
        headers = {"Origin": here.door.origin, "Cookie": f"{COOKIE}={cookie}"}
        page = await client.ws_connect(f"{here.door.origin}{path}ws", headers=headers)
        assert await page.receive_json(timeout=PATIENCE) == ["deliver_file_start", "the-key"]
        sent_on = await here.get("/download/the-key")  # as the page's script asks; the cookie does not go with that
        assert (sent_on.status, sent_on.headers["location"]) == (303, f"{path}download/the-key")
        assert (await here.get("/download/another")).status == 404
        assert (await here.get(f"{path}download/the-key")).status == 403
        assert (await here.get(f"{other_path}download/the-key", cookie=other_cookie)).status == 404
        answer = await client.get(f"{here.door.origin}{path}download/the-key", headers=headers)
        assert await answer.read() == b"<script>1</script>"
        assert answer.headers["content-type"] == "application/octet-stream"
        kind, _, name = answer.headers["content-disposition"].partition("; filename*=UTF-8''")
        assert (kind, unquote(name)) == ("attachment", 'a "b"\r\né.svg')
        assert (await here.get(f"{path}download/the-key", cookie=cookie)).status == 404
