"""The console panel on a real guest that numbers its lines: come to in the middle, nothing is lost or shown twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psutil
import pytest

from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.qemu.arguments import DirectBootOptions
from podplane_tui.backend.recording.store import Source, current_recording
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.create import EMPTY_DISK
from podplane_tui.backend.vm.start import StartSpec
from podplane_tui.tui.widgets.console import panel as console_panel
from podplane_tui.tui.widgets.console.panel import ConsolePanel
from tests.conftest import Workspace, suspend
from tests.guest.boot import booted
from tests.guest.tiny import TinyGuest
from tests.tui.widgets.console.support import PanelApp, machine, show
from tests.waiting import until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300), pytest.mark.usefixtures("require_qemu")]

LINES = 6000
"""Fewer than a scrollback holds."""
LAST = f"flood line {LINES:08}"
SOME = 500
BOOT = 120.0
"""Seconds a guest may take on a loaded machine."""


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_panel, "LOOK_INTERVAL", 0.05)


def numbers(text: str) -> list[int]:
    """Those of the whole lines in what a guest has printed."""
    return [int(number) for number in re.findall(r"^flood line (\d{8})\r*$", text, re.MULTILINE)]


def shown(panel: ConsolePanel) -> list[int]:
    """Those in scrollback and screen."""
    assert panel.view is not None
    terminal = panel.view.terminal
    return numbers(terminal.text((0, 0), (len(terminal.scrollback) + terminal.lines, 0)))


@contextmanager
def standing_still(process: psutil.Process) -> Iterator[None]:
    """Its guest stays in the middle of what it does."""
    suspend(process.pid)
    try:
        yield
    finally:
        process.resume()


async def test_a_guest_that_is_recorded_is_shown_whole(workspace: Workspace, tiny_guest: TinyGuest) -> None:
    """While it prints, the user looks elsewhere and back, again and again."""
    cluster = Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id="a", arch="amd64")
    cluster.create(EMPTY_DISK)
    cmdline = f"{tiny_guest.cmdline} tiny.flood={LINES}"
    boot = DirectBootOptions(str(tiny_guest.kernel), str(tiny_guest.initramfs), cmdline)
    cluster.start(StartSpec(network=False, memory="256M", cpus="1", boot=boot, accelerator="tcg"))
    vm = cluster.status()
    assert vm is not None
    recording = current_recording(vm)
    assert recording is not None
    (process,) = workspace.qemu_processes()
    app = PanelApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: recording.path.stat().st_size > SOME * len(LAST), what="some lines", seconds=BOOT)
        with standing_still(process):
            before = numbers(recording.path.read_text("latin-1"))
            assert before[-1] < LINES
            show(app, vm)
            await until(lambda: app.shows(f"flood line {before[-1]:08}"), what="what is on record")
        while LAST not in recording.path.read_text("latin-1"):
            app.panel.in_view = not app.panel.in_view
            await pilot.pause()
            assert not app.panel.connected  # the recording is all it needs
        app.panel.in_view = True
        await until(lambda: app.shows(LAST), what="the last line")
        assert shown(app.panel) == list(range(1, LINES + 1))
    cluster.stop(timeouts=StopTimeouts(powerdown=0))


@pytest.mark.parametrize("kept", [True, False], ids=["recorded by the panel", "recorded by nobody"])
async def test_a_guest_without_a_recording_is_shown_whole_from_then_on(
    workspace: Workspace, tiny_guest: TinyGuest, *, kept: bool
) -> None:
    if not kept:
        (workspace.root / "state").write_bytes(b"in the way")
    vm = machine(workspace, "a")
    app = PanelApp()
    with booted(tiny_guest, directory=workspace.root, arguments=["-nic", "none"]) as (serial, qemu):
        vm = replace(vm, pid=qemu.pid, console=workspace.root / "serial.sock")
        serial.wait_for_prompt()
        serial.send(f"flood {LINES}\n")
        serial.wait_for(rf"^flood line {SOME:08}\r$")
        async with app.run_test(size=(80, 24)):
            with standing_still(psutil.Process(qemu.pid)):
                serial.close()
                show(app, vm)
                await until(lambda: app.panel.connected, what="the connection")
            await until(lambda: app.shows(LAST), what="the last line")
            found = shown(app.panel)
            assert found == list(range(found[0], LINES + 1))
            assert SOME < found[0] < LINES
            recording = current_recording(vm)
            assert (recording is not None and recording.source is Source.ATTACHED) == kept
