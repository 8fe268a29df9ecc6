"""`serve` as a program: its link, the real dashboard behind it, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import aiohttp
import psutil
import pytest

from podplane_tui.web.server import COOKIE
from tests.cli.support import Terminal, assert_refused, make_disk, run
from tests.conftest import Workspace
from tests.waiting import until
from tests.web.support import PATIENCE, closed, shown

PROGRAM = [sys.executable, "-m", "podplane_tui", "serve", "--port", "0", "--arch", "amd64"]


@contextlib.contextmanager
def served(workspace: Workspace, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program, and the link it prints."""
    process = subprocess.Popen(
        [*PROGRAM, *options],
        env=workspace.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().rstrip("\n")
    finally:
        process.kill()
        process.communicate()


async def page_of(client: aiohttp.ClientSession, link: str) -> aiohttp.ClientWebSocketResponse:
    """The WebSocket of the page that the link leads to."""
    origin = link.partition("/?")[0]
    async with client.get(link) as answer:
        assert answer.status == 200
        path = answer.headers["Refresh"].partition("url=")[2]
        cookie = answer.cookies[COOKIE].value
    headers = {"Origin": origin, "Cookie": f"{COOKIE}={cookie}"}
    return await client.ws_connect(f"{origin}{path}ws?width=100&height=30", headers=headers)


def _ended(process: psutil.Process) -> bool:
    """Whether it has ended, though whoever has it for a child now may not know that yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def only_child(process: subprocess.Popen[str]) -> psutil.Process:
    (child,) = psutil.Process(process.pid).children()
    return child


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
async def test_a_dashboard_is_shown_and_a_signal_ends_all(workspace: Workspace, number: signal.Signals) -> None:
    make_disk(workspace, "alpha")
    with served(workspace) as (process, link):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", link)
        async with aiohttp.ClientSession() as client:
            page = await page_of(client, link)
            await shown(page, "alpha")
            dashboard = only_child(process)
            assert link.partition("=")[2] not in str([dashboard.cmdline(), dashboard.environ()])
            process.send_signal(number)
            assert await closed(page) == aiohttp.WSCloseCode.GOING_AWAY
        assert await asyncio.to_thread(process.wait, PATIENCE) == 0
        assert not dashboard.is_running()
        assert process.stderr is not None
        told = process.stderr.read()
        assert "token" not in told
        assert "Traceback" not in told
        assert "a browser came in" in told


@pytest.mark.slow
async def test_leaving_the_dashboard_ends_its_tab_but_not_the_server(workspace: Workspace) -> None:
    with served(workspace) as (process, link):
        async with aiohttp.ClientSession() as client:
            page = await page_of(client, link)
            await shown(page, "No VMs here yet")
            dashboard = only_child(process)
            await page.send_json(["stdin", "q"])
            await closed(page)
            await asyncio.to_thread(dashboard.wait, PATIENCE)
            assert process.poll() is None


@pytest.mark.slow
async def test_keys_that_need_a_terminal_are_refused_in_words(workspace: Workspace) -> None:
    make_disk(workspace, "alpha")
    with served(workspace) as (_, link):
        async with aiohttp.ClientSession() as client:
            page = await page_of(client, link)
            await shown(page, "alpha")
            for key, words in {
                "S": "a browser has no terminal to give to ssh",
                "\x1a": "no shell behind a browser",
            }.items():
                await page.send_json(["stdin", key])
                await shown(page, words)


@pytest.mark.slow
async def test_a_dashboard_ends_when_its_server_was_killed(workspace: Workspace) -> None:
    with served(workspace) as (process, link):
        async with aiohttp.ClientSession() as client:
            page = await page_of(client, link)
            await shown(page, "No VMs here yet")
            dashboard = only_child(process)
            process.kill()
            await asyncio.to_thread(process.wait)
            await until(lambda: _ended(dashboard), "its end")


@pytest.mark.slow
async def test_what_keeps_a_dashboard_from_opening_is_told_in_the_page(workspace: Workspace) -> None:
    with served(workspace) as (process, link):
        path = workspace.root / "config" / "podplane-tui" / "config.toml"
        path.parent.mkdir(parents=True)
        path.write_text("[dashboard]\nrefresh = 'soon'\n")
        async with aiohttp.ClientSession() as client:
            await shown(await page_of(client, link), f"{path}, line 2")
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert f"{path}, line 2" in process.stderr.read()


@pytest.mark.slow
def test_enter_prints_another_link(workspace: Workspace) -> None:
    terminal = Terminal(workspace, "serve", "--port", "0")
    link = r"^(http://127\.0\.0\.1:\d+/\?token=)([\w-]{43})\r$"
    first = terminal.wait_for(link)
    terminal.wait_for("^Enter: another link · Ctrl-C: end")
    terminal.type("\n")
    second = terminal.wait_for(link)
    assert first[1] == second[1]
    assert first[2] != second[2]
    terminal.type("\x03")
    assert terminal.end() == 0
    assert "Traceback" not in terminal.text


def test_a_taken_port_names_who_has_it(workspace: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(workspace, "serve", "--port", str(port))
        assert_refused(result, 1, f"port {port} is taken by process {os.getpid()}", "--port")


def test_without_the_extra_it_says_what_to_install(workspace: Workspace) -> None:
    program = "import sys; sys.modules['textual_serve'] = None; from podplane_tui.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", program, "serve"],
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert_refused(result, 1, 'pip install "podplane-tui[serve]"')


def test_what_is_wrong_in_the_configuration_is_told_before_anything_is_served(workspace: Workspace) -> None:
    path = workspace.root / "config" / "podplane-tui" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[dashboard]\nrefresh = 'soon'\n")
    assert_refused(run(workspace, "serve", "--port", "0"), 2, f"{path}, line 2")
