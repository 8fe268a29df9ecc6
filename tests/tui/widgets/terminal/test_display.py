"""A terminal core on the screen: painted, scrolled back, searched, selected."""

import asyncio
from pathlib import Path
from time import monotonic

import pytest
from rich.style import Style
from textual import events

from podplane_tui.tui.widgets.streams.pty import PtyStream
from podplane_tui.tui.widgets.streams.recording import RecordingSource
from podplane_tui.tui.widgets.terminal import pacing
from podplane_tui.tui.widgets.terminal import view as terminal
from podplane_tui.tui.widgets.terminal.view import TerminalView
from tests.tui.widgets.support import (
    RecordingView,
    TerminalApp,
    on_screen,
    running,
    shown,
    style_at,
)
from tests.waiting import until

pytestmark = pytest.mark.slow


class OwnTime:
    """A view's clocks, which go only as the test says. Where nothing is awaited meanwhile no timer paints."""

    def __init__(self, view: RecordingView, monkeypatch: pytest.MonkeyPatch) -> None:
        self._view = view
        self.now = monotonic() + 1000  # whatever was before is long ago
        for module in (terminal, pacing):
            monkeypatch.setattr(module, "monotonic", lambda: self.now)
        monkeypatch.setattr(pacing, "thread_time", lambda: 0.0)  # frames cost nothing: they come as often as they may

    def frames(self, milliseconds: int, data: bytes) -> int:
        """Feed `data` each millisecond; returns how many frames there were."""
        frames = 0
        for _ in range(milliseconds):
            self.now += 0.001
            self._view.repainted.clear()
            self._view.feed(data)
            frames += bool(self._view.repainted)
        return frames


async def test_frames_are_closer_after_something_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(PtyStream(["sleep", "1000"])) as (app, _):
        time = OwnTime(app.view, monkeypatch)
        time.frames(200, b"line\r\n")
        assert time.frames(30, b"line\r\n") <= 1
        app.view.send(b"x")
        assert time.frames(30, b"line\r\n") >= 2


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


async def test_frames_are_limited_while_everything_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as (app, _):
        time = OwnTime(app.view, monkeypatch)
        assert 25 <= time.frames(1000, b"line\r\n" * 50) <= 31  # of 30 each second
        assert app.view.terminal.scrolled_off + app.view.terminal.cursor.y == 50_000


async def test_a_long_recording_is_shown_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %d\r\n" % number for number in range(200_000)))
    async with running(source=RecordingSource(path, offset=0)) as (app, _):
        await until(lambda: on_screen(app, "line 199999"))
        assert app.view.terminal.scrolled_off + app.view.terminal.cursor.y == 200_000


async def test_synchronized_output_is_painted_when_done_or_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as (app, _):
        app.view.feed(b"before")
        await until(lambda: on_screen(app, "^before"))
        time = OwnTime(app.view, monkeypatch)
        app.view.feed(b"\x1b[?2026h\x1b[2J\x1b[Hhalf")
        assert time.frames(100, b".") == 0  # there is time for three
        assert on_screen(app, "^before")
        assert time.frames(1, b" done\x1b[?2026l") == 1
        await until(lambda: on_screen(app, "^half[.]+"))
        assert on_screen(app, "[.] done$")
        app.view.feed(b"\x1b[?2026h\x1b[2J\x1b[Hstuck")
        assert time.frames(int(pacing.SYNCHRONIZED_TIMEOUT * 1000) - 1, b"") == 0
        assert time.frames(2, b"") == 1
        await until(lambda: on_screen(app, "^stuck"))


async def test_synchronized_output_that_stops_halfway_is_painted_all_the_same() -> None:
    async with running() as (app, _):
        app.view.feed(b"\x1b[?2026h\x1b[2J\x1b[Hstuck")
        await until(lambda: on_screen(app, "^stuck"))


async def test_synchronized_pictures_that_never_pause_are_painted_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture begins in the same bytes the one before ends in; none may be seen without its last line."""
    monkeypatch.setattr(pacing, "SYNCHRONIZED_TIMEOUT", 1000.0)  # a slow machine is not a stuck program
    async with running() as (app, _):
        seen: set[str] = set()
        for number in range(100_000):
            app.view.feed(f"done {number}\x1b[?2026l\x1b[?2026h\x1b[2J\x1b[Hpicture {number + 1}\r\n".encode())
            await asyncio.sleep(0)  # for the timers of frames
            picture, below = shown(app)[:2]
            assert not picture or below == f"done {picture.split()[1]}"
            seen.add(picture)
            if len(seen) > 10:
                return
        raise AssertionError(f"only {sorted(seen)} were painted")


async def test_scrolled_back_stays_on_its_text_while_lines_come() -> None:
    async with running() as (app, pilot):
        view = app.view
        view.feed(b"".join(b"line %d\r\n" % number for number in range(100)))
        await pilot.press("shift+pageup")
        await until(lambda: on_screen(app, "█"))
        top = shown(app)[0].split("│")[0].strip()
        view.feed(b"".join(b"more %d\r\n" % number for number in range(50)))
        await until(lambda: not view._stale, what="the frame after that")
        await pilot.pause()
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
    async with running(source=RecordingSource(tmp_path / "log", live=lambda: True)) as (app, _):
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
        assert background is not None
        assert background.triplet is not None
        red, green, blue = (f"{part:02x}" * 2 for part in background.triplet)
        assert answer(app.view) == f"\x1b]11;rgb:{red}/{green}/{blue}\x1b\\".encode()
        before = answer(app.view)
        app.theme = "textual-light"
        await until(lambda: answer(app.view) != before)
        light = answer(app.view)
        app.view.reset()
        assert answer(app.view) == light
        app.theme = "ansi-dark"
        await until(lambda: answer(app.view) == b"\x1b]11;rgb:0000/0000/0000\x1b\\")
        app.theme = "ansi-light"
        await until(lambda: answer(app.view) == b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\")


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
