"""The terminal widget in a running app, on ptys, sockets and files."""

import asyncio
import os
import re
from collections.abc import Callable, Container
from pathlib import Path
from time import monotonic

import pytest
from rich.style import Style
from textual import events
from textual.widgets import Static

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.streams.pty import PtyStream
from podplane_tui.tui.widgets.streams.recording import RecordingStream
from podplane_tui.tui.widgets.terminal import display
from podplane_tui.tui.widgets.terminal import view as terminal
from podplane_tui.tui.widgets.terminal.view import TerminalView
from tests.paths import RECORDINGS
from tests.tui.widgets.support import (
    Other,
    SocketStream,
    TerminalApp,
    running,
    shown,
    style_at,
)
from tests.waiting import until

pytestmark = pytest.mark.slow


SIZES = [(80, 25), (120, 41)]
SHELL = ["sh", "-c", "PS1='$ ' exec sh -i"]
ECHO_BYTES = ["sh", "-c", "stty raw -echo; echo ready; exec cat -v"]
"""Shows every byte that arrives, control characters as ^X."""


def on_screen(app: TerminalApp, pattern: str) -> bool:
    return any(re.search(pattern, line) for line in shown(app))


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
        await app.view.attach(SocketStream(path))
        await until(lambda: on_screen(app, "ROOTlogin:"))
        assert open_connections == 1
    await until(lambda: open_connections == 0)


async def test_a_growing_recording_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "boot.raw"
    path.write_bytes(b"\x1b[32mOK\x1b[m first\r\n")
    async with running(RecordingStream(path, live=lambda: True)) as (app, _):
        await until(lambda: on_screen(app, "OK first"))
        with path.open("ab") as file:
            file.write(b"second\r\n")
        await until(lambda: on_screen(app, "second"))


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings in this checkout")
@pytest.mark.parametrize("size", SIZES)
async def test_recordings_are_replayed(size: tuple[int, int]) -> None:
    for recording in sorted(RECORDINGS.glob("*.raw")):
        async with running(RecordingStream(recording), size=size) as (app, _):
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

    def write(self, data: bytes) -> None:
        self.written_at = self.reads

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
        assert stream.written_at == pressed_at


async def test_frames_of_a_flood_are_closer_behind_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is awaited while the clock is ours, so no timer paints. A tick is what floats hold exactly."""
    tick = 1 / 1024
    async with running(PtyStream(["sleep", "1000"])) as (app, _):
        view = app.view
        clock = float(int(monotonic()))

        def flood(*, ticks: int, keys: Container[int]) -> list[int]:
            """A line each tick; returns when there were frames."""
            nonlocal clock
            clock += 1000  # whatever was before is long ago
            frames = []
            for now in range(ticks):
                clock += tick
                if now in keys:
                    view.send(b"x")
                view.repainted.clear()
                view.feed(b"%d\r\n" % now)
                if view.repainted:
                    frames.append(now)
            return frames

        for module in (view, display):
            monkeypatch.setattr(module, "monotonic", lambda: clock)
        monkeypatch.setattr(display, "thread_time", lambda: 0.0)  # frames cost nothing

        assert flood(ticks=150, keys=()) == [0, 35, 70, 105, 140]
        # not before the answer can be there, then at gaps that double
        assert flood(ticks=150, keys=[20]) == [0, 24, 33, 46, 72, 107, 142]
        # nor right behind another frame
        assert flood(ticks=150, keys=[36]) == [0, 35, 44, 53, 70, 104, 139]
        # and keys that do not end hold no frame back
        assert flood(ticks=150, keys=range(150)) == [0, 35, 70, 105, 140]


async def test_only_changed_rows_are_painted() -> None:
    async with running() as (app, pilot):
        view = app.view
        view.feed(b"".join(b"line %d\r\n" % number for number in range(20)))
        await until(lambda: on_screen(app, "line 19"))
        await pilot.pause()
        view.repainted.clear()
        view.feed(b"\x1b[5;1Hchanged")  # the cursor leaves row 20 and comes to row 4
        await until(lambda: view.repainted)
        await pilot.pause()
        assert view.repainted == [4, 20]
        assert on_screen(app, "^changed")


async def test_frames_are_limited_while_everything_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %d\r\n" % number for number in range(200_000)))
    async with running(RecordingStream(path, offset=0)) as (app, _):
        await until(lambda: on_screen(app, "line 199999"))
        assert app.view.terminal.scrolled_off + app.view.terminal.cursor.y == 200_000


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


async def test_synchronized_output_is_painted_when_done_or_overdue() -> None:
    async with running() as (app, _):
        app.view.feed(b"before\x1b[?2026h\x1b[2J\x1b[Hhalf")
        app.view.feed(b" done\x1b[?2026l")
        await until(lambda: on_screen(app, "^half done"))
        app.view.feed(b"\x1b[?2026h\x1b[2J\x1b[Hstuck")
        assert not on_screen(app, "stuck")
        await until(lambda: on_screen(app, "^stuck"))


async def test_synchronized_pictures_that_never_pause_are_painted_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture begins in the same bytes the one before ends in; none may be seen without its last line."""
    monkeypatch.setattr(display, "SYNCHRONIZED_TIMEOUT", 1000.0)  # a slow machine is not a stuck program
    async with running() as (app, _):
        for number in range(300):
            last = f"done {number}"
            app.view.feed(f"{last}\x1b[?2026l\x1b[?2026h\x1b[2J\x1b[Hpicture {number + 1}\r\n".encode())
            picture, below = shown(app)[:2]
            assert not picture or below == f"done {picture.split()[1]}"
            await asyncio.sleep(0.001)
        assert int(shown(app)[0].split()[1]) > 0


async def test_scrolled_back_stays_on_its_text_while_lines_come() -> None:
    async with running() as (app, pilot):
        view = app.view
        view.feed(b"".join(b"line %d\r\n" % number for number in range(100)))
        await pilot.press("shift+pageup")
        await until(lambda: on_screen(app, "█"))
        top = shown(app)[0].split("│")[0].strip()
        view.feed(b"".join(b"more %d\r\n" % number for number in range(50)))
        await pilot.pause(0.05)
        assert shown(app)[0].startswith(top)
        await pilot.press("shift+home")
        await until(lambda: on_screen(app, "^line 0 "))
        await pilot.press("shift+end")
        await until(lambda: on_screen(app, "^more 49"))
        assert not on_screen(app, "[█│]")


async def test_wheel_scrolls_and_reaching_the_end_follows_again() -> None:
    async with running() as (app, pilot):
        view = app.view
        view.feed(b"".join(b"line %d\r\n" % number for number in range(100)))
        await pilot._post_mouse_events([events.MouseScrollUp], view, button=0)
        await until(lambda: not view.viewport.following)
        for _ in range(3):
            await pilot._post_mouse_events([events.MouseScrollDown], view, button=0)
        await until(lambda: view.viewport.following)


async def test_typing_jumps_to_the_end() -> None:
    async with running(PtyStream(["cat"])) as (app, pilot):
        app.view.feed(b"".join(b"line %d\r\n" % number for number in range(100)))
        await pilot.press("shift+pageup")
        assert not app.view.viewport.following
        await pilot.press("enter", "a")
        await until(lambda: app.view.viewport.following and on_screen(app, "^a"))


async def test_search_marks_chooses_and_scrolls() -> None:
    async with running() as (app, pilot):
        view = app.view
        view.feed(b"".join(b"line %d %s\r\n" % (n, b"Error" if n % 40 == 0 else b"fine") for n in range(120)))
        assert view.search("error") == 3
        await until(lambda: on_screen(app, "line 80 Error"))
        message = app.message(TerminalView.SearchChanged)
        await pilot.pause()
        message = app.message(TerminalView.SearchChanged)
        assert isinstance(message, TerminalView.SearchChanged)
        assert (message.count, message.current) == (3, 2)
        view.search_previous()
        await until(lambda: on_screen(app, "line 40 Error"))
        view.search_next()
        await until(lambda: on_screen(app, "line 80 Error"))
        view.search_next()
        await until(lambda: on_screen(app, "line 0 Error"))
        assert style_at(app, 8, 0).bgcolor != style_at(app, 20, 0).bgcolor
        assert view.search("Nothing") == 0
        assert view.search("ERROR") == 0
        view.clear_search()
        await until(lambda: style_at(app, 8, 0).bgcolor == style_at(app, 20, 0).bgcolor)


async def test_search_finds_what_comes_later() -> None:
    async with running() as (app, _):
        app.view.search("needle")
        app.view.feed(b"hay needle hay\r\n")
        await until(lambda: _count(app) == 1)


async def test_drag_selects_and_copies() -> None:
    async with running() as (app, pilot):
        app.view.feed(b"first line\r\nsecond line\r\nthird\r\n")
        await until(lambda: on_screen(app, "third"))
        await pilot.mouse_down(app.view, offset=(6, 0))
        await pilot.hover(app.view, offset=(5, 1))
        await pilot.mouse_up(app.view, offset=(5, 1))
        await until(lambda: app.copied == ["line\nsecond"])
        assert app.screen.get_selected_text() == "line\nsecond"
        assert style_at(app, 7, 0).bgcolor != style_at(app, 2, 0).bgcolor
        await pilot.press("ctrl+c")
        await until(lambda: app.copied == ["line\nsecond", "line\nsecond"])
        await pilot.click(app.view, offset=(30, 10))
        await until(lambda: app.view.text_selection is None)


async def test_selection_stays_on_its_text_while_lines_come() -> None:
    async with running() as (app, pilot):
        app.view.feed(b"\r\n" * 22 + b"keep this\r\n")
        await until(lambda: on_screen(app, "keep this"))
        await pilot.click(app.view, offset=(2, 22), times=2)
        await until(lambda: app.copied[-1:] == ["keep"])
        app.view.feed(b"".join(b"more %d\r\n" % number for number in range(50)))
        assert app.view.selected_text == "keep"


async def test_double_click_takes_a_word_and_triple_a_wrapped_line() -> None:
    async with running() as (app, pilot):
        path = "/var/lib/" + "x" * 100 + "/disk.qcow2"
        app.view.feed(f"open {path}: failed\r\n".encode())
        await until(lambda: on_screen(app, "failed"))
        await pilot.click(app.view, offset=(20, 0), times=2)
        await until(lambda: app.copied[-1:] == [f"{path}:"])
        await pilot.click(app.view, offset=(40, 0), times=3)
        await until(lambda: app.copied[-1:] == [f"open {path}: failed"])


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


async def test_selection_stays_when_only_the_height_changes() -> None:
    async with running() as (app, pilot):
        app.view.feed(b"".join(b"line %d\r\n" % number for number in range(50)))
        app.view.show_line(40)
        assert app.view.selected_text == "line 40"
        columns, lines = app.size
        await pilot.resize_terminal(columns, lines - 5)
        await until(lambda: app.view.terminal.lines < lines - 3)
        assert app.view.selected_text == "line 40"
        await pilot.resize_terminal(columns - 5, lines - 5)
        await until(lambda: app.view.terminal.columns < columns - 3)
        assert app.view.selected_text == ""


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


async def test_fixed_size_does_not_follow_the_widget() -> None:
    async with running() as (app, pilot):
        app.view.fixed_size = (80, 24)
        await pilot.resize_terminal(120, 40)
        await until(lambda: app.view.size.width == 120)
        assert (app.view.terminal.columns, app.view.terminal.lines) == (80, 24)
        app.view.feed(b"x" * 81)
        await until(lambda: shown(app)[0] == "x" * 80 and shown(app)[1] == "x")


async def test_wide_and_disputed_characters_keep_the_columns() -> None:
    async with running() as (app, _):
        app.view.feed("⚠️ warning|\r\n漢字|\r\n👨\u200d👩|\r\ne\u0301|\r\n".encode())
        await until(lambda: on_screen(app, "warning"))
        for y in range(4):
            assert app.view.render_line(y).cell_length == 80
            assert sum(segment.cell_length for segment in app.view.render_line(y)) == 80
        assert shown(app)[0] == "⚠ warning|"
        assert shown(app)[1] == "漢字|"
        assert shown(app)[3] == "e\u0301|"


async def test_colours_follow_the_theme_or_the_guest(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    async with running(RecordingStream(tmp_path / "log", live=lambda: True)) as (app, _):
        app.view.feed(b"\x1b]4;1;#123456\x07\x1b[31mred\x1b[m plain")
        await until(lambda: on_screen(app, "red"))
        theme_red = app.ansi_theme.ansi_colors[1]
        assert _color(app, 0) == tuple(theme_red)
        background = style_at(app, 5, 0).bgcolor
        app.theme = "textual-light"
        await until(lambda: style_at(app, 5, 0).bgcolor != background)
        app.view.guest_colors = True
        await until(lambda: _color(app, 0) == (0x12, 0x34, 0x56))


async def test_programs_are_told_the_colours_they_are_painted_in() -> None:
    def answer(view: TerminalView) -> bytes:
        return view.terminal.feed(b"\x1b]11;?\x07")

    async with running() as (app, _):
        app.view.feed(b"text")
        await until(lambda: on_screen(app, "text"))
        background = style_at(app, 0, 0).bgcolor
        assert background is not None and background.triplet is not None
        red, green, blue = (f"{part:02x}" * 2 for part in background.triplet)
        assert answer(app.view) == f"\x1b]11;rgb:{red}/{green}/{blue}\x07".encode()
        before = answer(app.view)
        app.theme = "textual-light"
        await until(lambda: answer(app.view) != before)
        light = answer(app.view)
        app.view.reset()
        assert answer(app.view) == light
        app.theme = "ansi-dark"
        await until(lambda: answer(app.view) == b"\x1b]11;rgb:0000/0000/0000\x07")
        app.theme = "ansi-light"
        await until(lambda: answer(app.view) == b"\x1b]11;rgb:ffff/ffff/ffff\x07")


async def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running() as (app, _):
        app.view.feed(b"\x1b[31mred\x1b[m")
        await until(lambda: on_screen(app, "red"))
        red, green, blue = _color(app, 0)
        assert red == green == blue


async def test_a_screenshot_has_text_and_colours_of_the_guest() -> None:
    async with running(PtyStream(["cat"])) as (app, _):
        app.view.feed(b"\x1b[38;2;17;34;51mcoloured\x1b[m \x1b[48;2;68;85;102mground")
        await until(lambda: on_screen(app, "coloured ground"))
        picture = app.export_screenshot()
        assert ">coloured<" in picture
        assert "fill: #112233" in picture
        assert 'fill="#445566"' in picture


async def test_cursor_shows_where_keys_go() -> None:
    async with running(PtyStream(["cat"])) as (app, pilot):
        await pilot.press("enter")
        await until(lambda: _painted_style(app, 0, 0).reverse)
        await pilot.press("ctrl+right_square_bracket")
        await until(lambda: not _painted_style(app, 0, 0).reverse and _painted_style(app, 0, 0).underline)
        app.view.feed(b"\x1b[?25l")
        await until(lambda: not _painted_style(app, 0, 0).underline)


async def test_bell_and_title_are_passed_on_with_care() -> None:
    async with running() as (app, _):
        app.view.feed(b"\x07" * 100 + b"\x1b]2;a \x01[red]title\x07")
        await until(lambda: app.message(TerminalView.TitleChanged) is not None)
        message = app.message(TerminalView.TitleChanged)
        assert isinstance(message, TerminalView.TitleChanged)
        assert message.title.endswith("[red]title")
        assert "\x01" not in message.title
        assert app.bells == 1


async def test_scrollback_keeps_no_strips() -> None:
    async with running() as (app, _):
        for number in range(200):
            app.view.feed(b"line %d\r\n" % number)
            app.view._paint()
        assert all(row.cache is None for row in app.view.terminal.scrollback)
        assert any(row.cache is not None for row in app.view.terminal.rows)


async def test_what_is_not_changed_is_not_composed_again() -> None:
    async with running() as (app, _):
        app.view.feed(b"one\r\ntwo\r\n")
        await until(lambda: on_screen(app, "two"))
        before = [app.view.render_line(y) for y in range(24)]
        app.view.feed(b"three")
        app.view._paint()
        after = [app.view.render_line(y) for y in range(24)]
        assert [y for y in range(24) if before[y] is not after[y]] == [2]


def _paste(text: str) -> events.Paste:
    return events.Paste(text)


def _count(app: TerminalApp) -> int:
    message = app.message(TerminalView.SearchChanged)
    return message.count if isinstance(message, TerminalView.SearchChanged) else -1


def _color(app: TerminalApp, x: int) -> tuple[int, int, int]:
    """The text colour on the top line, as sent to the user's terminal."""
    color = _painted_style(app, x, 0).color
    assert color is not None
    triplet = color.triplet
    assert triplet is not None
    return triplet.red, triplet.green, triplet.blue


def _painted_style(app: TerminalApp, x: int, y: int) -> Style:
    """The style of a cell after Textual's filters."""
    strip = app.view.render_lines(app.view.size.region)[y]
    return next(iter(strip.crop(x, x + 1))).style or Style()
