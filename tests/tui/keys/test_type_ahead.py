"""Keys typed faster than a dialog comes up: they go to it, or where they would have gone, and open no second one."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio
from textual.events import Key, MouseDown, MouseUp
from textual.keys import key_to_character
from textual.pilot import Pilot
from textual.widgets import Input

from podplane_tui.tui.actions import dispatcher
from podplane_tui.tui.actions.tasks import Workshop
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.keys import type_ahead
from podplane_tui.tui.screens.columns import ColumnsDialog
from podplane_tui.tui.screens.create import CreateDialog
from podplane_tui.tui.screens.delete import DeleteDialog
from podplane_tui.tui.screens.settings import SettingsDialog
from tests.conftest import Workspace
from tests.tui.support import (
    app_of,
    dashboard,
    listed,
    make_app,
    make_disk,
    settled,
    toasts,
)
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


@pytest_asyncio.fixture
async def pilot(workspace: Workspace) -> AsyncIterator[Pilot[None]]:
    """The dashboard with two stopped machines, alpha and beta."""
    make_disk(workspace, "alpha")
    make_disk(workspace, "beta")
    async with make_app(workspace).run_test(size=(80, 24)) as pilot:
        await listed(app_of(pilot), "alpha", "beta")
        await settled(pilot)
        yield pilot


def type_at_once(app: PodplaneApp, *keys: str) -> None:
    """Put all of the keys into the app's queue before it looks at any of them."""
    for key in keys:
        app.post_message(Key(key, key_to_character(key)))


@contextmanager
def slow_images(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Have what stands before the create dialog wait for the event."""
    go_on = threading.Event()

    def cached(_workshop: Workshop, _arch: str) -> tuple[str, ...]:
        go_on.wait()
        return ()

    monkeypatch.setattr(Workshop, "cached_images", cached)
    try:
        yield go_on
    finally:
        go_on.set()


@pytest.mark.parametrize(
    ("keys", "dialog"),
    [
        ("d d", DeleteDialog),
        ("d n", DeleteDialog),
        ("d f2", DeleteDialog),
        ("n d", CreateDialog),
        ("C d", ColumnsDialog),
        ("f2 d n", SettingsDialog),
    ],
)
async def test_a_second_key_opens_no_second_dialog(pilot: Pilot[None], keys: str, dialog: type[object]) -> None:
    app = app_of(pilot)
    type_at_once(app, *keys.split())
    await until(lambda: isinstance(app.screen, dialog), what="the dialog")
    await until(lambda: not app._question_coming() and not app._key_hold._held, what="the other keys' turn")
    await settled(pilot)
    assert len(app.screen_stack) == 2


async def test_what_is_typed_ahead_is_typed_into_the_dialog(
    pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(pilot)
    with slow_images(monkeypatch) as go_on:
        type_at_once(app, "n", "w", "e", "b", "tab", "x")
        await settled(pilot)
        go_on.set()
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
        await until(lambda: app.screen.query_one("#create-image", Input).value == "x", what="what was typed last")
        assert app.screen.query_one("#create-id", Input).value == "web"
    assert dashboard(app).table.selected == "alpha.amd64"


async def test_a_key_waits_for_the_one_before_it_however_slow_its_widget_is(
    pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, handle_key = app_of(pilot), Input.handle_key

    async def slow(field: Input, event: Key) -> bool:
        if event.key == "tab":
            await asyncio.sleep(0.5)  # as on a busy host
        return await handle_key(field, event)

    monkeypatch.setattr(Input, "handle_key", slow)
    with slow_images(monkeypatch) as go_on:
        type_at_once(app, "n", "w", "tab", "x")
        await settled(pilot)
        go_on.set()
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
        await until(lambda: app.screen.query_one("#create-image", Input).value == "x", what="what was typed last")
        assert app.screen.query_one("#create-id", Input).value == "w"


async def test_to_cancel_counts_however_early_it_is_typed(pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(pilot)
    seen: list[DeleteDialog] = []

    def note(dialog: DeleteDialog) -> None:
        seen.append(dialog)

    monkeypatch.setattr(DeleteDialog, "on_unmount", note, raising=False)
    type_at_once(app, "d", "escape")
    await until(lambda: seen, what="the question to come and go")
    await until(lambda: app.screen is dashboard(app), what="the dashboard")
    assert [vm.cluster_id for vm in app.vms or ()] == ["alpha", "beta"]


@pytest.mark.parametrize("keys", [("right", "enter"), ("enter",)])
async def test_a_question_that_can_lose_data_ignores_what_was_typed_before_it_could_be_seen(
    pilot: Pilot[None], keys: tuple[str, ...]
) -> None:
    app = app_of(pilot)
    type_at_once(app, "d", *keys)
    await until(lambda: isinstance(app.screen, DeleteDialog) and app.screen._shown_at, what="the question")
    await until(lambda: not app._question_coming() and not app._key_hold._held, what="the keys' turn")
    await settled(pilot)
    assert isinstance(app.screen, DeleteDialog)
    assert app.focused is app.screen.query_one("#cancel")
    await pilot.press("right", "left", "enter")
    await until(lambda: app.screen is dashboard(app), what="the end of the question")
    assert [vm.cluster_id for vm in app.vms or ()] == ["alpha", "beta"]


async def test_a_click_that_was_made_before_the_question_could_be_seen_answers_nothing(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("d")
    await until(lambda: isinstance(app.screen, DeleteDialog) and app.screen._shown_at, what="the question")
    place = app.screen.query_one("#accept").region.offset
    for kind in (MouseDown, MouseUp):
        click = kind(None, place.x, place.y, 0, 0, 1, False, False, False, place.x, place.y)
        click.time -= 60
        app.post_message(click)
    await settled(pilot)
    assert isinstance(app.screen, DeleteDialog)
    await pilot.click("#cancel")
    await until(lambda: app.screen is dashboard(app), what="the end of the question")


async def test_keys_go_on_where_no_dialog_comes(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    type_at_once(app, "x", "j", "x")  # neither runs
    await until(lambda: len(toasts(app)) == 2, what="both answers")
    assert ["alpha" in toasts(app)[0], "beta" in toasts(app)[1]] == [True, True]
    assert app.screen is dashboard(app)


async def test_keys_wait_for_nobody_for_ever(pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(pilot)
    monkeypatch.setattr(type_ahead, "_PATIENCE", 0.0)
    with slow_images(monkeypatch):
        type_at_once(app, "n", "j", "d")
        await until(lambda: dashboard(app).table.selected == "beta.amd64", what="the next machine")
        await until(lambda: toasts(app), what="why nothing is deleted")
        assert "still" in toasts(app)[0]
        assert app.screen is dashboard(app)


async def test_a_disk_that_never_answers_keeps_no_other_machine_waiting(
    pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(pilot)
    monkeypatch.setattr(type_ahead, "_PATIENCE", 0.0)
    monkeypatch.setattr(dispatcher, "GIVE_UP", 0.0)
    with slow_images(monkeypatch) as go_on:
        type_at_once(app, "n", "d")
        await until(lambda: isinstance(app.screen, DeleteDialog), what="the question")
        go_on.set()
        await settled(pilot)
        assert len(app.screen_stack) == 2
        await pilot.press("escape")
        await until(lambda: not app.actions.asking, what="the end of the question")
        assert app.screen is dashboard(app)
