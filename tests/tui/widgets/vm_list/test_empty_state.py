"""What stands where the list would be: where was looked, and which key makes a VM."""

import pytest

from podplane_tui.tui.screens.create import CreateDialog
from tests.conftest import Workspace
from tests.tui.support import (
    at_each_size,
    listed,
    make_app,
    make_disk,
    painted,
    settled,
    text_of,
    toasts,
)
from tests.waiting import until

pytestmark = pytest.mark.slow


@at_each_size
async def test_nothing_there_says_where_it_looked(workspace: Workspace, size: tuple[int, int]) -> None:
    app = make_app(workspace)
    async with app.run_test(size=size) as pilot:
        await listed(app)
        await settled(pilot)
        text = text_of(app, "#empty-state")
        assert str(workspace.data / "vms") in text
        assert str(workspace.runtime / "vms") in text
        assert "Press n to make one" in text
        assert "No VMs here yet." in "\n".join(painted(app))
        for key in "sxrdy":
            await pilot.press(key)
        await settled(pilot)
        assert set(toasts(app)) == {"There is no VM here yet: press n to make one."}
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")


@pytest.mark.usefixtures("require_qemu")
async def test_the_first_machine_replaces_the_empty_state(workspace: Workspace) -> None:
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app)
        make_disk(workspace, "alpha")
        await listed(app, "alpha")
        await settled(pilot)
        text = "\n".join(painted(app))
        assert "No VMs" not in text
        assert "○ stopped" in text
        assert "─VMs─" in text  # and not 0 of 1
