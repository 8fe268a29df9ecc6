"""The app around the dashboard: nothing there yet, directories missing, messages, no colours."""

import gc
from collections.abc import Iterator

import pytest

from podplane_tui.tui import app as app_module
from podplane_tui.tui.screens.create import CreateDialog
from tests.conftest import Workspace
from tests.tui.support import (
    SIZES,
    listed,
    make_app,
    make_disk,
    painted,
    settled,
    text_of,
    toasts,
)
from tests.waiting import until

at_each_size = pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))


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
    gc.unfreeze()
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


@pytest.mark.usefixtures("require_qemu")
async def test_details_beside_the_list_look_the_same_from_the_start_as_later(workspace: Workspace) -> None:
    make_disk(workspace, "alpha")
    app = make_app(workspace)
    async with app.run_test(size=(200, 50)):
        await listed(app, "alpha")
        await until(lambda: any("│ Machine" in line for line in painted(app)), what="details with their margin")


@pytest.mark.usefixtures("require_qemu")
async def test_the_named_machine_is_selected_and_the_message_shown(workspace: Workspace) -> None:
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
