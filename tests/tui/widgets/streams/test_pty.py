"""Programs in pseudo-terminals as streams."""

import pytest

from podplane_tui.tui.widgets.streams import pty
from podplane_tui.tui.widgets.streams.pty import PtyStream
from tests.tui.widgets.streams.support import opened, read_all, read_until


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, a program that has closed its terminal may take long to end."""
    monkeypatch.setattr(pty, "EXIT_GRACE", 60.0)


@pytest.mark.usefixtures("patient")
async def test_pty_runs_a_program_on_a_terminal_of_its_own() -> None:
    stream = PtyStream(["sh", "-c", "tty; stty size; test -t 0 && kill -INT $$ || echo; echo unreached"])
    stream.resize(100, 40)
    async with opened(stream):
        data = await read_all(stream)
    assert b"/dev/" in data
    assert b"40 100" in data
    assert stream.exit_status == -2


@pytest.mark.usefixtures("patient")
async def test_pty_resize_reaches_the_program() -> None:
    stream = PtyStream(["sh", "-c", "trap 'stty size; exit 7' WINCH; echo ready; while :; do read line; done"])
    async with opened(stream):
        await read_until(stream, b"ready")
        stream.resize(33, 11)
        assert b"11 33" in await read_all(stream)
    assert stream.exit_status == 7


@pytest.mark.usefixtures("patient")
async def test_pty_control_c_is_a_signal() -> None:
    stream = PtyStream(["sh", "-c", "echo ready; exec sleep 100"])
    async with opened(stream):
        await read_until(stream, b"ready")
        stream.write(b"\x03")
        await read_all(stream)
    assert stream.exit_status == -2


@pytest.mark.slow
async def test_closing_a_pty_ends_a_stubborn_program() -> None:
    stream = PtyStream(["sh", "-c", "trap '' HUP TERM; echo ready; while :; do sleep 1; done"])
    async with opened(stream):
        await read_until(stream, b"ready")
    assert stream.exit_status == -9


async def test_pty_of_a_program_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program-anywhere"):
        await PtyStream(["no-such-program-anywhere"]).open()
