"""What the dashboard's tests share: disks, an app on a workspace, waiting for conditions."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from podplane_tui.backend.config.model import Config, CreateDefaults, DashboardSettings
from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.widgets.console.panel import ConsolePanel
from podplane_tui.tui.widgets.details.panel import DetailsPanel
from tests.conftest import Workspace
from tests.waiting import until

_POSTED_IN_TURN = 8
"""How many messages may follow from one another: a key's, an action's, a dialog's, its widgets' mounting."""

SIZES = [(80, 24), pytest.param((120, 40), marks=pytest.mark.slow)]
at_each_size = pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))


def files_of(workspace: Workspace, cluster_id: str, arch: str = "amd64") -> VMFiles:
    """Where a machine's files are."""
    return VMFiles(arch, cluster_id, workspace.data, workspace.runtime)


def make_disk(workspace: Workspace, cluster_id: str, arch: str = "amd64") -> Path:
    """A real, empty qcow2 disk of 128G, as `create` makes it."""
    image = files_of(workspace, cluster_id, arch).image
    image.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "128G"], check=True)
    return image


def make_app(
    workspace: Workspace,
    *,
    select: str | None = None,
    message: str = "",
    welcome: bool = False,
    settings: DashboardSettings | None = None,
    keys: Mapping[str, str] | None = None,
    create: CreateDefaults | None = None,
    stop_timeouts: StopTimeouts | None = StopTimeouts(powerdown=0),  # noqa: B008 - frozen
    keep_theme: bool = True,
    theme: str = "",
) -> PodplaneApp:
    """The real app on the workspace; a stop gives the guest no time, for there is none that listens."""
    return PodplaneApp(
        workspace.data,
        workspace.runtime,
        "amd64",
        config=Config(create=create or CreateDefaults(), dashboard=settings or DashboardSettings(), keys=keys or {}),
        config_path=workspace.root / "config" / "podplane-tui" / "config.toml",
        stop_timeouts=stop_timeouts,
        keep_theme=keep_theme,
        theme=theme,
        select=select,
        message=message,
        welcome=welcome,
        state_dir=workspace.root / "state" / "podplane-tui",
    )


def app_of(pilot: Pilot[None]) -> PodplaneApp:
    """The app that this pilot steers."""
    assert isinstance(pilot.app, PodplaneApp)
    return pilot.app


def dashboard(app: PodplaneApp) -> Dashboard:
    """The app's main screen, whatever lies above it."""
    screen = app.screen_stack[0]
    assert isinstance(screen, Dashboard)
    return screen


async def console_made(app: PodplaneApp) -> ConsolePanel:
    """The console's panel, which is made once the list is painted."""
    await until(lambda: dashboard(app).query(ConsolePanel), what="the console's panel")
    return dashboard(app).query_one(ConsolePanel)


async def listed(app: PodplaneApp, *cluster_ids: str) -> None:
    """Wait until exactly these clusters are known, and the panel below is there, too."""
    await until(
        lambda: app.vms is not None and [vm.cluster_id for vm in app.vms] == sorted(cluster_ids),
        what=f"the list {cluster_ids}",
    )
    await until(lambda: dashboard(app).tabs.panel is not None, what="the first panel")


async def settled(pilot: Pilot[None]) -> None:
    """Let everything that was posted be handled, with what is posted for it in turn, and be painted.

    Textual's own pause ends when the process does little, which one does that gets no processor.
    """
    for _ in range(_POSTED_IN_TURN):
        await pilot._wait_for_screen()
    await pilot.pause()
    await pilot.pause()


async def click(pilot: Pilot[None], selector: str) -> None:
    """Click on a widget of the topmost screen, once it has its place there."""
    await until(lambda: pilot.app.screen.query(selector), what=selector)
    await settled(pilot)
    widget = pilot.app.screen.query_one(selector)
    await until(lambda: pilot.app.screen.get_widget_at(*widget.region.offset)[0] is widget, what=f"{selector} in view")
    assert await pilot.click(widget)


def painted(app: PodplaneApp) -> list[str]:
    """The screen as text, one string per line."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    return [line.text.ljust(width) for line in lines[:height]]


def text_of(app: PodplaneApp, selector: str) -> str:
    """The plain text of a `Static` on the topmost screen."""
    return str(app.screen.query_one(selector, Static).visual)


def toasts(app: PodplaneApp) -> list[str]:
    """The messages of the toasts in view."""
    return [notification.message for notification in app._notifications]


def screen_text(pilot: Pilot[None]) -> str:
    """The screen as one text."""
    return "\n".join(painted(app_of(pilot)))


async def details_shown(app: PodplaneApp) -> None:
    """Wait until the panel of the details has found the files."""
    await until(lambda: app.screen.query(DetailsPanel), what="the panel")
    await until(lambda: app.screen.query_one("#details", DetailsPanel).files, what="the files")
