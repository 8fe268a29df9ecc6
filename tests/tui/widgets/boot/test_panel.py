"""The Boot tab: drawn from real recordings, live while one grows, a key from a failure to its line."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest
from textual.app import App, ComposeResult
from textual.widgets import OptionList, Static

from podplane_tui.backend.recording import store as recordings
from podplane_tui.backend.recording.history import BootHistory, RecordedBoot
from podplane_tui.backend.recording.store import begin, belongs_to, finish
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.styles import stylesheets
from podplane_tui.tui.widgets.boot import panel as boot_panel
from podplane_tui.tui.widgets.boot.panel import BootPanel
from podplane_tui.tui.widgets.streams import recording
from tests.conftest import Workspace
from tests.tui.support import (
    console_made,
    dashboard,
    files_of,
    listed,
    make_app,
    make_disk,
    text_of,
)
from tests.tui.widgets.boot.support import FAILURES, GOOD, HALF
from tests.tui.widgets.console.support import machine
from tests.waiting import until


class AMinuteAgo(datetime):
    """A clock that is late."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - timedelta(minutes=1)


class PanelApp(App[None]):
    CSS_PATH = stylesheets()  # type: ignore[assignment]

    def compose(self) -> ComposeResult:
        yield BootPanel()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot_panel, "LOOK_INTERVAL", 0.05)
    monkeypatch.setattr(recording, "LIVE_INTERVAL", 0.05)


def record(workspace: Workspace, content: bytes) -> Path:
    files = files_of(workspace, "default")
    path = begin(files)
    path.write_bytes(content)
    finish(files)
    return path


def panel_of(app: PodplaneApp) -> BootPanel:
    return dashboard(app).query_one(BootPanel)


def bars(app: PodplaneApp) -> str:
    return str(app.screen.query_one("#boot-bars", Static).visual)


@pytest.mark.slow
@pytest.mark.usefixtures("require_qemu")
async def test_boots_are_stepped_through_and_a_failure_is_a_key_from_its_line(workspace: Workspace) -> None:
    make_disk(workspace, "default")
    record(workspace, GOOD)
    record(workspace, FAILURES + GOOD * 2)
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "default")
        await pilot.press("2")
        await until(lambda: "boot 4 of 4 [" in text_of(app, "#boot-head"), what="the newest boot")
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until(lambda: "boot 2 of 4 [ ]" in text_of(app, "#boot-head"), what="an older one")
        assert "6 failures" in text_of(app, "#boot-head")
        assert "slower" in bars(app)
        options = app.screen.query_one("#boot-failures", OptionList)
        await pilot.press("2")
        await until(lambda: options.has_focus, what="the failures")
        await pilot.press("down", "enter")
        console = await console_made(app)
        await until(lambda: console.view is not None and console.view.selected_text, what="the line")
        assert console.view is not None
        assert "[FAILED] Failed to start broken.service" in console.view.selected_text.replace("\x1b", "")
        top = console.view.viewport.top
        assert top <= console.view.screen.selections[console.view].start.y < top + console.view.size.height  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.usefixtures("require_qemu")
async def test_a_failure_far_back_in_a_long_recording_is_shown_with_what_is_around_it(workspace: Workspace) -> None:
    make_disk(workspace, "default")
    record(workspace, GOOD)
    record(workspace, FAILURES + b"".join(b"[  400.000000] line %d\r\n" % number for number in range(40_000)))
    app = make_app(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await listed(app, "default")
        await pilot.press("2")
        options = app.screen.query_one("#boot-failures", OptionList)
        await until(lambda: options.option_count == 6, what="the failures")
        await pilot.press("2")
        await until(lambda: options.has_focus, what="the cursor on them")
        await pilot.press("down", "enter")
        console = await console_made(app)
        await until(lambda: console.view is not None and console.view.selected_text, what="the line")
        assert console.view is not None
        assert "Failed to start broken.service" in console.view.selected_text
        await pilot.press("2", "1")  # away, and back to where the console is now
        await until(lambda: console.view is not None and "line 39999" in str(console.view.terminal.display), what="now")


async def test_a_boot_is_followed_while_it_goes_on(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a process that stands for a QEMU, whose console is a file that grows."""
    monkeypatch.setattr(recordings, "datetime", AMinuteAgo)  # far enough into the boot to see it on its scale
    vm = machine(workspace, "default")
    record(workspace, GOOD)
    path = begin(vm.files)
    belongs_to(path, vm.pid or 0)
    path.write_bytes(GOOD[:HALF])
    vm = replace(vm, arguments=("qemu-system-x86_64", "-serial", f"unix:x,server=on,logfile={path}"))

    app = PanelApp()
    async with app.run_test(size=(80, 24)):
        panel = app.query_one(BootPanel)
        panel.vm = vm
        text = app.query_one("#boot-bars", Static)
        await until(lambda: "▒" in str(text.visual), what="a stage that runs")
        assert panel.status in {"booting", "coming up"}
        assert "cloud-init config" in str(text.visual)  # of the boot before: missing so far
        with path.open("ab") as file:
            file.write(GOOD[HALF:])
        await until(lambda: panel.status == "came up", what="the end of the boot")
        assert "▒" not in str(text.visual)


async def test_a_look_that_ends_while_the_panel_is_removed_shows_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(workspace, GOOD)
    asked, go_on, look = threading.Event(), threading.Event(), BootHistory.look

    def slow(history: BootHistory) -> tuple[RecordedBoot, ...]:
        asked.set()
        go_on.wait()
        return look(history)

    monkeypatch.setattr(BootHistory, "look", slow)
    app = PanelApp()
    async with app.run_test(size=(80, 24)):
        panel = app.query_one(BootPanel)
        panel.vm = machine(workspace, "default")
        await until(asked.is_set)
        looks = [worker for worker in app.workers if worker.node is panel]
        assert looks
        await panel.remove_children()  # as Textual does first when it removes the panel
        panel.in_view = False  # and no second look is begun
        go_on.set()
        await app.workers.wait_for_complete(looks)
