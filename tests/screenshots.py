"""Make `screenshots/*.svg`: the real app on real virtual machines in a throw-away place with a neutral name.

python -m tests.screenshots [NAME…]
"""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from podplane_tui.backend.arguments import DirectBootOptions
from podplane_tui.backend.cluster import Cluster, StartSettings
from podplane_tui.backend.interface import StopTimeouts
from podplane_tui.backend.paths import VMFiles
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.widgets.console_panel import ConsolePanel
from tests.guest import tiny
from tests.tui.support import until

PLACE = Path("/tmp/podplane-demo")
OUTPUT = Path(__file__).parents[1] / "screenshots"
PATIENCE = 180.0

Scene = Callable[["Stage"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stage:
    """Directories with several machines, and the guest some of them boot."""

    data: Path
    runtime: Path
    boot: DirectBootOptions

    def cluster(self, cluster_id: str, arch: str = "amd64") -> Cluster:
        return Cluster(data_dir=self.data, runtime_dir=self.runtime, cluster_id=cluster_id, arch=arch)

    def settings(self, *, cmdline: str = "", firmware: bool = False, network: bool = True) -> StartSettings:
        boot = self.boot if not cmdline else DirectBootOptions(self.boot.kernel_path, self.boot.initrd_path, cmdline)
        return StartSettings("1", "256M", boot=None if firmware else boot, accelerator="tcg", network=network)

    @asynccontextmanager
    async def app(self, size: tuple[int, int], select: str) -> AsyncIterator[Pilot[None]]:
        app = PodplaneApp(self.data, self.runtime, "amd64", select=select)
        async with app.run_test(size=size) as pilot:
            await until(lambda: app.snapshots, what="the list", seconds=PATIENCE)
            # CPU figures are over the interval between two looks: let there be two of them.
            first = app.snapshots
            await until(lambda: app.snapshots != first, what="a second look", seconds=PATIENCE)
            yield pilot


def console_text(pilot: Pilot[None]) -> str:
    """What the console in view shows."""
    dashboard = pilot.app.screen_stack[0]
    assert isinstance(dashboard, Dashboard)
    view = dashboard.query_one(ConsolePanel).view
    return "\n".join(view.terminal.display) if view is not None else ""


async def said(pilot: Pilot[None], text: str) -> None:
    """Wait until the console shows `text`."""
    await until(lambda: text in console_text(pilot), what=f"{text!r} on the console", seconds=PATIENCE)


async def type_line(pilot: Pilot[None], line: str) -> None:
    """Type into the console."""
    await pilot.press(*line, "enter")


async def save(pilot: Pilot[None], name: str) -> None:
    """Write what is on the screen."""
    await pilot.pause(0.3)
    svg = pilot.app.export_screenshot(title="podplane-tui")
    for word in (str(Path.home()), str(Path(__file__).parents[1])):
        assert word not in svg, f"{name} shows {word}"
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / f"{name}.svg").write_text(svg, "utf-8")
    print(f"screenshots/{name}.svg")  # noqa: T201 - a command's output


async def dashboard(stage: Stage) -> None:
    """Several machines; typing into one of them."""
    async with stage.app((120, 36), "default") as pilot:
        await until(lambda: console_text(pilot), what="the console", seconds=PATIENCE)
        await pilot.press("c", "enter")
        await said(pilot, "root@")
        await type_line(pilot, "clear; uname -sr; uptime; free -m; df -h / 2>/dev/null | tail -1; ls --color /")
        await said(pilot, "sys")
        await pilot.press("ctrl+right_square_bracket")
        await save(pilot, "dashboard")


async def typing(stage: Stage) -> None:
    """The border while keys go to the guest."""
    async with stage.app((120, 36), "default") as pilot:
        await pilot.press("c", "enter")
        await said(pilot, "root@")
        await type_line(pilot, "clear; top -b -n1 | head -24")
        await said(pilot, "COMMAND")
        await save(pilot, "typing")


async def boot(stage: Stage) -> None:
    """The console while a Linux kernel boots."""
    async with stage.app((120, 40), "web-frontend") as pilot:
        await asyncio.to_thread(
            stage.cluster("web-frontend").start, stage.settings(cmdline="console=ttyS0", network=False)
        )
        await said(pilot, "Run /init")
        await save(pilot, "boot")


async def uefi(stage: Stage) -> None:
    """The UEFI Shell on an empty disk."""
    await asyncio.to_thread(stage.cluster("uefi").create, None)
    await asyncio.to_thread(stage.cluster("uefi").start, stage.settings(firmware=True, network=False))
    async with stage.app((100, 32), "uefi") as pilot:
        await said(pilot, "Shell>")
        await pilot.press("c")
        await type_line(pilot, "ver")
        await said(pilot, "UEFI v")
        await save(pilot, "uefi-shell")
    await asyncio.to_thread(stage.cluster("uefi").stop, timeouts=StopTimeouts(powerdown=0))
    cluster = stage.cluster("uefi")
    cluster.delete(cluster.delete_plan())


async def delete(stage: Stage) -> None:
    """The question before a delete."""
    async with stage.app((100, 30), "staging") as pilot:
        await pilot.press("d")
        await until(lambda: pilot.app.screen.query("#delete-list"), what="the dialog")
        await save(pilot, "delete")


async def details(stage: Stage) -> None:
    """Everything about one machine."""
    async with stage.app((120, 44), "default") as pilot:
        await pilot.press("4")
        await save(pilot, "details")


async def help_screen(stage: Stage) -> None:
    """All keys."""
    async with stage.app((100, 50), "default") as pilot:
        await pilot.press("question_mark")
        await save(pilot, "help")


async def events(stage: Stage) -> None:
    """A stop, step by step."""
    async with stage.app((100, 30), "web-frontend") as pilot:
        app = pilot.app
        assert isinstance(app, PodplaneApp)
        await pilot.press("x")
        await until(lambda: pilot.app.screen.query("#accept"), what="the question")
        await pilot.press("right", "enter")
        await until(lambda: app.jobs and not app.jobs[-1].active, what="the stop", seconds=PATIENCE)
        await pilot.press("e")
        await save(pilot, "events")


async def small(stage: Stage) -> None:
    """At 80 columns and 24 lines."""
    async with stage.app((80, 24), "default") as pilot:
        await pilot.press("c", "enter")
        await said(pilot, "root@")
        await pilot.press("ctrl+right_square_bracket")
        await save(pilot, "small")


async def wide(stage: Stage) -> None:
    """Side by side where there is room."""
    async with stage.app((200, 50), "default") as pilot:
        await pilot.press("c", "enter")
        await said(pilot, "root@")
        await type_line(pilot, "clear; dmesg | head -40")
        await said(pilot, "Command line")
        await pilot.press("ctrl+right_square_bracket")
        await save(pilot, "wide")


SCENES: dict[str, Scene] = {
    "dashboard": dashboard,
    "typing": typing,
    "boot": boot,
    "events": events,
    "uefi-shell": uefi,
    "delete": delete,
    "details": details,
    "help": help_screen,
    "small": small,
    "wide": wide,
}


@contextlib.contextmanager
def stage_set() -> Iterator[Stage]:
    """A stage with five machines; nothing of it is left afterwards."""
    PLACE.mkdir(mode=0o700)
    stage: Stage | None = None
    os.environ["XDG_STATE_HOME"] = str(PLACE / "state")
    try:
        guest = tiny.build(tiny.TINY)
        images = PLACE / "images"
        images.mkdir()
        kernel = shutil.copy(guest.kernel, images / "vmlinuz")
        initrd = shutil.copy(guest.initramfs, images / "initramfs.cpio")
        stage = Stage(PLACE / "data", PLACE / "run", DirectBootOptions(str(kernel), str(initrd), guest.cmdline))
        for cluster_id in ("default", "staging", "web-frontend"):
            stage.cluster(cluster_id).create(None)
        stage.cluster("edge", "arm64").create(None)
        broken = VMFiles("amd64", "lab", stage.data, stage.runtime)
        broken.image.write_bytes(b"not an image")
        stage.cluster("default").start(stage.settings())
        seed = VMFiles("amd64", "staging", stage.data, stage.runtime)
        seed.user_data.parent.mkdir(parents=True)
        seed.user_data.write_text("#cloud-config\nhostname: staging\n")
        seed.cluster_config.write_text("{}\n")
        stage.cluster("staging").start(stage.settings())
        stage.cluster("staging").stop(timeouts=StopTimeouts(powerdown=0))
        yield stage
    finally:
        if stage is not None:
            for cluster_id in ("default", "staging", "web-frontend", "uefi"):
                cluster = stage.cluster(cluster_id)
                if cluster.qemu.running():
                    cluster.stop(timeouts=StopTimeouts(powerdown=0))
        shutil.rmtree(PLACE)


def main() -> None:
    """Make all of them, or those named."""
    wanted = sys.argv[1:] or list(SCENES)
    with stage_set() as stage:
        for name in wanted:
            asyncio.run(asyncio.wait_for(SCENES[name](stage), 2 * PATIENCE))


if __name__ == "__main__":
    main()
