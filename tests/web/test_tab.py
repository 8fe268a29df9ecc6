"""The process behind a tab over a real WebSocket: what it is given, what it says, and its end."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import psutil
import pytest

from podplane_tui.web import server as server_module
from podplane_tui.web import tab as tab_module
from podplane_tui.web.tab import _last_lines
from tests.waiting import until
from tests.web.support import (
    ECHO,
    PATIENCE,
    closed,
    pid_in,
    shown,
    site,
    speaker,
    transport,
)


async def test_no_shell_stands_between_and_the_process_knows_no_secret(tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    arguments = [f"; touch {proof}", f"$(touch {proof})", "a b", "*", ""]
    command = speaker(
        """
        show(json.dumps([sys.argv[1:], dict(os.environ), Path("/proc/self/cmdline").read_text()]) + "END")
        receive()
        """,
        *arguments,
    )
    async with site(command) as here:
        path, secret = await here.enter()
        async with here.page() as page:
            said = await shown(page, "END")
        given, environment, command_line = json.loads(said.removesuffix("END"))
        assert given == arguments
        assert "TEXTUAL_DRIVER" not in environment
        for word in (path.strip("/"), secret):
            assert word not in said
            assert word not in command_line
            assert not any(word in line for line in here.said)
        assert not proof.exists()


async def test_last_words_are_shown_in_the_page_and_told_to_whoever_serves() -> None:
    command = speaker(r"""sys.exit("podplane-tui: \x1b]0;owned\x07line 3 is \x1b[31mwrong")""")
    async with site(command) as here, here.page() as page:
        seen = await shown(page, "line 3 is wrong")
        assert "owned" not in seen
        await closed(page)
        assert here.said[-1] == "podplane-tui: line 3 is wrong"


@pytest.mark.parametrize("program", ["print('hello')", "show('x'); os.write(1, b'?????')"])
async def test_a_command_that_does_not_speak_as_a_dashboard_ends_the_page(program: str) -> None:
    command = [sys.executable, "-c", program] if program.startswith("print") else speaker(f"{program}; receive()")
    async with site(command) as here, here.page() as page:
        await closed(page)
        assert "can't be understood" in here.said[-1]


async def test_a_browser_that_vanishes_takes_its_process_along() -> None:
    async with site(ECHO) as here:
        async with here.page() as page:
            process = psutil.Process(pid_in(await shown(page, "here")))
            transport(page).abort()  # without a word of farewell
        await until(lambda: not process.is_running(), "its end")


@pytest.mark.slow
async def test_output_that_nobody_reads_does_not_keep_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser stands still; the process writes until it can't any more, and hears nothing while it waits."""
    monkeypatch.setattr(server_module, "_HEARTBEAT", 0.5)
    monkeypatch.setattr(tab_module, "_LEAVING", 0.5)
    flood = speaker("""
        import threading
        show(f"pid {os.getpid()} here")
        def listen():
            while receive()[0]:
                pass
        threading.Thread(target=listen, daemon=True).start()
        while True:
            show("x" * 65536)
    """)
    async with site(flood) as here, here.page() as page:
        process = psutil.Process(pid_in(await shown(page, "here")))
        transport(page).pause_reading()
        await until(lambda: not process.is_running(), "its end")
        transport(page).abort()


async def test_what_was_begun_is_finished_after_the_tab_is_closed(tmp_path: Path) -> None:
    go_on, proof = tmp_path / "go on", tmp_path / "proof"
    command = speaker(
        """
        import time
        show(f"pid {os.getpid()} here")
        receive()
        leave()
        os.close(1)
        while not Path(sys.argv[1]).exists():
            time.sleep(0.01)
        Path(sys.argv[2]).touch()
        """,
        str(go_on),
        str(proof),
    )
    async with site(command) as here:
        async with here.page() as page:
            process = psutil.Process(pid_in(await shown(page, "here")))
        try:
            async with here.page() as page:
                another = psutil.Process(pid_in(await shown(page, "here")))
                another.send_signal(signal.SIGKILL)
            await until(lambda: len(here.server._tabs) == 1, "the end of a tab that was closed later")
            assert process.is_running()
        finally:
            go_on.touch()
        await until(lambda: not process.is_running(), "its end")
        assert proof.exists()


async def test_a_hurry_ends_what_would_take_long() -> None:
    command = speaker("""
        import time
        show(f"pid {os.getpid()} here")
        receive()
        leave()
        time.sleep(1000)
    """)
    async with site(command) as here:
        async with here.page() as page:
            process = psutil.Process(pid_in(await shown(page, "here")))
        here.server.hurry.set()
        await until(lambda: not process.is_running(), "its end")


@pytest.mark.slow
async def test_what_a_dashboard_leaves_running_does_not_keep_its_tab(monkeypatch: pytest.MonkeyPatch) -> None:
    """podplane's local server, say, if it kept the pipes."""
    monkeypatch.setattr(tab_module, "_LAST_STEP", 0.3)
    command = speaker("""
        import subprocess
        child = subprocess.Popen(["sleep", "1000"])
        show(f"pid {child.pid} here")
        receive()
        leave()
    """)
    async with site(command) as here:
        async with here.page() as page:
            left_running = psutil.Process(pid_in(await shown(page, "here")))
        try:
            await asyncio.wait_for(here.server.end(), PATIENCE)
            assert left_running.is_running()
        finally:
            left_running.kill()


@pytest.mark.slow
async def test_a_process_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab_module, "_LEAVING", 0.1)
    monkeypatch.setattr(tab_module, "_LAST_STEP", 0.3)
    command = speaker("""
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        show(f"pid {os.getpid()} here")
        time.sleep(1000)
    """)
    async with site(command) as here:
        async with here.page() as page:
            process = psutil.Process(pid_in(await shown(page, "here")))
        await until(lambda: not process.is_running(), "its end")


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        (b"", []),
        (b"\n \n\n", []),
        (b"one\n\n\x1b[31mtwo\x1b[0m \x07\nthree", ["one", "two \\x07", "three"]),
        (b"\xff\xfe", ["\\xff\\xfe"]),
        (b"".join(b"%d\n" % number for number in range(100)), [str(number) for number in range(71, 100)]),
        (b"x" * 100_000 + b"\nlast", ["x" * 499 + "…", "last"]),
    ],
    ids=["nothing", "blank", "escapes", "no text", "many", "long"],
)
async def test_of_what_a_process_said_the_end_is_kept_fit_to_be_shown(said: bytes, lines: list[str]) -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(said)
    stream.feed_eof()
    assert await _last_lines(stream) == lines
