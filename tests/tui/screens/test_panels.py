"""What the keys of the panels below the list do."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.ssh.known_hosts import read_host_keys
from tests.backend.recording.support import key as host_key
from tests.backend.recording.support import recording, shown
from tests.conftest import Workspace
from tests.tui.support import (
    app_of,
    dashboard,
    details_shown,
    settled,
    toasts,
)
from tests.waiting import until


@pytest.mark.slow
async def test_a_value_in_the_details_is_copied_with_enter(
    pilot: Pilot[None], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(pilot)
    await pilot.press("4")
    await details_shown(app)
    await pilot.press("enter")
    await until(lambda: isinstance(app.focused, OptionList), what="the details to have the keys")
    await pilot.press("home", "enter")
    await until(lambda: app.clipboard == "podplane-local-alpha", what="the copy")
    await pilot.press("Y")
    await until(lambda: "No SSH port is forwarded to this VM." in toasts(app), what="the reason")


@pytest.mark.slow
async def test_the_copied_ssh_command_knows_what_the_console_has_shown(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    vm = dashboard(app).vm
    assert vm is not None
    recording(vm.files, shown(host_key(1)))
    dashboard(app).vm = replace(vm, ports=Ports(ssh=2222))
    await app.run_action("screen.copy_ssh")
    await until(lambda: app.clipboard, what="the copy")
    words = shlex.split(app.clipboard)
    assert words[:5] == ["ssh", "-F", "none", "-p", "2222"]
    assert {f"HostKeyAlias={vm.files.stem}", "StrictHostKeyChecking=yes"} <= set(words)
    assert read_host_keys(vm.files.known_hosts).keys == (host_key(1),)
    dashboard(app).vm = replace(vm, ports=Ports(ssh=2222), files=vm.files._replace(data_dir=Path("/100%")))
    await app.run_action("screen.copy_ssh")
    await until(lambda: any("choose a data directory" in toast for toast in toasts(app)), what="the reason")


@pytest.mark.slow
async def test_what_makes_no_sense_for_a_vm_that_does_not_run_is_refused(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    for action, reason in {
        "send": "Nothing runs here that could be sent anything.",
        "find": "There is nothing to search yet.",
        "copy_ssh": "No SSH port is forwarded to this VM.",
    }.items():
        app.clear_notifications()
        await app.run_action(f"screen.{action}")
        await until(lambda: toasts(app), what="the reason")
        assert toasts(app) == [reason]


@pytest.mark.slow
async def test_a_vm_that_does_not_run_has_no_shells(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    for key, reason in {
        "T": "alpha is not running: press s to start it.",
        "S": "podplane-local-alpha is not running: start it first",
    }.items():
        app.clear_notifications()
        await pilot.press(key)
        await until(lambda: toasts(app), what="the reason")
        assert toasts(app) == [reason]
    assert dashboard(app).tab == "shell"
    app.clear_notifications()
    for what in ("next", "previous", "close"):
        await app.run_action(f"screen.shell('{what}')")
    await settled(pilot)
    assert toasts(app) == []
