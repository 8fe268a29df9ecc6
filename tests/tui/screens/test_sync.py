"""The sync dialog and the preview, each on its own."""

from functools import partial
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.tui.actions.tasks import sync_fault
from podplane_tui.tui.screens.sync import PausedDialog, SyncAnswer, SyncDialog
from podplane_tui.tui.widgets.marks import Switch
from tests.tui.screens.support import DialogApp, shown
from tests.waiting import until

pytestmark = pytest.mark.slow

RECENT = (
    SyncRequest("/src/", "/srv/src", "root:root", ("*.o", "two words"), gitignore=True),
    SyncRequest("/etc/[red]x", "/tmp"),
)


def sync_dialog(*, recent: tuple[SyncRequest, ...] = RECENT, start: SyncAnswer | None = None) -> DialogApp:
    return DialogApp(lambda: SyncDialog(name="dev", recent=recent, start=start, watch=False))


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


@pytest.mark.parametrize(
    ("keys", "answer"), [(("enter",), None), (("right", "enter"), False), (("right", "right", "enter"), True)]
)
async def test_a_paused_watch_goes_on_ends_or_stays_paused(keys: tuple[str, ...], answer: bool | None) -> None:
    app = DialogApp(lambda: PausedDialog(title="/a → dev:/b", question="Paused: [red] is empty now. Copy?"))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert "Paused: [red] is empty now. Copy?" in str(app.screen.query_one(".dialog-text", Static).visual)
        await pilot.press(*keys)
        assert app.answers == [answer]
