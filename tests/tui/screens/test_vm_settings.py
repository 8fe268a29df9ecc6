"""The dialogs that make a machine, change it, and keep snapshots of its disk; real disks, no virtual machine."""

import pytest
from textual.widgets import Input, OptionList, Static

from podplane_tui.backend import Cluster
from podplane_tui.backend.config.model import CreateDefaults
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings
from podplane_tui.tui.screens.create import CreateDialog
from podplane_tui.tui.screens.vm_settings import MachineDialog, SnapshotDialog
from tests.conftest import Workspace
from tests.tui.support import click, make_app, settled
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


def cluster(workspace: Workspace, cluster_id: str = "dev") -> Cluster:
    return Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id=cluster_id, arch="amd64")


async def test_a_machine_is_made_with_all_that_was_asked_for(workspace: Workspace) -> None:
    user_data = workspace.root / "user-data"
    user_data.write_text("#cloud-config\n")
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
        fields = {"id": "dev", "disk-size": "1G", "cpus": "lots", "memory": "1G", "user-data": str(user_data)}
        for name, value in fields.items():
            app.screen.query_one(f"#create-{name}", Input).value = value
        await pilot.press("enter")
        error = app.screen.query_one("#create-error", Static)
        await until(lambda: "lots" in str(error.render()), what="the complaint")
        assert app.focused is app.screen.query_one("#create-cpus", Input)
        app.screen.query_one("#create-cpus", Input).value = "3"
        await pilot.press("enter")
        made = cluster(workspace)
        await until(made.files.settings.is_file, what="the machine")
        assert read_image(made.files.image).virtual_bytes == 2**30
        assert read_settings(made.files) == ClusterSettings(cpus="3", memory="1G", user_data=str(user_data))


async def test_the_create_dialog_begins_with_the_configured_defaults(workspace: Workspace) -> None:
    app = make_app(workspace, create=CreateDefaults(disk_size="1G", cpus="3", memory="1G"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
        assert app.screen.query_one("#create-memory", Input).value == "1G"
        app.screen.query_one("#create-cpus", Input).value = ""
        await pilot.press(*"dev", "enter")
        made = cluster(workspace)
        await until(made.files.settings.is_file, what="the machine")
        assert read_image(made.files.image).virtual_bytes == 2**30
        assert read_settings(made.files) == ClusterSettings(memory="1G")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": "-"}, "not valid"),
        ({"id": "a", "image": "https://example.org/x.qcow2"}, "needs its digest"),
        ({"id": "a", "digest": "sha256:00"}, "leave it empty"),
        ({"id": "a", "image": "https://example.org/x.qcow2", "digest": "md5:00"}, "digest"),
        ({"id": "a", "disk-size": "big"}, "disk size"),
    ],
)
async def test_what_cannot_be_is_said_in_the_dialog(workspace: Workspace, fields: dict[str, str], words: str) -> None:
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
        for name, value in fields.items():
            app.screen.query_one(f"#create-{name}", Input).value = value
        await pilot.press("enter")
        error = app.screen.query_one("#create-error", Static)
        await until(lambda: words in str(error.render()), what="the complaint")


async def test_settings_change_and_the_disk_grows(workspace: Workspace) -> None:
    made = cluster(workspace)
    made.create(None, size="1G")
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
    made.create(None, size="8M")

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
