"""The dialogs that make a machine, change it, and keep snapshots of its disk; real disks, no virtual machine."""

import pytest
from textual.widgets import Input, OptionList, Static

from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.vm.create import EMPTY_IMAGE, CreateSpec
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings
from podplane_tui.tui.screens.vm_settings import MachineDialog, SnapshotDialog
from tests.conftest import Workspace
from tests.tui.screens.support import cluster
from tests.tui.support import click, make_app, settled
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


async def test_settings_change_and_the_disk_grows(workspace: Workspace) -> None:
    made = cluster(workspace)
    made.create(CreateSpec(image=EMPTY_IMAGE, disk_size="1G"))
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.vms, what="the machine")
        await pilot.press("m")
        await until(lambda: isinstance(app.screen, MachineDialog), what="the dialog")
        app.screen.query_one("#machine-memory", Input).value = "2G"
        app.screen.query_one("#machine-user", Input).value = "me"
        app.screen.query_one("#machine-grow-to", Input).value = "2G"
        await pilot.press("enter")
        await until(lambda: read_image(made.files.image).virtual_bytes == 2 * 2**30, what="a larger disk")
        assert read_settings(made.files) == ClusterSettings(memory="2G", user="me")


async def test_the_dialog_of_a_machine_that_runs_says_when_it_counts(workspace: Workspace) -> None:
    """A name of Textual's own, once taken for whether the machine runs, kept the dialog from ever being shown."""
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = MachineDialog(name="dev", settings=ClusterSettings(cpus="2"), running=True, disk="128G")
        app.push_screen(dialog)
        await until(lambda: dialog.query("#machine-cpus"), what="the fields")
        await settled(pilot)
        assert "press r to restart" in str(dialog.query_one(".dialog-note", Static).render())
        await pilot.press("escape")
        await until(lambda: app.screen is not dialog, what="the end of the dialog")


async def test_snapshots_are_taken_restored_and_given_up(workspace: Workspace) -> None:
    made = cluster(workspace)
    made.create(CreateSpec(image=EMPTY_IMAGE, disk_size="8M"))

    def names() -> list[str]:
        return [each.name for each in made.disk.snapshots()]

    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.vms, what="the machine")
        await pilot.press("B")
        await until(lambda: isinstance(app.screen, SnapshotDialog), what="the dialog")
        await pilot.press("enter")
        error = app.screen.query_one("#snapshot-error", Static)
        await until(lambda: "a name" in str(error.render()), what="the complaint")
        app.screen.query_one("#snapshot-name", Input).value = "clean"
        await pilot.press("enter")
        await until(lambda: names() == ["clean"], what="a snapshot")
        await until(lambda: [job.active for job in app.jobs] == [False], what="the job's end")
        for before, button in enumerate(("restore", "delete"), start=1):
            await pilot.press("B")
            await until(lambda: isinstance(app.screen, SnapshotDialog), what="the dialog")
            app.screen.query_one("#snapshot-list", OptionList).highlighted = 0
            await click(pilot, f"#{button}")
            await until(lambda: "-dangerous" in "".join(app.screen.query(".dialog").first().classes), what="a question")
            await click(pilot, "#accept")
            await until(lambda: not isinstance(app.screen, SnapshotDialog), what="the list")
            ended = [False] * (before + 1)
            await until(lambda: [job.active for job in app.jobs] == ended, what="the job's end")  # noqa: B023 - awaited
        await until(lambda: names() == [], what="no snapshot")
        assert [str(job.outcome) for job in app.jobs] == ["done"] * 3
