"""Looks at the disk, again and again: what is new, what is not, and what is old."""

import os
import threading

import pytest
from textual.pilot import Pilot

from podplane_tui.backend.config.model import DashboardSettings
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.vm.inventory import Inventory
from podplane_tui.tui.widgets.vm_list.table import VMTable
from tests.conftest import Workspace
from tests.tui.support import (
    app_of,
    dashboard,
    files_of,
    listed,
    make_app,
    make_disk,
    screen_text,
    settled,
)
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


async def test_what_appears_and_goes_on_disk_shows(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    image = make_disk(workspace, "aaa")
    await listed(app, "aaa", "alpha", "beta")
    await settled(pilot)
    assert dashboard(app).table.selected == "alpha.amd64"
    image.unlink()
    await listed(app, "alpha", "beta")


async def test_a_look_that_finds_nothing_new_changes_nothing(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    first = app.vms
    os.utime(files_of(workspace, "alpha").image)
    make_disk(workspace, "other", "arm64").unlink()
    app._look_now.set()
    await until(lambda: not app._look_now.is_set(), what="another look")
    await settled(pilot)
    assert app.vms is first


async def test_what_is_old_looks_old(pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch) -> None:
    app, go_on, look = app_of(pilot), threading.Event(), Inventory.statuses

    def hang(inventory: Inventory) -> tuple[VMStatus, ...]:
        go_on.wait()
        return look(inventory)

    monkeypatch.setattr(Inventory, "statuses", hang)  # as a network file system that does not answer
    try:
        await until(lambda: app.stale_for, what="age")
        await settled(pilot)
        assert "no answer for" in screen_text(pilot)
        assert app.screen.query_one(VMTable).has_class("-stale")
    finally:
        go_on.set()
    await until(lambda: not app.stale_for, what="the next look")
    await settled(pilot)
    assert not app.screen.query_one(VMTable).has_class("-stale")


@pytest.mark.slow
async def test_looks_come_as_often_as_was_said(workspace: Workspace) -> None:
    make_disk(workspace, "one")
    app = make_app(workspace, settings=DashboardSettings(refresh=60))
    async with app.run_test():
        await listed(app, "one")
        looked, moments = app._looked, {app.moment}
        make_disk(workspace, "two")

        def steps() -> int:
            moments.add(app.moment)
            return len(moments) - 1

        await until(lambda: steps() > 2, what="the time of the usual next look to go by")
        assert app._looked == looked
        assert app.vms is not None
        assert len(app.vms) == 1
        await until(lambda: dashboard(app).table.moment > app._looked, what="uptimes to move on meanwhile")
        app._looked -= 50
        app._notice_age()
        assert app.stale_for == 0
        app._looked -= 50
        app._notice_age()
        assert app.stale_for > 100
