"""The dashboard on real virtual machines: started, typed into, paused, restarted, stopped and deleted by keys."""

import pytest
from textual.pilot import Pilot
from textual.widgets import Checkbox, Input

from podplane_tui.backend.config.model import Config
from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.status import State
from podplane_tui.backend.qemu.arguments import DirectBootOptions
from podplane_tui.backend.vm.start import StartSpec
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.screens.dialog import Question
from podplane_tui.tui.screens.save import SaveDialog
from podplane_tui.tui.screens.send import SendDialog
from podplane_tui.tui.widgets.console import states
from podplane_tui.tui.widgets.console.panel import ConsolePanel
from tests.conftest import Workspace
from tests.guest.tiny import TinyGuest
from tests.tui.support import (
    click,
    console_made,
    dashboard,
    files_of,
    listed,
    make_disk,
    painted,
    settled,
    text_of,
    toasts,
)
from tests.waiting import until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300)]

BOOT = 120.0
"""Seconds a guest may take on a loaded machine."""


def app_for(workspace: Workspace, guest: TinyGuest | None, *, powerdown: float = 60.0) -> PodplaneApp:
    boot = None
    if guest is not None:
        boot = DirectBootOptions(str(guest.kernel), str(guest.initramfs), guest.cmdline)
    return PodplaneApp(
        workspace.data,
        workspace.runtime,
        "amd64",
        config=Config(StopTimeouts(powerdown=powerdown, terminate=60)),
        start_spec=StartSpec(cpus="1", memory="256M", boot=boot, accelerator="tcg", network=False),
    )


def state_of(app: PodplaneApp) -> State | None:
    return app.vms[0].state if app.vms else None


def console(app: PodplaneApp) -> ConsolePanel:
    return dashboard(app).query_one(ConsolePanel)


def console_text(app: PodplaneApp) -> str:
    view = console(app).view
    return "\n".join(view.terminal.display) if view is not None else ""


async def confirm(pilot: Pilot[None]) -> None:
    """Answer the question that a key brings with its second button."""
    await until(lambda: isinstance(pilot.app.screen, Question), what="the question")
    await pilot.press("right", "enter")


async def ended(app: PodplaneApp, headline: str) -> None:
    await until(lambda: app.jobs and app.jobs[-1].headline == headline, what=headline, seconds=BOOT)


async def test_a_machine_from_start_to_delete(workspace: Workspace, tiny_guest: TinyGuest) -> None:
    make_disk(workspace, "default")
    app = app_for(workspace, tiny_guest)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "default")
        await settled(pilot)

        await pilot.press("s")
        await ended(app, "started default")
        await until(lambda: state_of(app) is State.RUNNING, what="a running machine", seconds=BOOT)
        await until(lambda: "root@" in console_text(app), what="the prompt", seconds=BOOT)
        await until(lambda: "● running" in "\n".join(painted(app)), what="the state in the list")

        await pilot.press("s")
        await until(lambda: toasts(app), what="a refusal")
        [said] = toasts(app)
        assert said.startswith("default is already running as process ")
        app.clear_notifications()
        await pilot.press("d")
        await until(lambda: toasts(app), what="a refusal")
        [said] = toasts(app)
        assert said.startswith("default is running as process ")
        assert said.endswith(": stop it first (x)")

        await pilot.press("c")
        await until(lambda: "TYPING INTO default" in "\n".join(painted(app)), what="typing")
        await pilot.press(*"echo $((6*7))", "enter")
        await until(lambda: "\n42" in console_text(app).replace(" ", ""), what="the guest's answer")
        await pilot.press(*"stty raw; echo rea''dy; dd bs=1 count=2 | hexdump -C; stty sane", "enter")
        await until(lambda: "\nready" in console_text(app), what="the guest to listen")
        await pilot.press("ctrl+q", "ctrl+p")
        await until(lambda: app.is_running and "11 10" in console_text(app), what="Ctrl-Q and Ctrl-P in the guest")
        await pilot.press("ctrl+right_square_bracket")
        await until(lambda: "TYPING" not in "\n".join(painted(app)), what="the end of typing")

        await pilot.press("P")
        await until(lambda: state_of(app) is State.PAUSED, what="a paused machine", seconds=BOOT)
        await pilot.press("P")
        await until(lambda: state_of(app) is State.RUNNING, what="a running machine", seconds=BOOT)

        assert app.vms
        first = app.vms[0].pid
        await pilot.press("r")
        await confirm(pilot)
        await ended(app, "restarted default")
        await until(lambda: app.vms and app.vms[0].pid not in {None, first}, what="a new process")
        await until(lambda: " started " in console_text(app), what="the new run's console")
        await until(lambda: "root@" in console_text(app).split(" started ")[-1], what="its prompt", seconds=BOOT)

        await pilot.press("x")
        await until(lambda: isinstance(app.screen, Question), what="the question")
        await pilot.press("enter")
        await settled(pilot)
        assert state_of(app) is State.RUNNING
        await pilot.press("x")
        await confirm(pilot)
        await ended(app, "stopped default")
        assert "powered off" in app.jobs[-1].message
        await until(lambda: state_of(app) is State.STOPPED, what="a stopped machine")
        await until(lambda: "default is stopped" in text_of(app, "#console-notice"), what="why there is no console")

        await pilot.press("d")
        await until(lambda: app.screen.query("#delete-list"), what="the dialog")
        await pilot.press("right", "enter")
        await listed(app)
        assert list(workspace.data.glob("vms/*")) == []
        assert list(workspace.runtime.glob("vms/*")) == []
    assert workspace.qemu_processes() == []


@pytest.mark.usefixtures("require_qemu")
async def test_a_second_press_of_x_skips_ahead(workspace: Workspace) -> None:
    """Firmware without a system ignores the power button, for longer than the test may take."""
    make_disk(workspace, "default")
    app = app_for(workspace, None, powerdown=600)
    async with app.run_test(size=(120, 40)) as pilot:
        await listed(app, "default")
        await pilot.press("s")
        await ended(app, "started default")
        await until(lambda: state_of(app) is State.RUNNING, what="a running machine", seconds=BOOT)
        await pilot.press("x")
        await confirm(pilot)
        await until(lambda: "power off" in app.jobs[-1].step, what="the wait for the guest", seconds=BOOT)
        await pilot.press("r")
        await until(lambda: toasts(app), what="a refusal")
        assert "default is busy: stopping default" in toasts(app)[-1]
        await until(lambda: state_of(app) is State.STOPPING, what="the state")
        await pilot.press("x")
        await ended(app, "stopped default")
        assert "SIGTERM" in app.jobs[-1].message


@pytest.mark.usefixtures("require_qemu")
async def test_two_dashboards_and_one_console(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both watch; one types, the other one asks, is heard, and types then."""
    monkeypatch.setattr(states, "IDLE", 600.0)  # on a loaded machine the boot takes longer
    make_disk(workspace, "default")
    first, second = app_for(workspace, None), app_for(workspace, None)
    async with first.run_test(size=(80, 24)) as pilot:
        await listed(first, "default")
        await pilot.press("s")
        await until(lambda: console(first).status == "live", what="the console", seconds=BOOT)
        await pilot.press("c")
        await until(lambda: console(first).connected, what="the console in hand", seconds=BOOT)
        async with second.run_test(size=(80, 24)) as other:
            await console_made(second)
            await until(lambda: console(second).status.startswith("live, held by the dashboard"), what="who holds it")
            await until(lambda: "Shell>" in console_text(second), what="the shell", seconds=BOOT)
            await until(lambda: "Shell>" in console_text(first), what="the same in the first", seconds=BOOT)
            await other.press("c")
            await until(lambda: "holds this console" in str(toasts(second)), what="the refusal")
            await other.press("c")
            await until(lambda: "asks for the console" in str(toasts(first)), what="the request")
            assert console(first).typing
            await pilot.press("ctrl+right_square_bracket")
            await until(lambda: console(second).typing and console(second).connected, what="the console", seconds=BOOT)
            await other.press(*"ver", "enter")
            for app in (first, second):
                await until(lambda app=app: "UEFI Interactive" in console_text(app), what="the answer", seconds=BOOT)  # type: ignore[misc]
            await until(lambda: console(first).status.startswith("live, held by"), what="who holds it now")
        await until(lambda: console(first).status == "live", what="the end of the other")


@pytest.mark.usefixtures("require_qemu")
async def test_a_start_that_fails_says_why(workspace: Workspace) -> None:
    make_disk(workspace, "default")
    app = PodplaneApp(
        workspace.data, workspace.runtime, "amd64", start_spec=StartSpec(memory="nonsense", accelerator="tcg")
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await listed(app, "default")
        await pilot.press("s")
        await ended(app, "start default failed")
        assert "nonsense" in app.jobs[-1].message
        await until(lambda: state_of(app) is State.STOPPED, what="the state after it")


@pytest.mark.usefixtures("require_qemu")
async def test_quitting_leaves_the_machine_running(workspace: Workspace) -> None:
    make_disk(workspace, "default")
    app = app_for(workspace, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "default")
        await pilot.press("s")
        await until(lambda: state_of(app) is State.RUNNING, what="a running machine", seconds=BOOT)
        await pilot.press("q")
    assert len(workspace.qemu_processes()) == 1


async def test_sync_into_a_guest(workspace: Workspace, tiny_ssh_guest: TinyGuest) -> None:
    guest = tiny_ssh_guest
    make_disk(workspace, "default")
    boot = DirectBootOptions(str(guest.kernel), str(guest.initramfs), guest.cmdline)
    app = PodplaneApp(
        workspace.data,
        workspace.runtime,
        "amd64",
        config=Config(StopTimeouts(powerdown=0)),
        start_spec=StartSpec(cpus="1", memory="256M", boot=boot, accelerator="tcg"),
    )
    source = workspace.root / "tree"
    source.mkdir()
    (source / "a file").write_text("content of it")
    (source / "left.out").write_text("never")
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "default")
        await pilot.press("s")
        await until(lambda: "root@" in console_text(app), what="a prompt", seconds=BOOT)
        await pilot.press("y")
        await until(lambda: app.screen.query("#sync-source"), what="the dialog")
        await pilot.press("enter")
        assert text_of(app, "#sync-error") == "Say what to copy."
        app.screen.query_one("#sync-source", Input).value = f"{source}/"
        app.screen.query_one("#sync-destination", Input).value = "/tmp/copied"
        app.screen.query_one("#sync-excludes", Input).value = "*.out"
        await pilot.press("enter")
        await until(lambda: app.jobs[-1].verb == "sync" and not app.jobs[-1].active, what="the sync", seconds=BOOT)
        assert app.jobs[-1].headline == "synced default", app.jobs[-1].message
        cluster = app.actions.workshop.cluster("default", "amd64")
        assert cluster.shell(["ls", "/tmp/copied"]) == b"a file\n"

        await pilot.press("y")
        await until(lambda: app.screen.query("#sync-recent"), what="the dialog")
        await settled(pilot)
        assert app.screen.query_one("#sync-destination", Input).value == "/tmp/copied"

        (source / "a file").rename(source / "new [red]name[|]")
        app.screen.query_one("#sync-delete", Checkbox).value = True
        await pilot.press("enter")  # among the latest copies: that one, as it was, which deletes nothing
        await until(lambda: len(app.jobs) == 3 and not app.jobs[-1].active, what="the sync", seconds=BOOT)
        assert cluster.shell(["ls", "/tmp/copied"]) == b"a file\nnew [red]name[|]\n"

        await pilot.press("y")
        await until(lambda: app.screen.query("#sync-recent"), what="the dialog")
        await settled(pilot)
        app.screen.query_one("#sync-delete", Checkbox).value = True
        await click(pilot, "#accept")
        await until(lambda: "1 path deleted" in text_of(app, "#preview-sum"), what="the preview", seconds=BOOT)
        assert "- a file" in text_of(app, "#preview-text")
        assert cluster.shell(["ls", "/tmp/copied"]) == b"a file\nnew [red]name[|]\n"
        await pilot.press("right", "enter")
        await until(lambda: len(app.jobs) == 4 and not app.jobs[-1].active, what="the sync", seconds=BOOT)
        assert cluster.shell(["ls", "/tmp/copied"]) == b"new [red]name[|]\n"
        assert cluster.files.sync_log.read_text().count("Z done\n") == 3

        await pilot.press("W")
        await until(lambda: app.screen.query("#sync-watch"), what="the dialog")
        await settled(pilot)
        app.screen.query_one("#sync-delete", Checkbox).value = False
        await click(pilot, "#accept")
        await until(lambda: "up to date" in app.jobs[-1].step, what="the watch", seconds=BOOT)
        assert app.jobs[-1].headline == f"watching {source}/ → default:/tmp/copied"
        await until(lambda: any("default ⟳" in line for line in painted(app)), what="the sign in the row")
        (source / "watched").write_text("x")
        await until(lambda: "watched" in [step.text for step in app.jobs[-1].steps], what="the push", seconds=BOOT)
        await pilot.press("W")
        await until(lambda: not app.jobs[-1].active, what="the end of the watch")
        await until(lambda: not any("⟳" in line for line in painted(app)), what="the sign to go")
        assert cluster.shell(["ls", "/tmp/copied"]) == b"new [red]name[|]\nwatched\n"


@pytest.mark.usefixtures("require_qemu")
async def test_an_orphan_is_adopted_and_a_crash_cleared(workspace: Workspace) -> None:
    make_disk(workspace, "default")
    files = files_of(workspace, "default")
    app = app_for(workspace, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "default")
        await pilot.press("s")
        await until(lambda: state_of(app) is State.RUNNING, what="a running machine", seconds=BOOT)
        await ended(app, "started default")
        (process,) = workspace.qemu_processes()

        await pilot.press("R")
        await confirm(pilot)
        await ended(app, "reset default")

        files.pid_file.unlink()
        await until(lambda: state_of(app) is State.ORPHANED, what="an orphan", seconds=BOOT)
        await pilot.press("exclamation_mark")
        await confirm(pilot)
        await ended(app, "repaired default")
        await until(lambda: state_of(app) is State.RUNNING, what="an adopted machine", seconds=BOOT)
        assert files.pid_file.exists()

        process.kill()
        await until(lambda: state_of(app) is State.CRASHED, what="a crash", seconds=BOOT)
        await pilot.press("exclamation_mark")
        await confirm(pilot)
        await until(lambda: state_of(app) is State.STOPPED, what="a clean machine", seconds=BOOT)
        assert files.image.exists()
        assert not files.pid_file.exists()


@pytest.mark.usefixtures("require_qemu")
async def test_a_job_can_be_given_up_among_the_events(workspace: Workspace) -> None:
    make_disk(workspace, "default")
    app = app_for(workspace, None, powerdown=600)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "default")
        await pilot.press("s")
        await ended(app, "started default")
        await until(lambda: state_of(app) is State.RUNNING, what="a running machine", seconds=BOOT)
        await pilot.press("x")
        await confirm(pilot)
        await until(lambda: "power off" in app.jobs[-1].step, what="the wait for the guest", seconds=BOOT)
        await pilot.press("e")
        await until(lambda: app.screen.query("#events-text"), what="the events")
        words = "waiting for the guest to power off"
        await until(lambda: words in text_of(app, "#events-text"), what=words)
        await pilot.press("X")
        await ended(app, "stop default cancelled")
        await until(lambda: state_of(app) is State.RUNNING, what="the machine still running")


async def test_a_console_is_saved_and_sent_what_no_key_sends(workspace: Workspace, tiny_guest: TinyGuest) -> None:
    make_disk(workspace, "default")
    app = app_for(workspace, tiny_guest)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "default")
        await pilot.press("s")
        await until(lambda: "root@" in console_text(app), what="a shell", seconds=BOOT)
        await until(lambda: state_of(app) is State.RUNNING, what="a running machine", seconds=BOOT)

        target = workspace.root / "console.txt"
        await pilot.press("ctrl+s")
        await until(lambda: isinstance(app.screen, SaveDialog), what="the dialog")
        app.screen.query_one("#save-path", Input).value = str(target)
        await pilot.press("enter")
        await until(lambda: any("saved the console" in event.text for event in app.events), what="the file")
        assert "root@" in target.read_text("utf-8")
        assert target.stat().st_mode & 0o777 == 0o600

        target.write_text("precious")
        await pilot.press("ctrl+s")
        await until(lambda: isinstance(app.screen, SaveDialog), what="the dialog")
        app.screen.query_one("#save-path", Input).value = str(target)
        await settled(pilot)
        await pilot.press("enter")
        await until(lambda: "exists" in text_of(app, "#save-error"), what="the warning")
        assert target.read_text() == "precious"
        await pilot.press("enter")
        await until(lambda: "root@" in target.read_text("utf-8"), what="the file anew")
        await until(lambda: isinstance(app.screen, Dashboard), what="the dashboard")

        await pilot.press("K")
        await until(lambda: isinstance(app.screen, SendDialog), what="the menu")
        await settled(pilot)
        await pilot.press("enter")  # the first: the size of the screen
        await until(lambda: "stty rows" in console_text(app), what="the command", seconds=BOOT)
        await pilot.press("ctrl+right_square_bracket")
        await until(lambda: not console(app).typing, what="the end of typing")
        await pilot.press("K")
        await until(lambda: isinstance(app.screen, SendDialog), what="the menu")
        await settled(pilot)
        await pilot.press("down", "enter")
        await until(lambda: any("sent Ctrl-Alt-Del" in event.text for event in app.events), what="the keys")
