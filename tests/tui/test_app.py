"""The app around the dashboard: nothing there yet, directories missing, messages, no colours."""

import gc
from collections.abc import Iterator

import pytest

from podplane_tui.tui import app as app_module
from podplane_tui.tui.app import PodplaneApp
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
async def test_directories_that_do_not_exist_are_not_made(workspace: Workspace, size: tuple[int, int]) -> None:
    workspace.data.rmdir()
    workspace.runtime.rmdir()
    app = make_app(workspace)
    async with app.run_test(size=size) as pilot:
        await listed(app)
        await settled(pilot)
    assert not workspace.data.exists()
    assert not workspace.runtime.exists()


@pytest.fixture
def collects_later() -> Iterator[None]:
    """No cycles are looked for, as when the command line opens the dashboard."""
    gc.disable()
    gc.unfreeze()
    yield
    gc.freeze()  # as after the collection of the tests
    gc.enable()


@pytest.mark.usefixtures("collects_later")
async def test_what_is_there_after_the_warm_up_is_looked_through_no_more(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "_WARM_UP", 0.01)
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)):
        await until(gc.isenabled, what="the end of the warm-up")
        assert gc.get_freeze_count() > 1000


@pytest.mark.usefixtures("require_qemu")
async def test_details_beside_the_list_look_the_same_from_the_start_as_later(workspace: Workspace) -> None:
    make_disk(workspace, "alpha")
    app = make_app(workspace)
    async with app.run_test(size=(200, 50)):
        await listed(app, "alpha")
        await until(lambda: any("│ Machine" in line for line in painted(app)), what="details with their margin")


@pytest.mark.usefixtures("require_qemu")
async def test_the_named_machine_is_selected_and_the_message_shown(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PodplaneApp, "NOTIFICATION_TIMEOUT", 600.0)  # a busy host's list may come long after it
    for name in ("alpha", "beta", "gamma"):
        make_disk(workspace, name)
    app = make_app(workspace, select="beta", message="This is [red]real[/].")
    async with app.run_test(size=(80, 24)):
        await listed(app, "alpha", "beta", "gamma")
        await until(lambda: toasts(app) == ["This is [red]real[/]."], what="the message")
        await until(lambda: "beta is stopped" in text_of(app, "#console-notice"), what="the named machine")


@pytest.mark.usefixtures("require_qemu")
async def test_no_color_leaves_words_and_symbols(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    make_disk(workspace, "alpha")
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "alpha")
        await settled(pilot)
        for strip in app.screen._compositor.render_strips():
            for segment in strip:
                color = segment.style.color if segment.style else None
                if color is not None and color.triplet is not None:
                    assert len(set(color.triplet)) == 1, segment
        assert "○ stopped" in "\n".join(painted(app))
