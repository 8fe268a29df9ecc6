"""The preview of a sync: deletions first, and nothing agreed to before it is known to what."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Button, Input, Static

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import StillBooting
from podplane_tui.backend.sync.copy import SyncPreview
from podplane_tui.backend.sync.output import Change, ChangeKind
from podplane_tui.tui.screens.preview import MAX_SHOWN, PreviewDialog
from tests.tui.screens.support import DialogApp, shown
from tests.waiting import until

pytestmark = pytest.mark.slow


def preview_of(new: int, deleted: tuple[str, ...] = ()) -> SyncPreview:
    changes = tuple(Change(ChangeKind.NEW, f"[red]file {number}") for number in range(new))
    deletions = tuple(Change(ChangeKind.DELETED, path) for path in deleted)
    counts = {**dict.fromkeys(ChangeKind, 0), ChangeKind.NEW: new, ChangeKind.DELETED: len(deleted)}
    return SyncPreview(changes, deletions, counts)


def preview_app(preview: SyncPreview) -> DialogApp:
    return DialogApp(lambda: PreviewDialog(name="dev", look=lambda _control: preview))


def text_of(app: DialogApp, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).visual)


async def known(app: DialogApp) -> None:
    await until(
        lambda: app.screen.query("#accept") and not app.screen.query_one("#accept", Button).disabled, what="the answer"
    )


async def test_deletions_come_first_and_cancel_is_the_default() -> None:
    app = preview_app(preview_of(MAX_SHOWN, ("old [b]name", "[/]")))
    async with app.run_test(size=(80, 24)) as pilot:
        await known(app)
        await pilot.pause()
        assert text_of(app, "#preview-sum") == "2 paths deleted in the VM for good · 2,000 new"
        lines = text_of(app, "#preview-text").splitlines()
        assert lines[:3] == ["- old [b]name", "- [/]", "+ [red]file 0"]
        assert lines[-1] == "… and 2 more"
        button = app.screen.query_one("#accept", Button)
        assert str(button.label) == "Sync, delete 2"
        assert app.screen.region.contains_region(button.region)
        assert button.region.width > len("Sync, delete 2")
        await pilot.press("enter")
        assert app.answers == [None]


async def test_the_preview_is_agreed_to() -> None:
    app = preview_app(preview_of(0))
    async with app.run_test(size=(80, 24)) as pilot:
        await known(app)
        assert text_of(app, "#preview-sum") == "Everything is up to date there."
        await pilot.press("right", "enter")
        assert app.answers == [True]


async def test_a_preview_that_fails_says_why_and_agrees_to_nothing(tmp_path: Path) -> None:
    def look(_control: Control) -> SyncPreview:
        raise StillBooting(f"SSH does not answer yet [in] {tmp_path}")

    app = DialogApp(lambda: PreviewDialog(name="dev", look=look))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: "does not answer yet [in]" in text_of(app, "#preview-sum"), what="the reason")
        await pilot.press("right", "enter")
        await pilot.press("escape")
        assert app.answers == [None]


async def test_leaving_gives_the_question_up() -> None:
    given_up = threading.Event()

    def look(control: Control) -> SyncPreview:
        control.cancel.wait(30)
        given_up.set()
        return preview_of(0)

    app = DialogApp(lambda: PreviewDialog(name="dev", look=look))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("escape")
        await until(given_up.is_set, what="rsync to be given up")


@pytest.mark.parametrize("fault", [None, StillBooting("SSH does not answer yet")], ids=["known", "failed"])
async def test_what_is_known_when_one_has_left_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, fault: StillBooting | None
) -> None:
    """Whenever that is: the screen is on its way out for some turns of the event loop."""
    found: asyncio.Future[SyncPreview]

    def in_thread(_look: Callable[[], SyncPreview], *, name: str) -> Awaitable[SyncPreview]:
        return asyncio.shield(found)  # leaving cancels the worker, which may be too late

    monkeypatch.setattr("podplane_tui.tui.screens.preview.in_thread", in_thread)
    for turns in range(12):
        found = asyncio.get_running_loop().create_future()
        app = preview_app(preview_of(1))
        async with app.run_test(size=(80, 24)) as pilot:
            await until(lambda app=app: isinstance(app.screen, PreviewDialog), what="the preview")  # type: ignore[misc]
            await pilot.pause()
            app.screen.dismiss(None)
            for _ in range(turns):
                await asyncio.sleep(0)
            found.set_result(preview_of(1)) if fault is None else found.set_exception(fault)
            await pilot.pause()
            assert app.answers == [None]


async def test_a_directory_of_the_system_has_to_be_typed() -> None:
    app = preview_app(replace(preview_of(1, ("passwd",)), system="/etc"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.screen.query("#preview-confirm") and app.focused, what="the field")
        await until(lambda: isinstance(app.focused, Input), what="its focus")
        assert "Type /etc to sync all the same" in text_of(app, "#preview-system")
        button = app.screen.query_one("#accept", Button)
        await pilot.press(*"/et", "enter")
        assert button.disabled
        assert app.answers == []
        await pilot.press("c")
        await until(lambda: not button.disabled, what="the button")
        dialog = app.screen
        await pilot.press("enter")
        assert app.answers == [True]
        assert isinstance(dialog, PreviewDialog)
        assert dialog.system == "/etc"


async def test_nothing_has_to_be_typed_elsewhere() -> None:
    app = preview_app(preview_of(1, ("old",)))
    async with app.run_test(size=(80, 24)):
        await known(app)
        assert not app.screen.query_one("#preview-confirm").display
        assert isinstance(app.screen, PreviewDialog)
        assert app.screen.system == ""
