"""The delete dialog: what it lists, what goes, what stays."""

import os
from pathlib import Path

import pytest
from textual.pilot import Pilot

from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.screens.delete import DeleteDialog, measure
from tests.conftest import Workspace
from tests.tui.support import (
    app_of,
    files_of,
    listed,
    screen_text,
    settled,
    text_of,
    toasts,
)
from tests.waiting import until


async def nothing_agreed(app: PodplaneApp) -> None:
    """Wait for the end of a question after which nothing is done."""
    await until(lambda: not app.actions.asking, what="the end of the question")
    assert isinstance(app.screen, Dashboard)
    assert app.jobs == ()


@pytest.mark.slow
async def test_delete_lists_what_goes_and_cancel_has_the_focus(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    files = files_of(workspace, "alpha")
    files.seed.write_bytes(bytes(5000))
    files.cluster_dir.mkdir(parents=True)
    files.user_data.write_text("#cloud-config\n")
    await pilot.press("d")
    await until(lambda: isinstance(app.screen, DeleteDialog), what="the dialog")
    await settled(pilot)
    listed_text = text_of(app, "#delete-list")
    for name in (files.image.name, files.seed.name, "alpha/"):
        assert name in listed_text
    assert "8K" in listed_text
    assert "beta" not in listed_text
    assert app.focused is not None
    assert app.focused.id == "cancel"
    await pilot.press("enter")
    await nothing_agreed(app)
    assert files.image.exists()


@pytest.mark.slow
async def test_escape_leaves_the_delete_dialog(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    await pilot.press("d")
    await until(lambda: isinstance(app.screen, DeleteDialog), what="the dialog")
    await pilot.press("right", "escape")
    await nothing_agreed(app)
    assert files_of(workspace, "alpha").image.exists()


@pytest.mark.slow
async def test_delete_removes_exactly_what_it_listed(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    await pilot.press("d")
    await until(lambda: isinstance(app.screen, DeleteDialog), what="the dialog")
    await pilot.press("right", "enter")
    await listed(app, "beta")
    await until(lambda: [job.headline for job in app.jobs] == ["deleted alpha"], what="the job's end")
    assert not files_of(workspace, "alpha").image.exists()
    assert files_of(workspace, "beta").image.exists()
    await until(lambda: "✓ deleted alpha" in screen_text(pilot), what="the job's line")


@pytest.mark.slow
async def test_a_delete_that_fails_stays_readable(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    files = files_of(workspace, "alpha")
    await pilot.press("d")
    await until(lambda: isinstance(app.screen, DeleteDialog), what="the dialog")
    files.pid_dir.mkdir(parents=True, exist_ok=True)
    files.lock.mkdir()  # a directory where the lock belongs: no lock can be had
    await pilot.press("right", "enter")
    await until(lambda: app.jobs and not app.jobs[-1].active, what="the job's end")
    assert files.image.exists()
    assert app.jobs[-1].outcome == "failed"
    assert str(files.lock) in app.jobs[-1].message
    await until(lambda: any(str(files.lock) in message for message in toasts(app)), what="the toast")
    await until(lambda: "✗ delete alpha failed" in screen_text(pilot), what="the job's line")
    await pilot.press("e")
    await until(lambda: app.screen.query("#events-text"), what="the events")
    await until(lambda: str(files.lock) in text_of(app, "#events-text"), what="the whole error")
    await pilot.press("1")
    await until(lambda: "✗ delete alpha failed" not in screen_text(pilot), what="the end of the job's line")


def test_sizes_are_those_on_disk_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "file").write_bytes(bytes(100_000))
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 2**40)
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    plan = [tmp_path / name for name in ("folder", "sparse", "link", "gone")]
    folder, sparse, link, gone = measure(plan)
    assert [each.path for each in (folder, sparse, link, gone)] == plan
    assert folder.kind == "/"
    assert folder.size >= 100_000
    assert sparse.kind == ""
    assert sparse.size < 2**20
    assert link.kind == f" (a link; {tmp_path / 'folder'} stays)"
    assert link.size < 100_000
    assert (gone.size, gone.kind) == (0, "")
