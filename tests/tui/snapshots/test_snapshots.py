"""Every screen as a picture, at the smallest usable size and at an ordinary one.

After a change that is meant to be seen: `make snapshots`, look at what git says has changed, and commit it.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList

from podplane_tui.backend.config.editor import ConfigFile, Value
from podplane_tui.backend.config.model import Config
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.sync.copy import SyncPreview
from podplane_tui.backend.sync.output import Change, ChangeKind
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.disk import Snapshot as DiskSnapshot
from podplane_tui.backend.vm.remembered import ClusterSettings
from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.keys.keymap import KeyLine
from podplane_tui.tui.screens.create import CreateDialog
from podplane_tui.tui.screens.delete import DeleteDialog, DoomedFile
from podplane_tui.tui.screens.preview import PreviewDialog
from podplane_tui.tui.screens.save import SaveDialog
from podplane_tui.tui.screens.settings import SettingsDialog
from podplane_tui.tui.screens.start import StartDialog
from podplane_tui.tui.screens.sync import SyncDialog
from podplane_tui.tui.screens.vm_settings import MachineDialog, SnapshotDialog
from podplane_tui.tui.state.events import Event, Level
from podplane_tui.tui.state.jobs import Job, Outcome, Step
from podplane_tui.tui.widgets.boot.panel import BootPanel
from tests.tui.snapshots.frozen import DATA, FEW, MANY, NOW, make_app, stop_time
from tests.tui.support import console_made, dashboard, settled
from tests.waiting import until

pytestmark = pytest.mark.slow

Prepare = Callable[[Pilot[None], PodplaneApp], Awaitable[None]]


_COPIES = (
    SyncRequest("/home/demo/web/", "/srv/web", excludes=("*.pyc", "node_modules"), delete=True),
    SyncRequest("/home/demo/notes.txt", "/root/", chown="root:root"),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is on the screen."""

    name: str
    prepare: Prepare
    vms: tuple[VMStatus, ...] = FEW
    select: str = "archive"


async def replayed(app: PodplaneApp) -> None:
    """Wait until the console's recording is shown to its end."""

    panel = await console_made(app)

    def shown() -> bool:
        view = panel.view
        return view is not None and view.source is None and bool(view.terminal.scrolled_off)

    await until(shown, what="the end of the recording")


async def console(_pilot: Pilot[None], app: PodplaneApp) -> None:
    await replayed(app)


async def marked(pilot: Pilot[None], app: PodplaneApp) -> None:
    await replayed(app)
    await pilot.press("space", "space", "greater_than_sign", "greater_than_sign")


async def boot(pilot: Pilot[None], app: PodplaneApp) -> None:
    await pilot.press("2")
    await until(lambda: dashboard(app).query_one(BootPanel).status, what="the boot")


async def details(pilot: Pilot[None], app: PodplaneApp) -> None:
    await pilot.press("4")
    await until(lambda: app.screen.query_one("#details OptionList", OptionList).option_count > 24, what="the details")


async def events(pilot: Pilot[None], app: PodplaneApp) -> None:
    steps = (Step(0.1, "making the seed"), Step(0.4, "starting QEMU"))
    app.jobs = (
        Job(1, Verb.START, "default.amd64", "default", 0.0, NOW - 60, steps, outcome=Outcome.DONE, ended=2.0),
        Job(
            2,
            Verb.START,
            "web.amd64",
            "web",
            0.0,
            NOW - 30,
            steps[:1],
            outcome=Outcome.FAILED,
            message="port 2222 is taken",
            ended=1.0,
        ),
    )
    app.events = (Event("crashed was running, is crashed: QEMU is gone", Level.BAD, NOW - 40, 1),)
    await pilot.press("e")


async def help_screen(pilot: Pilot[None], _app: PodplaneApp) -> None:
    await pilot.press("question_mark")


async def tour(pilot: Pilot[None], _app: PodplaneApp) -> None:
    await pilot.press("f1")


async def columns(pilot: Pilot[None], _app: PodplaneApp) -> None:
    await pilot.press("C")


async def send(pilot: Pilot[None], _app: PodplaneApp) -> None:
    await pilot.press("K")


async def stop_many(pilot: Pilot[None], app: PodplaneApp) -> None:
    await pilot.press("asterisk", "x")
    await until(lambda: len(app.screen_stack) > 1, what="the question")


async def delete(_pilot: Pilot[None], app: PodplaneApp) -> None:
    files = [
        DoomedFile(DATA / "vms" / "podplane-local-archive.amd64.image.qcow2", 3 * 2**30),
        DoomedFile(DATA / "local" / "archive", 5000, "/"),
    ]
    app.push_screen(DeleteDialog(title="Delete archive?", files=files))


async def create(_pilot: Pilot[None], app: PodplaneApp) -> None:
    app.push_screen(CreateDialog(taken=frozenset({"default"}), cached=("debian-13-knc",)))


async def machine(_pilot: Pilot[None], app: PodplaneApp) -> None:
    settings = ClusterSettings(cpus="4", user_data="/home/demo/web/user-data.yaml")
    app.push_screen(MachineDialog(name="web", settings=settings, running=True, disk="128.0 GiB"))


async def snapshots(_pilot: Pilot[None], app: PodplaneApp) -> None:
    taken = (DiskSnapshot("clean", NOW - 90_000), DiskSnapshot("before-upgrade", NOW - 600))
    app.push_screen(SnapshotDialog(name="archive", snapshots=taken))


async def start(_pilot: Pilot[None], app: PodplaneApp) -> None:
    app.push_screen(StartDialog(name="default", installed=True))


async def save(_pilot: Pilot[None], app: PodplaneApp) -> None:
    app.push_screen(SaveDialog(name="web", path=Path("/home/demo/web.log"), recorded=True))


async def sync(_pilot: Pilot[None], app: PodplaneApp) -> None:
    app.push_screen(SyncDialog(name="web", recent=_COPIES, start=None, watch=False))


async def preview(_pilot: Pilot[None], app: PodplaneApp) -> None:
    found = SyncPreview(
        changes=(Change(ChangeKind.CHANGED, "src/app.py"), Change(ChangeKind.NEW, "src/new [bold].py")),
        deletions=(Change(ChangeKind.DELETED, "src/gone.py"),),
        counts=Counter({ChangeKind.CHANGED: 1, ChangeKind.NEW: 1, ChangeKind.DELETED: 1}),
    )
    app.push_screen(PreviewDialog(name="web", look=lambda _control: found))
    await until(
        lambda: any(not button.disabled for button in app.screen.query("#accept").results(Button)), what="the preview"
    )


async def filtered(pilot: Pilot[None], _app: PodplaneApp) -> None:
    await pilot.press("slash", *"!state:running", "enter")


async def settings(pilot: Pilot[None], app: PodplaneApp) -> None:
    said: dict[str, Value] = {"stop.powerdown": 30, "create.memory": "8G", "create.cpus": 4}
    file = ConfigFile(Path("/srv/demo/config/podplane-tui/config.toml"), b"", Config(), said)
    keys = [KeyLine("vm.start", "z F5", "s", "Start the selected VM")]
    app.push_screen(SettingsDialog(file, themes=app.available_themes, theme=app.theme, keys=keys))
    await settled(pilot)
    await pilot.press("tab", "tab", "tab", *"soon")


async def themes(pilot: Pilot[None], app: PodplaneApp) -> None:
    file = ConfigFile(Path("/srv/demo/config/podplane-tui/config.toml"))
    app.push_screen(SettingsDialog(file, themes=app.available_themes, theme=app.theme, keys=[]))
    await settled(pilot)
    await pilot.press("enter", "up", "up", "up")


async def nothing(_pilot: Pilot[None], app: PodplaneApp) -> None:
    await until(lambda: app.vms == (), what="the empty list")


SCENES = (
    Scene("console", console),
    Scene("marked", marked),
    Scene("boot", boot),
    Scene("details", details, select="crashed"),
    Scene("events", events, select="broken"),
    Scene("help", help_screen, select="broken"),
    Scene("tour", tour, select="broken"),
    Scene("columns", columns, select="broken"),
    Scene("send", send, select="default"),
    Scene("stop-many", stop_many, select="broken"),
    Scene("delete", delete, select="broken"),
    Scene("create", create, select="broken"),
    Scene("machine", machine, select="broken"),
    Scene("snapshots", snapshots, select="broken"),
    Scene("start", start, select="broken"),
    Scene("save", save, select="broken"),
    Scene("sync", sync, select="broken"),
    Scene("preview", preview, select="broken"),
    Scene("filtered", filtered, select="broken"),
    Scene("settings", settings, select="broken"),
    Scene("themes", themes, select="broken"),
    Scene("empty", nothing, vms=()),
    Scene("sixty", console, vms=MANY, select="node-00"),
)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_screen(
    scene: Scene,
    size: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    snap_compare: Callable[..., bool],
) -> None:
    stop_time(monkeypatch)
    app = make_app(tmp_path / "state", scene.vms, select=scene.select)

    async def prepare(pilot: Pilot[None]) -> None:
        app.theme = "tokyo-night"
        await settled(pilot)
        await scene.prepare(pilot, app)
        await settled(pilot)
        for field in app.screen.query(Input):
            field.cursor_blink = False  # it goes by a clock of its own
        await settled(pilot)

    assert snap_compare(app, terminal_size=size, run_before=prepare)
