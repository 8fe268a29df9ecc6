"""Directories with several machines, in a throw-away place with a neutral name."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from textual.pilot import Pilot

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.widgets.boot.panel import BootPanel
from podplane_tui.tui.widgets.console.panel import ConsolePanel
from podplane_tui.tui.widgets.shell_panel import ShellPanel
from podplane_tui.tui.widgets.terminal.view import TerminalView
from tests.debian.clusters import ALPHA_USER_DATA, BETA_USER_DATA, BOOT_LIMIT, Clusters
from tests.guest import debian
from tests.tui.support import dashboard
from tests.waiting import until

HOME = Path.home()
"""Of whoever makes the pictures; not to be seen on any."""

_PLACE = Path("/tmp/podplane-demo")
_IDLE = ("web-frontend", "batch")
_MACHINES = {"default": ALPHA_USER_DATA, "staging": BETA_USER_DATA}
"""Those that boot, and their user-data; in `staging` much fails."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The machines `default` and `staging`, which boot when first needed, and some that stay as they are."""

    clusters: Clusters

    async def start(self, cluster_id: str) -> None:
        """Start a machine unless it runs."""
        if not self.clusters.cluster(cluster_id).qemu.running():
            await asyncio.to_thread(self.clusters.start, cluster_id)

    async def booted(self, *cluster_ids: str) -> None:
        """Wait until the cloud-init of the machines has ended."""
        for cluster_id in cluster_ids:
            await self.start(cluster_id)
        for cluster_id in cluster_ids:
            await asyncio.to_thread(self.clusters.wait_for_console, cluster_id, b" finished at ")

    @asynccontextmanager
    async def app(self, size: tuple[int, int], select: str) -> AsyncIterator["Picture"]:
        """The app, once it has looked at everything twice: CPU figures are over the time between two looks."""
        app = PodplaneApp(
            self.clusters.data,
            self.clusters.runtime,
            "amd64",
            select=select,
            state_dir=self.clusters.state,
        )
        async with app.run_test(size=size) as pilot:
            await until(lambda: app.vms, what="the list", seconds=BOOT_LIMIT)
            first = app.vms
            if any(vm.live for vm in first or ()):
                await until(lambda: app.vms != first, what="a second look", seconds=BOOT_LIMIT)
            yield Picture(pilot, app)

    @asynccontextmanager
    async def booted_app(self, size: tuple[int, int], select: str) -> AsyncIterator["Picture"]:
        """The app with both machines that boot at the end of that."""
        await self.booted("default", "staging")
        async with self.app(size, select) as picture:
            yield picture


@dataclass(frozen=True, slots=True)
class Picture:
    """A running app, and what is in view of it."""

    pilot: Pilot[None]
    app: PodplaneApp

    @property
    def terminal(self) -> TerminalView | None:
        """The terminal in view: the console's, or a shell's."""
        screen = dashboard(self.app)
        shells = screen.query(ShellPanel)
        if shells and shells.first().display and shells.first().shell is not None:
            shell = shells.first().shell
            return None if shell is None else shell.view
        consoles = screen.query(ConsolePanel)
        return consoles.first().view if consoles else None

    @property
    def text(self) -> str:
        """What the terminal in view shows."""
        return "\n".join(self.terminal.terminal.display) if self.terminal is not None else ""

    async def said(self, *texts: str) -> None:
        """Wait until the terminal in view shows one of `texts`."""
        await until(
            lambda: any(text in self.text for text in texts), what=f"{texts} in the terminal", seconds=BOOT_LIMIT
        )

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)

    async def type_line(self, line: str) -> None:
        """Type into the terminal in view, as somebody would."""
        await self.pilot.press(*line, "enter")

    async def dialog(self, selector: str) -> None:
        """Wait for what a dialog shows."""
        await until(lambda: self.app.screen.query(selector), what=selector, seconds=BOOT_LIMIT)

    async def boot_shown(self) -> None:
        """Wait until the Boot tab has read the boot."""
        await until(lambda: dashboard(self.app).query_one(BootPanel).status, what="the boot", seconds=BOOT_LIMIT)

    def draw(self) -> str:
        """What is on the screen, as SVG; nothing of this machine's own is on it."""
        svg = self.app.export_screenshot(title="podplane-tui")
        for word in (str(HOME), str(Path(__file__).parents[2])):
            assert word not in svg, f"the picture shows {word}"
        return svg


@contextlib.contextmanager
def stage_set() -> Iterator[Stage]:
    """A stage; nothing of it is left afterwards."""
    guest = debian.build()
    talkative = replace(guest, cmdline=guest.cmdline.removesuffix(" quiet"))
    clusters = Clusters(_PLACE, talkative)
    _PLACE.mkdir(mode=0o700)
    before = dict(os.environ)
    os.environ.update(clusters.environment)
    try:
        clusters.lay_out_cache()
        for cluster_id, user_data in _MACHINES.items():
            clusters.give_user_data(cluster_id, user_data.replace("alpha", cluster_id))
            clusters.create(cluster_id)
            clusters.run("set", "--id", cluster_id, "--cpus", "2", "--memory", "1G")
        for cluster_id in _IDLE:
            clusters.create(cluster_id)
        broken = VMFiles("amd64", "lab", clusters.data, clusters.runtime)
        broken.image.write_bytes(b"not an image")
        yield Stage(clusters)
    finally:
        for cluster_id in _MACHINES:
            clusters.run("stop", "--id", cluster_id, "--force", check=False)
        shutil.rmtree(_PLACE)
        os.environ.clear()
        os.environ.update(before)
