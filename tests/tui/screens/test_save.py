"""The dialog that asks where a console's text goes."""

from pathlib import Path

import pytest
from textual.widgets import Input, RadioSet

from podplane_tui.tui.screens.save import SaveDialog, SaveRequest
from podplane_tui.tui.widgets.marks import Choice
from tests.tui.screens.support import DialogApp, shown, shown_text


def save_dialog(path: Path, *, recorded: bool = True) -> DialogApp:
    return DialogApp(lambda: SaveDialog(name="dev", path=path, recorded=recorded))


async def test_a_new_file_is_taken_at_once(tmp_path: Path) -> None:
    app = save_dialog(tmp_path / "console.txt")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("enter")
        assert app.answers == [SaveRequest(tmp_path / "console.txt", raw=False, replace=False)]


@pytest.mark.slow
async def test_a_file_that_is_there_is_replaced_when_that_is_said_twice_of_it(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.touch()
    second.touch()
    app = save_dialog(first)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("enter")
        assert shown_text(app, "#save-error") == "That file exists: Save once more to replace it."
        app.screen.query_one("#save-path", Input).value = str(second)
        await pilot.pause()
        assert shown_text(app, "#save-error") == ""
        await pilot.press("enter")
        assert app.answers == []
        await pilot.press("enter")
        assert app.answers == [SaveRequest(second, raw=False, replace=True)]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "   ", "/tmp", "/tmp/"])
async def test_a_directory_or_nothing_is_no_file(tmp_path: Path, text: str) -> None:
    app = save_dialog(tmp_path / "console.txt")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        app.screen.query_one("#save-path", Input).value = text
        await pilot.press("enter")
        assert shown_text(app, "#save-error") == "Say which file, not which directory."
        assert app.answers == []


@pytest.mark.slow
async def test_every_byte_is_to_be_had_where_it_was_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for recorded in (True, False):
        app = save_dialog(Path("~/console.raw"), recorded=recorded)
        async with app.run_test(size=(80, 24)) as pilot:
            await shown(pilot)
            raw = list(app.screen.query(Choice))[1]
            assert raw.disabled is not recorded
            if recorded:
                raw.value = True
                await pilot.pause()
            assert app.screen.query_one(RadioSet).pressed_index == int(recorded)
            app.screen.query_one("#save-path").focus()
            await pilot.press("enter")
            assert app.answers == [SaveRequest(tmp_path / "console.raw", raw=recorded, replace=False)]
