"""The dashboard's side of the configuration: asked for in its screen, written into its file."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.app import App
from textual.theme import ThemeProvider

from podplane_tui.backend.config.editor import ConfigFile, change_config, open_config
from podplane_tui.backend.config.model import Config
from podplane_tui.tui.keys.keymap import KeyLine, check, key_lines
from podplane_tui.tui.messages import ThemeChosen
from podplane_tui.tui.screens.settings import THEME, SettingsDialog
from podplane_tui.tui.threads import AtExit, in_thread


async def ask_settings(app: App[None], path: Path) -> Config | None:
    """The configuration once it was changed in the settings screen; None when nothing is to change.

    Raises `VMError` when there is a file and it is wrong.
    """
    themes, theme = app.available_themes, app.theme

    def look() -> tuple[ConfigFile, list[KeyLine]]:
        file = open_config(path)
        check(file.config, themes)
        keys = file.config.keys  # what can be changed at all takes importing everything
        return file, [line for line in key_lines(keys) if line.id in keys] if keys else []

    file, keys = await in_thread(look, name="settings")
    changed = await app.push_screen_wait(SettingsDialog(file, themes=themes, theme=theme, keys=keys))
    if changed is None:
        app.theme = theme
        return None
    return changed.config


async def keep_theme(path: Path, name: str) -> None:
    """Write it into the file. Raises `VMError`."""

    def keep() -> None:
        change_config(open_config(path), {THEME: name})

    await in_thread(keep, name="theme", at_exit=AtExit.FINISH)


class Themes(ThemeProvider):
    """The palette's themes, which are kept when they are chosen."""

    @property
    def commands(self) -> list[tuple[str, Callable[[], None]]]:
        return [(name, partial(self._choose, name)) for name in sorted(self.app.available_themes)]

    def _choose(self, name: str) -> None:
        self.app.post_message(ThemeChosen(name))
