"""The Boot tab: drawn from real recordings, live while one grows, a key from a failure to its line."""

from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest
from textual.app import App, ComposeResult
from textual.widgets import OptionList, Static

from podplane_tui.backend.boot.compare import Overdue, compare
from podplane_tui.backend.boot.model import Boot
from podplane_tui.backend.boot.parser import BootParser
from podplane_tui.backend.boot.rules import StageName
from podplane_tui.backend.recording import store as recordings
from podplane_tui.backend.recording.store import begin, belongs_to, finish
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.styles import stylesheets
from podplane_tui.tui.widgets.boot import panel as boot_panel
from podplane_tui.tui.widgets.boot.panel import BootPanel
from podplane_tui.tui.widgets.boot.timeline import Picture, draw
from podplane_tui.tui.widgets.streams import recording
from tests.conftest import Workspace
from tests.paths import RECORDINGS
from tests.tui.support import (
    console_made,
    dashboard,
    files_of,
    listed,
    make_app,
    make_disk,
    text_of,
)
from tests.tui.widgets.console.test_panel import machine
from tests.waiting import until

GOOD = (RECORDINGS / "debian12-first-boot.raw").read_bytes()
FAILURES = (RECORDINGS / "debian12-failures.raw").read_bytes()
HALF = GOOD.index(b"\n", GOOD.index(b"running 'init' at")) + 1
"""Where a boot is in the middle of one of cloud-init's stages."""


class AMinuteAgo(datetime):
    """A clock that is late."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - timedelta(minutes=1)


class PanelApp(App[None]):
    CSS_PATH = stylesheets()  # type: ignore[assignment]

    def compose(self) -> ComposeResult:
        yield BootPanel()


def boot_of(content: bytes) -> Boot:
    parser = BootParser()
    parser.feed(content)
    (boot,) = parser.boots
    return boot


def lines(picture: Picture, width: int) -> list[str]:
    return draw(picture, width).plain.split("\n")


@pytest.mark.parametrize("width", [20, 40, 56, 78, 200])
def test_the_picture_fits_whatever_the_width(width: int) -> None:
    boot, before = boot_of(FAILURES), boot_of(GOOD)
    drawn = lines(Picture(boot, compare(boot, before), (), None), width)
    assert all(len(line) <= max(width, 37) for line in drawn)
    assert [line[:17].strip() for line in drawn[2:]] == [stage.name.value for stage in boot.stages]


def test_stages_are_bars_on_one_scale_with_figures_beside_them() -> None:
    boot, before = boot_of(FAILURES), boot_of(GOOD)
    rows = {line[:17].strip(): line for line in lines(Picture(boot, compare(boot, before), (), None), 78)}
    assert rows["kernel"][17] == "█"
    assert rows["kernel"].split()[-5:] == ["13.2", "s", "5.5", "s", "slower"]
    assert rows["shutdown"].endswith("new")
    ends = {name: len(line[17:41].rstrip()) for name, line in rows.items() if "█" in line}
    assert ends["kernel"] < ends["initramfs"] < ends["systemd"] < ends["cloud-init final"]
    assert rows["failures"].split() == ["failures", "1", "2+"]


def test_what_has_no_time_is_no_mark_and_what_has_no_stage_is_said() -> None:
    shell = boot_of((RECORDINGS / "ovmf-uefi-shell.raw").read_bytes())
    assert shell.failures
    assert [line.split()[0] for line in lines(Picture(shell, None, (), None), 80)] == ["STAGE", "firmware"]
    assert lines(Picture(boot_of(b"hello"), None, (), None), 80) == ["Nothing it has printed tells of a stage."]


def test_what_runs_is_open_at_its_end_and_late_is_a_word() -> None:
    boot = boot_of(GOOD[:HALF])
    late = (Overdue(StageName.CLOUD_INIT, 48.0, 12.0),)
    drawn = lines(Picture(boot, None, late, 92.5, beat=True), 78)
    (row,) = [line for line in drawn if line.startswith("cloud-init init  ")]
    assert "▒▶" in row
    assert row.endswith("48 s… late")
    assert drawn[-1] == "cloud-init init: 48 s, usually 12 s"


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
