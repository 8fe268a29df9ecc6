"""The sync dialog and the preview, each on its own."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import StillBooting
from podplane_tui.backend.sync.copy import SyncPreview
from podplane_tui.backend.sync.output import Change, ChangeKind
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.tui.actions.tasks import sync_fault
from podplane_tui.tui.screens.dialog import Dialog
from podplane_tui.tui.screens.preview import MAX_SHOWN, PreviewDialog
from podplane_tui.tui.screens.sync import SyncAnswer, SyncDialog
from podplane_tui.tui.styles import stylesheets
from podplane_tui.tui.widgets.marks import Switch
from tests.waiting import until

pytestmark = pytest.mark.slow

RECENT = (
    SyncRequest("/src/", "/srv/src", "root:root", ("*.o", "two words"), gitignore=True),
    SyncRequest("/etc/[red]x", "/tmp"),
)


class DialogApp(App[None]):
    """Shows one dialog and keeps its answer."""

    CSS_PATH = stylesheets()  # type: ignore[assignment] # Textual takes any sequence

    def __init__(self, dialog: Callable[[], Dialog[SyncAnswer] | Dialog[bool]]) -> None:
        super().__init__()
        self._dialog = dialog
        self.answers: list[object] = []

    def on_mount(self) -> None:
        self.push_screen(self._dialog(), self.answers.append)


def sync_dialog(*, recent: tuple[SyncRequest, ...] = RECENT, start: SyncAnswer | None = None) -> DialogApp:
    return DialogApp(lambda: SyncDialog(name="dev", recent=recent, start=start, watch=False))


async def shown(pilot: Pilot[None]) -> None:
    await until(lambda: pilot.app.screen.query("#accept"), what="the dialog")
    await pilot.pause()


async def test_enter_does_the_latest_copy_again() -> None:
    app = sync_dialog()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("enter")
        assert app.answers == [SyncAnswer(RECENT[0])]


async def test_another_recent_copy_fills_the_fields_and_p_previews_it() -> None:
    app = sync_dialog()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert app.screen.query_one("#sync-excludes", Input).value == "'*.o' 'two words'"
        await pilot.press("down")
        assert app.screen.query_one("#sync-source", Input).value == "/etc/[red]x"
        await pilot.press("p")
        assert app.answers == [SyncAnswer(RECENT[1], preview=True)]


async def test_p_in_a_field_is_a_letter() -> None:
    app = sync_dialog(recent=())
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("p")
        assert app.screen.query_one("#sync-source", Input).value == "p"
        assert app.answers == []


async def test_who_comes_back_from_a_preview_finds_what_was_asked_for() -> None:
    start = SyncAnswer(SyncRequest("/a", "/b", excludes=("it's",), delete=True), watch=True)
    app = sync_dialog(start=start)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("enter")
        assert app.answers == [start]


@pytest.mark.parametrize(
    ("source", "destination", "excludes", "complaint"),
    [("", "/b", "", "what to copy"), ("/a", " ", "", "where in the VM"), ("/a", "/b", "'x", "quote is not closed")],
)
async def test_what_is_missing_is_said(source: str, destination: str, excludes: str, complaint: str) -> None:
    app = sync_dialog(recent=())
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        for name, value in (("source", source), ("destination", destination), ("excludes", excludes)):
            app.screen.query_one(f"#sync-{name}", Input).value = value
        await pilot.press("enter")
        assert complaint in str(app.screen.query_one("#sync-error", Static).visual)
        assert app.answers == []


def _says(line: Static, words: str) -> bool:
    return words in str(line.visual)


@pytest.mark.parametrize("key", ["enter", "p"], ids=["sync", "preview"])
async def test_a_source_that_is_not_there_is_said_before_the_dialog_closes(key: str, tmp_path: Path) -> None:
    there, missing = tmp_path / "file", tmp_path / "missing[red]"
    there.touch()
    recent = tuple(SyncRequest(str(path), "/b") for path in (missing, f"{there}/", there))
    app = DialogApp(
        lambda: SyncDialog(
            name="dev", recent=recent, start=None, watch=False, check=lambda each: sync_fault(each.request)
        )
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        for words in ("missing[red] can't be copied: No such file", "file/ can't be copied: Not a directory"):
            await pilot.press(key)
            error = app.screen.query_one("#sync-error", Static)
            await until(partial(_says, error, words), what=words)
            assert app.answers == []
            app.screen.query_one("#sync-recent").focus()
            await pilot.press("down")
        await pilot.press(key)
        await until(lambda: app.answers, what="the answer")
        assert app.answers == [SyncAnswer(SyncRequest(str(there), "/b"), preview=key == "p")]


async def test_switches_show_their_value_without_colour() -> None:
    app = sync_dialog()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        switch = app.screen.query_one("#sync-delete", Switch)
        assert "X" not in str(switch.render())
        switch.value = True
        assert "X" in str(switch.render())


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_the_dialog_fits_with_many_recent_copies(size: tuple[int, int]) -> None:
    app = sync_dialog(recent=tuple(SyncRequest(f"/a{number}", "/b") for number in range(8)))
    async with app.run_test(size=size) as pilot:
        await shown(pilot)
        for selector in ("#accept", "#preview", "#cancel", "#sync-watch", "#sync-source"):
            widget = app.screen.query_one(selector)
            assert app.screen.region.contains_region(widget.region), selector
            assert widget.region.area


# The preview


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
