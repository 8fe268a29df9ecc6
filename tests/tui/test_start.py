"""The first moments: the list of machines comes first, and no key is lost that comes before the rest is there."""

import subprocess
import sys

import pytest
from textual import events

from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.screens.create import CreateDialog
from podplane_tui.tui.screens.help import HelpScreen
from podplane_tui.tui.widgets.boot.panel import BootPanel
from tests.conftest import Workspace
from tests.tui.support import dashboard, make_disk, painted, settled
from tests.waiting import until

pytestmark = pytest.mark.slow

LATER = [
    "podplane_tui.backend.boot.parser",
    "podplane_tui.backend.vm.cluster",
    "podplane_tui.backend.ssh.client",
    "podplane_tui.backend.sync.copy",
    "podplane_tui.terminal",
    "podplane_tui.tui.actions.dispatcher",
    "podplane_tui.tui.screens.dialog",
    "podplane_tui.tui.widgets.console.panel",
    "podplane_tui.tui.widgets.details.panel",
    "pycdlib",
    "paramiko",
    "pyte",
    "wcwidth",
]
"""What no first frame needs, and what would take as long as all the rest."""


class HastyApp(PodplaneApp):
    """Its user presses `keys` before there is anything to see."""

    keys: tuple[str, ...] = ()

    def on_mount(self) -> None:
        super().on_mount()
        for key in self.keys:
            self.post_message(events.Key(key, {"question_mark": "?", "slash": "/"}.get(key, key)))


def hasty(workspace: Workspace, *keys: str) -> HastyApp:
    make_disk(workspace, "alpha")
    app = HastyApp(workspace.data, workspace.runtime, "amd64", state_dir=workspace.root / "state" / "podplane-tui")
    app.keys = keys
    return app


def test_the_first_frame_needs_little() -> None:
    program = f"import podplane_tui.tui.app, sys; print(*(name for name in {LATER!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


@pytest.mark.usefixtures("require_qemu")
async def test_a_tab_chosen_before_the_first_frame(workspace: Workspace) -> None:
    app = hasty(workspace, "2")
    async with app.run_test(size=(80, 24)):
        await until(lambda: isinstance(dashboard(app).tabs.panel, BootPanel), what="the panel")
        assert dashboard(app).tabs.panel.display  # type: ignore[union-attr]
        await until(lambda: app.vms, what="the machine")


@pytest.mark.usefixtures("require_qemu")
async def test_help_before_the_first_frame_looks_as_ever(workspace: Workspace) -> None:
    app = hasty(workspace, "question_mark")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: isinstance(app.screen, HelpScreen), what="the help")
        await until(lambda: app.vms, what="the machine")
        await settled(pilot)
        before = painted(app)
        await pilot.press("escape", "question_mark")
        await settled(pilot)
        assert painted(app) == before, "the keys of a list without VMs, though there are some by now"
        assert before[0].count("─") > 60


@pytest.mark.usefixtures("require_qemu")
async def test_a_filter_before_the_first_frame(workspace: Workspace) -> None:
    app = hasty(workspace, "slash")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.focused is not None and app.focused.id == "filter", what="the field")
        await pilot.press("z")
        await until(lambda: dashboard(app).table.filter_text == "z", what="the filter")


@pytest.mark.usefixtures("require_qemu")
async def test_a_verb_before_the_first_frame(workspace: Workspace) -> None:
    app = hasty(workspace, "n")
    async with app.run_test(size=(80, 24)):
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
