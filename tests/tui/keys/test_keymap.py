"""What the configuration says of themes and keys: held against what there is, and in force."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.widgets import Footer, Input
from textual.widgets._footer import FooterKey

from podplane_tui.backend.config.model import read_config
from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.tui.keys.keymap import check
from podplane_tui.tui.screens.dashboard_keys import key_sections
from podplane_tui.tui.theme import THEMES
from tests.conftest import Workspace
from tests.tui.support import (
    dashboard,
    listed,
    make_app,
    make_disk,
    settled,
)
from tests.waiting import until

NAMES = {"nord", "tokyo-night", *(theme.name for theme in THEMES)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[dashboard]\ntheme = 'podplane-light'\n",
        "[keys]\nvm.start = 'z'\n",
        "[keys]\nvm.start = 'x'\nvm.stop = 's'\n",  # each takes the other's
        "[keys]\nvm.start = 's,f5'\nlist.down = 'down, ctrl+n'\nconsole.find = '&'\n",
        "[keys]\ntour.next = 's'\n",  # a dialog's keys are in force alone
        "[keys]\nview.enter = 'enter'\n",  # as it is anyway
    ],
)
def test_what_makes_sense_passes(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    check(read_config(path), NAMES)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            "[dashboard]\ntheme = 'nrod'\n",
            2,
            "there is no theme 'nrod'; use one of nord, podplane-dark",
        ),
        ("[keys]\nvm.start = 'z'\nvm.strat = 'z'\n", 3, "no binding has the id 'vm.strat'; use an id such as vm.start"),
        ("[keys]\nfrobnicate = 'z'\n", 2, "vm.delete"),
        ("[keys]\nvm.start = 'Ctrl+x'\n", 2, "invalid key 'Ctrl+x' for vm.start"),
        ("[keys]\nvm.start = 'bananas'\n", 2, "invalid key 'bananas' for vm.start"),
        ("[keys]\nvm.start = ''\n", 2, "invalid key '' for vm.start"),
        ("[keys]\n\nvm.start = 'x'\n", 3, "'x' for vm.start is already that of vm.stop"),
        ("[keys]\nvm.start = 'z'\nvm.stop = 'z'\n", 2, "'z' for vm.start is already that of vm.stop"),
        ("[keys]\nvm.start = 'j'\n", 2, "'j' for vm.start is already that of list.down"),
        ("[keys]\nvm.start = '/'\n", 2, "'slash' for vm.start is already that of view.filter"),
        ("[keys]\nsync.preview = 'escape'\n", 2, "is already that of dialog.cancel"),
    ],
)
def test_what_does_not_is_said_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=re.escape(words)) as caught:
        check(read_config(path), NAMES)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
async def test_changed_keys_act_and_are_shown(workspace: Workspace) -> None:
    make_disk(workspace, "one")
    make_disk(workspace, "two")
    keys = {"vm.create": "f6", "view.filter": "z", "list.down": "down,ctrl+n", "terminal.stop_typing": "f12"}
    app = make_app(workspace, keys=keys)
    async with app.run_test(size=(120, 30)) as pilot:
        await listed(app, "one", "two")
        await until(lambda: dashboard(app).table.selected == "one.amd64", what="the first VM")
        await pilot.press("j")
        assert dashboard(app).table.selected == "one.amd64"
        await pilot.press("ctrl+n")
        await until(lambda: dashboard(app).table.selected == "two.amd64", what="the second VM")
        told = {line.words: line.keys for _, lines in key_sections(dashboard(app), {}) for line in lines}
        assert told["Narrow the list of VMs"] == "z"
        assert told["Next VM"] == "↓ ^n"
        assert told["Stop typing"] == "f12"
        shown = {key.description: key.key_display for key in app.screen.query_one(Footer).query(FooterKey)}
        assert (shown["New"], shown["Filter"]) == ("f6", "z")
        await pilot.press("slash")
        await settled(pilot)
        assert type(app.focused).__name__ == "VMTable"
        await pilot.press("z")
        await until(lambda: type(app.focused).__name__ != "VMTable", what="the filter")
        await pilot.press("z")
        assert isinstance(app.focused, Input)
        assert app.focused.value == "z"  # a letter is text there, whatever it does elsewhere
