"""What all dialogs have in common."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import ClassVar

import pytest
from textual import events
from textual.app import App
from textual.widget import Widget
from textual.widgets import Input

from podplane_tui.backend.config.fields import FieldFault
from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.tui.screens import dialog as dialogs
from podplane_tui.tui.screens.delete import DeleteDialog, DoomedFile
from podplane_tui.tui.screens.dialog import Form
from podplane_tui.tui.styles import stylesheets

pytestmark = pytest.mark.slow

FILES = [DoomedFile(Path(f"/srv/vms/disk-{number:02}.qcow2"), 2**20) for number in range(40)]


class Asking(App[None]):
    """Nothing but a dialog."""

    CSS_PATH: ClassVar[list[Path]] = stylesheets()  # type: ignore[assignment] # Textual takes any sequence


async def test_buttons_stay_in_view_however_much_is_listed() -> None:
    app = Asking()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(DeleteDialog(title="Delete 40 VMs?", files=FILES))
        await pilot.pause()
        body = app.screen.query_one(".dialog-body")
        for name in ("#cancel", "#accept"):
            assert app.screen.region.contains_region(app.screen.query_one(name).region)
        assert "PgDn" in str(app.screen.query_one(".dialog").border_subtitle)
        while body.scroll_y < body.max_scroll_y:
            before = body.scroll_y
            await pilot.press("pagedown")
            assert body.scroll_y > before
        assert "disk-39.qcow2" in "".join(strip.text for strip in app.screen._compositor.render_strips(app.size))
        await pilot.press("pageup")
        assert body.scroll_y < body.max_scroll_y
        assert app.screen.query_one("#cancel").has_focus


async def test_a_dialog_that_fits_does_not_speak_of_more() -> None:
    app = Asking()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(DeleteDialog(title="Delete a VM?", files=FILES[:2]))
        await pilot.pause()
        assert str(app.screen.query_one(".dialog").border_subtitle) == "Esc cancels"


class _Word(Form[str]):
    """One field."""

    AUTO_FOCUS = "#form-word"

    def __init__(self, check: Callable[[str], FieldFault | None] | None) -> None:
        super().__init__("form", title="A word", accept="Take", check=check)

    def compose_body(self) -> Iterable[Widget]:
        yield Input(id="form-word")
        yield self.error_line()

    def answer(self) -> str:
        return "the word"


async def test_two_enters_at_once_leave_a_dialog_and_nothing_below_it() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        answers: list[str | None] = []
        await app.push_screen(_Word(None), answers.append)
        await pilot.pause()
        for _ in range(2):
            app.post_message(events.Key("enter", "\r"))
        while not answers:
            await pilot.pause()
        await pilot.pause()
        assert answers == ["the word"]
        assert len(app.screen_stack) == 1


@pytest.mark.parametrize("fault", [None, FieldFault("word", InvalidInput("there is no such word"))])
async def test_a_check_that_ends_while_its_dialog_goes_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, fault: FieldFault | None
) -> None:
    """Whenever that is: the screen is on its way out for some turns of the event loop."""
    app = Asking()
    found: asyncio.Future[FieldFault | None]

    def in_thread(_check: Callable[[], FieldFault | None], *, name: str) -> Awaitable[FieldFault | None]:
        return found

    monkeypatch.setattr(dialogs, "in_thread", in_thread)
    async with app.run_test() as pilot:
        for turns in range(30):
            answers: list[str | None] = []
            found = asyncio.get_running_loop().create_future()
            dialog = _Word(lambda _: None)
            await app.push_screen(dialog, answers.append)
            dialog.accept()
            await pilot.pause()
            dialog.action_cancel()
            for _ in range(turns):
                await asyncio.sleep(0)
            if not found.done():  # by the worker's end
                found.set_result(fault)
            await pilot.pause()
            assert answers == [None]
            assert len(app.screen_stack) == 1
