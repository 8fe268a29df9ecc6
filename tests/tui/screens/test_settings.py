"""The settings screen: what it shows, checks, writes into the file, and what then holds at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Select

from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.palette import PaletteCommands
from podplane_tui.tui.screens.columns import ColumnsDialog
from podplane_tui.tui.screens.create import CreateDialog
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.screens.settings import SettingsDialog
from tests.conftest import Workspace
from tests.tui.support import (
    click,
    listed,
    make_app,
    make_disk,
    painted,
    text_of,
    toasts,
)
from tests.waiting import until

pytestmark = pytest.mark.slow

TEXT = "# mine\n[stop]\npowerdown = 30  # slow guests\nkill = 3\n\n[keys]\nlist.columns = 'z'\n"


def config_of(workspace: Workspace, text: str | None = None) -> Path:
    """Where the app of `make_app` has its configuration, with `text` in it."""
    path = workspace.root / "config" / "podplane-tui" / "config.toml"
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return path


def field(app: PodplaneApp, setting: str) -> Input:
    return app.screen.query_one(f"#settings-{setting.replace('.', '-')}", Input)


def note(app: PodplaneApp, setting: str) -> str:
    return text_of(app, f"#settings-{setting.replace('.', '-')}-note")


async def opened(app: PodplaneApp, pilot: Pilot[None]) -> None:
    await pilot.press("f2")
    await until(lambda: isinstance(app.screen, SettingsDialog) and app.focused, what="the settings")


async def closed(app: PodplaneApp) -> None:
    await until(lambda: isinstance(app.screen, Dashboard), what="the settings to close")


async def test_what_is_saved_is_in_the_file_and_in_force(workspace: Workspace) -> None:
    path = config_of(workspace, TEXT)
    make_disk(workspace, "one")
    app = make_app(workspace, stop_timeouts=None)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "one")
        await opened(app, pilot)
        assert (field(app, "stop.powerdown").value, field(app, "stop.terminate").value) == ("30", "")
        field(app, "stop.powerdown").value = "0.5"
        field(app, "stop.kill").value = ""
        field(app, "create.memory").value = "8G"
        field(app, "dashboard.refresh").value = "2"
        app.screen.query_one(Select).value = "nord"
        field(app, "create.cpus").focus()
        await pilot.press("3", "enter")
        await closed(app)
        assert path.read_text() == (
            "# mine\n[stop]\npowerdown = 0.5  # slow guests\n\n[keys]\nlist.columns = 'z'\n"
            '\n[dashboard]\nrefresh = 2\ntheme = "nord"\n\n[create]\ncpus = 3\nmemory = "8G"\n'
        )
        assert app.theme == "nord"
        assert app.config.dashboard.refresh == 2.0
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
        assert app.screen.query_one("#create-memory", Input).value == "8G"
        await pilot.press("escape", "z")  # the key that the file says, now that it was read
        await until(lambda: isinstance(app.screen, ColumnsDialog), what="the columns")
        assert app.actions.workshop.stop_timeouts == StopTimeouts(powerdown=0.5)


async def test_what_is_secret_in_a_url_is_neither_shown_nor_lost(workspace: Workspace) -> None:
    url = "https://me:s3cret@images.invalid/d.qcow2?token=s3cret"
    digest = f"sha256:{'0' * 64}"
    path = config_of(workspace, f"[create]\nimage = '{url}'\ndigest = '{digest}'\n")
    app = make_app(workspace)
    async with app.run_test(size=(120, 44)) as pilot:
        await opened(app, pilot)
        assert field(app, "create.image").value == "https://images.invalid/d.qcow2"
        assert not any("s3cret" in line for line in painted(app))
        field(app, "create.cpus").value = "3"
        await click(pilot, "#accept")
        await closed(app)
        assert path.read_text() == f"[create]\nimage = '{url}'\ndigest = '{digest}'\ncpus = 3\n"


async def test_a_first_setting_makes_the_file(workspace: Workspace) -> None:
    path = config_of(workspace)
    app = make_app(workspace)
    async with app.run_test(size=(120, 44)) as pilot:
        await opened(app, pilot)
        assert any("All are as usual" in line for line in painted(app))
        field(app, "recordings.boots").value = "3"
        await click(pilot, "#accept")
        await closed(app)
        assert path.read_text() == "[recordings]\nboots = 3\n"


WRONG = {
    "stop.kill": ("soon", "use 0 or more"),
    "stop.powerdown": ("inf", "use 0 or more"),
    "dashboard.refresh": ("0.1", "use 0.5 to 60"),
    "recordings.boots": ("1.5", "use a whole number, 1 or more"),
    "create.cpus": ("999", "use a whole number from 1 to 255"),
    "create.memory": ("8Q", "use a size of at least 1M, such as"),
    "create.disk_size": ("40", "use a whole number with a unit"),
    "create.user_data": ("seed.yaml", "begin it with / or ~/"),
    "create.digest": ("md5:12", "use sha256:"),
}


async def test_what_is_wrong_is_said_beside_the_field_and_not_saved(workspace: Workspace) -> None:
    path = config_of(workspace, TEXT)
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        for setting, (text, words) in WRONG.items():
            before = field(app, setting).value
            field(app, setting).value = text
            await until(lambda: note(app, setting).startswith("✗"), what="the complaint")  # noqa: B023 - awaited here
            assert words in note(app, setting)
            field(app, "stop.terminate").focus()
            await pilot.press("enter")
            await until(lambda: app.focused is field(app, setting), what="the focus")  # noqa: B023
            assert path.read_text() == TEXT
            field(app, setting).value = before
            await until(lambda: "✗" not in note(app, setting), what="the complaint to go")  # noqa: B023
        field(app, "stop.terminate").focus()
        await pilot.press("5", "enter")
        await closed(app)
    assert path.read_text() == TEXT.replace("kill = 3\n", "kill = 3\nterminate = 5\n")


async def test_an_image_from_a_url_wants_its_digest(workspace: Workspace) -> None:
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        field(app, "create.image").value = "https://example.org/x.qcow2"
        await until(lambda: note(app, "create.digest").startswith("✗ an image from a URL"), what="the complaint")
        await pilot.press("escape")
        await closed(app)
    assert not config_of(workspace).exists()


async def test_what_somebody_else_changed_is_not_overwritten(workspace: Workspace) -> None:
    path = config_of(workspace, TEXT)
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        path.write_text("[stop]\nkill = 7\n")
        field(app, "stop.terminate").focus()
        await pilot.press("5", "enter")
        await until(lambda: "changed by another program" in text_of(app, "#settings-head"), what="the error")
        assert field(app, "stop.terminate").value == "5"
        await pilot.press("escape")
        await closed(app)
    assert path.read_text() == "[stop]\nkill = 7\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[stop]\n\nkill = 'x'\n", "line 3: invalid number of seconds 'x' for 'kill'"),
        ("[keys]\nvm.start = 'x'\n", "line 2: the key 'x' for vm.start"),
    ],
)
async def test_a_file_that_is_wrong_is_not_opened(workspace: Workspace, text: str, words: str) -> None:
    path = config_of(workspace, text)
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f2")
        await until(lambda: toasts(app), what="the error")
        assert words in toasts(app)[-1]
        assert isinstance(app.screen, Dashboard)
        await pilot.pause()
    assert path.read_text() == text


async def test_themes_are_shown_while_one_chooses_and_brought_back(workspace: Workspace) -> None:
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        themes = sorted(app.available_themes)
        place = themes.index("tokyo-night")
        await pilot.press("enter", "up")
        await until(lambda: app.theme == themes[place - 1], what="the theme above")
        await pilot.press("up", "escape")
        await until(lambda: app.theme == "tokyo-night", what="the theme chosen before")
        assert isinstance(app.screen, SettingsDialog)
        await pilot.press("enter", "up", "enter")
        await until(lambda: app.screen.query_one(Select).value == themes[place - 1], what="the choice")
        assert app.theme == themes[place - 1]
        await pilot.press("escape")
        await closed(app)
        await until(lambda: app.theme == "tokyo-night", what="the theme before all that")
    assert not config_of(workspace).exists()


async def choose_in_palette(app: PodplaneApp, pilot: Pilot[None], name: str) -> None:
    app.search_themes()
    await pilot.pause()
    await pilot.press(*name)
    await until(lambda: any(name in line for line in painted(app)[4:]), what="the theme in the palette")
    await pilot.press("down", "enter")
    await until(lambda: app.theme == name, what="the theme")


async def test_a_theme_chosen_in_the_palette_is_kept(workspace: Workspace) -> None:
    path = config_of(workspace, TEXT)
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await choose_in_palette(app, pilot, "gruvbox")
        await until(lambda: path.read_text() != TEXT, what="the file")
        assert path.read_text() == f'{TEXT}\n[dashboard]\ntheme = "gruvbox"\n'
        path.write_text("[stop")
        await choose_in_palette(app, pilot, "dracula")
        await until(lambda: toasts(app), what="the error")
        assert toasts(app)[-1].startswith("The theme was not kept: ")
    assert path.read_text() == "[stop"


async def test_a_theme_tried_in_the_demo_is_not_kept(workspace: Workspace) -> None:
    path = config_of(workspace, TEXT)
    app = make_app(workspace, keep_theme=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await choose_in_palette(app, pilot, "gruvbox")
        await pilot.pause()
    assert path.read_text() == TEXT


async def test_the_settings_stand_in_the_palette(workspace: Workspace) -> None:
    app = make_app(workspace, keys={"app.settings": "f7"})
    async with app.run_test(size=(80, 24)) as pilot:
        commands = {command.title: command.words for command in PaletteCommands(app.screen).commands()}
        assert commands["Settings"].endswith("· f7")
        await pilot.press("f2", "f7")
        await until(lambda: isinstance(app.screen, SettingsDialog), what="the settings")


async def test_options_of_ssh_are_shown_and_survive(workspace: Workspace) -> None:
    options = "[ssh]\noptions = ['serveraliveinterval=15', 'LocalForward=8080 127.0.0.1:80']\n"
    path = config_of(workspace, options)
    app = make_app(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        shown = text_of(app, "#settings-ssh").splitlines()
        assert shown[:2] == ["ServerAliveInterval=15", "LocalForward=8080 127.0.0.1:80"]
        field(app, "stop.kill").value = "4"
        field(app, "stop.kill").focus()
        await pilot.press("enter")
        await closed(app)
    assert path.read_text() == f"{options}\n[stop]\nkill = 4\n"
