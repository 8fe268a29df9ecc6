"""What tests of dialogs share: an app with nothing but a dialog, and the backend's side of a VM."""

from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static

from podplane_tui.backend import Cluster
from podplane_tui.tui.screens.dialog import Dialog
from podplane_tui.tui.styles import stylesheets
from tests.conftest import Workspace
from tests.waiting import until


def cluster(workspace: Workspace, cluster_id: str = "dev") -> Cluster:
    return Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id=cluster_id, arch="amd64")


class DialogApp(App[None]):
    """Shows one dialog and keeps its answer."""

    CSS_PATH = stylesheets()  # type: ignore[assignment] # Textual takes any sequence

    def __init__(self, dialog: Callable[[], Dialog[Any]]) -> None:
        super().__init__()
        self._dialog = dialog
        self.answers: list[object] = []

    def on_mount(self) -> None:
        self.push_screen(self._dialog(), self.answers.append)


async def shown(pilot: Pilot[None]) -> None:
    await until(lambda: pilot.app.screen.query("#accept"), what="the dialog")
    await pilot.pause()


def shown_text(app: App[Any], selector: str) -> str:
    """The plain text of a `Static` on the topmost screen."""
    return str(app.screen.query_one(selector, Static).visual)
