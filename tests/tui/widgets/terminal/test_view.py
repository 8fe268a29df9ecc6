"""The terminal widget in a running app, on ptys, sockets and files."""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Static

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.streams.pty import PtyStream
from podplane_tui.tui.widgets.streams.recording import RecordingSource
from podplane_tui.tui.widgets.terminal import view as terminal
from podplane_tui.tui.widgets.terminal.view import TerminalView
from tests.paths import RECORDINGS
from tests.tui.widgets.support import (
    Other,
    SocketStream,
    on_screen,
    running,
    shown,
)
from tests.waiting import until

pytestmark = pytest.mark.slow


SIZES = [(80, 25), (120, 41)]
SHELL = ["sh", "-c", "PS1='$ ' exec sh -i"]
ECHO_BYTES = ["sh", "-c", "stty raw -echo; echo ready; exec cat -v"]
"""Shows every byte that arrives, control characters as ^X."""


@pytest.mark.parametrize("size", SIZES)
async def test_a_shell_can_be_used(size: tuple[int, int]) -> None:
    async with running(PtyStream(SHELL), size=size) as (app, pilot):
        await until(lambda: on_screen(app, r"^\$"))
        await pilot.press("enter")
        assert app.view.typing
        await pilot.press(*"echo", "space", *"one$((40+2))", "enter")
        await until(lambda: on_screen(app, "^one42"))
        await pilot.press(*"stty", "space", *"size", "enter")
        await until(lambda: on_screen(app, f"^{size[1] - 1} {size[0]}"))
        await pilot.press(*"exit", "enter")
        await until(lambda: app.message(TerminalView.Detached) is not None)
        assert not app.view.typing
        assert app.view.has_class("-detached")


async def test_every_key_reaches_the_guest_while_typing() -> None:
    async with running(PtyStream(ECHO_BYTES)) as (app, pilot):
        await until(lambda: on_screen(app, "ready"))
        app.view.typing = True
        await until(lambda: app.view.typing)
        await pilot.press("ctrl+q", "ctrl+p", "tab", "escape", "x", "ctrl+c", "f1", "up", "shift+tab", "ctrl+z", "q")
        await until(lambda: on_screen(app, r"\^Q\^P *\^\[x\^C\^\[OP\^\[\[A\^\[\[Z\^Zq"))
        assert app.notes == []
        await pilot.press("ctrl+right_square_bracket")
        assert not app.view.typing
        await pilot.press("x", "tab")
        assert app.notes == ["x", "tab"]
        assert not on_screen(app, "Zqx")


async def test_what_is_typed_on_when_the_guest_has_gone_does_nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "NOTICE_TIME", 30.0)
    async with running(PtyStream(SHELL)) as (app, pilot):
        await until(lambda: on_screen(app, r"^\$"))
        app.view.typing = True
        await pilot.press(*"exit", "enter")
        await until(lambda: not app.view.typing)
        await pilot.press("x", "tab", "ctrl+q")
        assert app.notes == []
        assert app.view.has_focus
        monkeypatch.setattr(terminal, "NOTICE_TIME", 0.01)
        await pilot.press("x")
        await until(lambda: not app.view.deaf_for)
        await pilot.press("x")
        assert app.notes == ["x"]


async def test_another_key_can_end_typing() -> None:
    async with running(PtyStream(ECHO_BYTES)) as (app, pilot):
        await until(lambda: on_screen(app, "ready"))
        app.set_keymap({"terminal.stop_typing": "f12,f11"})
        app.view.typing = True
        await pilot.press("ctrl+right_square_bracket", "x")
        await until(lambda: on_screen(app, r"\^\]x"))
        assert app.view.typing
        await pilot.press("f11")
        assert not app.view.typing


async def test_control_q_quits_when_not_typing() -> None:
    async with running(PtyStream(ECHO_BYTES)) as (app, pilot):
        await pilot.press("ctrl+q")
        await until(lambda: not app.is_running or app._exit)


async def test_footer_shows_how_to_stop_typing() -> None:
    async with running(PtyStream(ECHO_BYTES), size=(100, 25)) as (app, pilot):
        await until(lambda: on_screen(app, "Type"))
        await pilot.press("enter")
        await until(lambda: on_screen(app, r"\^\].*Stop typing") and not on_screen(app, "Quit"))


async def test_paste_is_bracketed_when_the_guest_asks() -> None:
    async with running(PtyStream(["sh", "-c", r"stty raw -echo; printf '\033[?2004hready'; exec cat -v"])) as (
        app,
        pilot,
    ):
        await until(lambda: on_screen(app, "ready"))
        await pilot.press("enter")
        app.post_message(_paste("a\nb\x1b[201~c"))
        await until(lambda: on_screen(app, r"\^\[\[200~a\^Mb \[201~c\^\[\[201~"))


async def test_a_paste_before_typing_has_begun_goes_nowhere_and_says_so() -> None:
    async with running(PtyStream(ECHO_BYTES)) as (app, _):
        await until(lambda: app.view.attached)
        app.view.focus()
        app.view.post_message(_paste("reboot\n"))
        await until(lambda: app._notifications)
        assert [note.message for note in app._notifications] == ["Nothing pasted: press Enter to type first."]
        assert not on_screen(app, "reboot")
        assert app.view.backlog == 0


async def test_nothing_is_read_before_there_is_a_size_to_wrap_it_for() -> None:
    async with running(size=(33, 9)) as (app, _):
        view = TerminalView()
        view.display = False
        await app.mount(view, before=0)
        await view.attach(PtyStream(["sh", "-c", "stty size"]))
        await until(lambda: view.attached)
        await app.mount(Static("that was laid out"), before=0)
        await until(lambda: on_screen(app, "laid out"))
        assert not any(map(str.strip, view.terminal.display))
        view.display = True
        await until(lambda: not view.attached)
        assert view.terminal.columns == 33
        assert any(map(str.strip, view.terminal.display))


async def test_a_socket_that_refuses_is_reported(tmp_path: Path) -> None:
    async with running(SocketStream(tmp_path / "none.sock")) as (app, _):
        message = app.message(TerminalView.Detached)
        assert isinstance(message, TerminalView.Detached)
        assert isinstance(message.error, FileNotFoundError)
        assert not app.view.attached


async def test_a_socket_is_freed_on_detach_and_can_be_attached_again(tmp_path: Path) -> None:
    path = tmp_path / "console.sock"
    open_connections = 0

    async def guest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_connections
        open_connections += 1
        writer.write(b"login: ")
        while data := await reader.read(100):
            writer.write(data.upper())
        open_connections -= 1
        writer.close()

    async with await asyncio.start_unix_server(guest, path), running(SocketStream(path)) as (app, pilot):
        await until(lambda: on_screen(app, "login:"))
        await pilot.press("enter", *"root")
        await until(lambda: on_screen(app, "login: ROOT"))
        await app.view.detach()
        await until(lambda: open_connections == 0)
        assert on_screen(app, "login: ROOT")
        assert not app.view.attached
        assert not app.view.has_class("-detached")  # to dim it is for what has ended by itself
        again = SocketStream(path)
        await app.view.attach(again, again)
        await until(lambda: on_screen(app, "ROOTlogin:"))
        assert open_connections == 1
    await until(lambda: open_connections == 0)


class Guest:
    """A source that says what it is given, and a sink that notes what it gets."""

    name = "guest"
    backlog = 0
    answers = True

    def __init__(self) -> None:
        self.received = b""
        self._said: asyncio.Queue[bytes] = asyncio.Queue()

    def say(self, data: bytes) -> None:
        self._said.put_nowait(data)

    async def open(self) -> None:
        """Nothing to connect to."""

    async def read(self, limit: int) -> bytes:
        return await self._said.get()

    def write(self, data: bytes) -> bool:
        self.received += data
        return True

    def resize(self, columns: int, lines: int) -> None:
        """It has no use for a size."""

    async def close(self) -> None:
        """Nothing is open."""


async def test_what_is_only_a_source_gets_neither_keys_nor_answers() -> None:
    guest = Guest()
    async with running(source=guest) as (app, pilot):
        guest.say(b"where \x1b[6n")
        await until(lambda: on_screen(app, "^where"))
        app.view.typing = True
        await pilot.press("x")
        assert guest.received == b""
        await app.view.attach(guest, guest)
        guest.say(b"\x1b[6n")
        await until(lambda: guest.received == b"\x1b[1;7R")
        await pilot.press("x")
        assert guest.received.endswith(b"x")


async def test_a_source_that_wants_no_answers_gets_none() -> None:
    guest = Guest()
    guest.answers = False
    async with running(guest) as (app, _):
        guest.say(b"where \x1b[6n")
        await until(lambda: on_screen(app, "^where"))
        assert guest.received == b""


async def test_idle_is_time_without_a_key_whatever_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1000.0
    monkeypatch.setattr(terminal, "monotonic", lambda: clock)
    guest = Guest()
    async with running(guest) as (app, pilot):
        app.view.typing = True
        clock += 10
        assert app.view.idle == 10
        await pilot.press("x")
        assert (guest.received, app.view.idle) == (b"x", 0)
        clock += 10
        app.view.feed(b"\x1b[6n")
        assert guest.received == b"x\x1b[1;1R"
        assert app.view.idle == 10


async def test_a_growing_recording_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "boot.raw"
    path.write_bytes(b"\x1b[32mOK\x1b[m first\r\n")
    async with running(source=RecordingSource(path, live=lambda: True)) as (app, _):
        await until(lambda: on_screen(app, "OK first"))
        with path.open("ab") as file:
            file.write(b"second\r\n")
        await until(lambda: on_screen(app, "second"))


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings in this checkout")
@pytest.mark.parametrize("size", SIZES)
async def test_recordings_are_replayed(size: tuple[int, int]) -> None:
    for recording in sorted(RECORDINGS.glob("*.raw")):
        async with running(source=RecordingSource(recording), size=size) as (app, _):
            await until(lambda: app.message(TerminalView.Detached) is not None)
            await until(lambda: shown(app)[: size[1] - 1] == [line.rstrip() for line in app.view.terminal.display])


async def test_no_row_holds_a_control_character() -> None:
    terminal = Terminal(40, 10)
    terminal.feed(bytes(range(256)) * 4 + "\x85\x9b\x90 \u200b\u200d\ufeff\u2028\u202e".encode() + os.urandom(20_000))
    texts = [text for row in [*terminal.scrollback, *terminal.rows] for text, _ in row.runs()]
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(texts))


@pytest.mark.parametrize("flood", ["yes", "yes '\033[31mred\033[44mblue\033[m text'", "seq 1 100000000"])
async def test_keys_stay_live_under_a_flood(flood: str) -> None:
    """The key that ends the flood arrives while the flood is still being painted."""
    script = f"{flood} & while read key; do kill $!; wait; echo stopped by $key; done"
    async with running(PtyStream(["sh", "-c", script])) as (app, _):
        await until(lambda: app.view.terminal.scrolled_off > 1000)
        app.simulate_key("enter")
        await until(lambda: app.view.typing)
        for key in ("h", "i", "enter"):
            app.simulate_key(key)
        await until(lambda: on_screen(app, "stopped by hi"))


class EndlessStream:
    """A flood that never makes its reader wait, so that nobody else runs unless let."""

    name = "endless"
    backlog = 0
    answers = False

    def __init__(self) -> None:
        self.on_read: Callable[[], object] = lambda: None
        self.reads = 0
        self.written_at = 0
        self._open = True

    async def open(self) -> None:
        """Nothing to connect to."""

    async def read(self, limit: int) -> bytes:
        self.reads += 1
        self.on_read()
        return b"a line\r\n" * 10 if self._open else b""

    def write(self, data: bytes) -> bool:
        self.written_at = self.reads
        return True

    def resize(self, columns: int, lines: int) -> None:
        """It has no use for a size."""

    async def close(self) -> None:
        self._open = False


async def test_a_key_reaches_the_guest_behind_one_slice_of_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "SLICE_TIME", -1.0)  # each read is one
    stream = EndlessStream()
    pressed_at = 0

    async with running(stream) as (app, _):
        app.view.typing = True

        def press() -> None:
            nonlocal pressed_at
            stream.on_read = lambda: None
            pressed_at = stream.reads
            key = events.Key("x", "x")
            key.set_sender(app)
            # as the thread does that reads what is typed
            asyncio.run_coroutine_threadsafe(app._post_message(key), asyncio.get_running_loop())

        stream.on_read = press
        await until(lambda: stream.written_at)
        assert stream.written_at <= pressed_at + 1  # a message of the app's own may be before it in a queue


async def test_a_hidden_widget_is_still_drained() -> None:
    async with running(PtyStream(["sh", "-c", "read go; seq 1 300000; echo the end; read on"])) as (app, _):
        app.view.display = False
        await until(lambda: not app.view.is_on_screen)
        app.view.send(b"\n")
        await until(lambda: "the end" in "".join(app.view.terminal.display))
        app.view.display = True
        await until(lambda: on_screen(app, "the end"))


async def test_drained_behind_another_screen_and_shown_on_return() -> None:
    async with running(PtyStream(["sh", "-c", "read go; seq 1 300000; echo the end; read on"])) as (app, _):
        await app.push_screen(Other())
        app.view.send(b"\n")
        await until(lambda: "the end" in "".join(app.view.terminal.display))
        app.pop_screen()
        await until(lambda: on_screen(app, "the end"))


async def test_typing_jumps_to_the_end() -> None:
    async with running(PtyStream(["cat"])) as (app, pilot):
        app.view.feed(b"".join(b"line %d\r\n" % number for number in range(100)))
        await pilot.press("shift+pageup")
        assert not app.view.viewport.following
        await pilot.press("enter", "a")
        await until(lambda: app.view.viewport.following and on_screen(app, "^a"))


async def test_mouse_goes_to_the_guest_while_typing() -> None:
    program = ["sh", "-c", r"stty raw -echo; printf '\033[?1002;1006hready'; exec cat -v"]
    async with running(PtyStream(program)) as (app, pilot):
        await until(lambda: on_screen(app, "ready"))
        await pilot.click(app.view, offset=(3, 2))
        await pilot.press("enter")
        await pilot.mouse_down(app.view, offset=(3, 2))
        await pilot.mouse_up(app.view, offset=(4, 2))
        await until(lambda: on_screen(app, r"ready.*\^\[\[<0;4;3M.*\^\[\[<0;5;3m"))
        await pilot.mouse_down(app.view, offset=(0, 0), shift=True)
        await pilot.hover(app.view, offset=(4, 0))
        await pilot.mouse_up(app.view, offset=(4, 0), shift=True)
        await until(lambda: app.copied == ["ready"])


async def test_resize_reaches_the_guest_and_tiny_sizes_are_survived() -> None:
    async with running(PtyStream(["sh", "-c", "trap 'stty size' WINCH; echo go; while :; do read x; done"])) as (
        app,
        pilot,
    ):
        await until(lambda: on_screen(app, "go"))
        await pilot.resize_terminal(20, 5)
        await until(lambda: on_screen(app, "^4 20"))
        await pilot.resize_terminal(2, 2)
        await pilot.resize_terminal(1, 1)
        await pilot.resize_terminal(100, 30)
        await until(lambda: on_screen(app, "29 100"))


def _paste(text: str) -> events.Paste:
    return events.Paste(text)


class FullSink(EndlessStream):
    """Takes nothing more."""

    backlog = 3_000_000

    async def read(self, limit: int) -> bytes:
        await asyncio.get_running_loop().create_future()
        return b""

    def write(self, data: bytes) -> bool:
        return False


async def test_what_is_not_taken_is_said_once_in_a_while() -> None:
    async with running(FullSink()) as (app, _):
        app.view.typing = True
        assert app.view.backlog == 3_000_000
        for _ in range(3):
            app.view.on_paste(events.Paste("x" * 2000))
        await until(lambda: app._notifications, what="the toast")
        assert [toast.message for toast in app._notifications] == ["2,000 bytes not sent: 2.9M still wait to be taken."]
