"""podplane's part in the dashboard: its local server, and the start of clusters that it made."""

from pathlib import Path

import pytest
from textual.widgets import Log

from podplane_tui.backend import Cluster, Control, VMNotFound
from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.status import State
from podplane_tui.backend.vm.start import VM_ONLY_WARNING
from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.tui.actions.tasks import Workshop
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.screens.start import StartDialog
from podplane_tui.tui.state.jobs import Outcome
from podplane_tui.tui.widgets import server_panel
from podplane_tui.tui.widgets.summary import SummaryBar
from tests.conftest import Workspace
from tests.tui.support import (
    files_of,
    listed,
    make_app,
    make_disk,
    settled,
    text_of,
)
from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_panel, "LOOK_INTERVAL", 0.05)


def made_by_podplane(workspace: Workspace, cluster_id: str) -> None:
    make_disk(workspace, cluster_id)
    config = files_of(workspace, cluster_id).cluster_config
    config.parent.mkdir(parents=True)
    config.write_text("{}")


def state_of(app: PodplaneApp) -> State | None:
    return app.vms[0].state if app.vms else None


def server_in_summary(app: PodplaneApp) -> str:
    return app.screen.query_one(SummaryBar).server.plain


async def test_the_server_is_started_and_its_log_followed(workspace: Workspace, podplane: Path) -> None:
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app)
        await pilot.press("6")
        await until(lambda: "not running" in text_of(app, "#server-head"), what="what there is to say")
        await until(lambda: "there is none yet" in text_of(app, "#server-head"), what="that there is no log")
        assert server_in_summary(app) == ""
        await pilot.press("L")
        await until(lambda: app.local_server and app.local_server.running, what="the server")
        await until(lambda: "https 40443" in text_of(app, "#server-head"), what="its ports")
        log = app.screen.query_one(Log)
        await until(lambda: "listening on https://127.0.0.1:40443" in list(log.lines), what="its log, escapes gone")
        await until(lambda: server_in_summary(app) == "server up", what="the word in the summary")
        with (workspace.runtime / "local-server.log").open("a") as file:
            file.write("[bold]markup[/bold] \x1b]0;owned\x07\n")
        await until(lambda: "[bold]markup[/bold]" in list(log.lines), what="a new line as it is")


async def test_a_cluster_of_podplane_is_started_through_it(workspace: Workspace, podplane: Path) -> None:
    made_by_podplane(workspace, "a")
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "a")
        await pilot.press("s")
        await until(lambda: isinstance(app.screen, StartDialog), what="the question how")
        await settled(pilot)
        await pilot.press("enter")
        await until(lambda: app.jobs and app.jobs[-1].outcome, what="the end of the start")
        job = app.jobs[-1]
        assert job.outcome is Outcome.DONE, job.message
        steps = [step.text for step in job.steps]
        assert steps[0] == "running podplane local start --id a"
        assert "cluster is ready" in steps
        await until(lambda: app.vms and app.vms[0].live, what="a machine that runs")
        await until(lambda: server_in_summary(app) == "server down", what="that the server it needs is down")


async def test_without_podplane_only_the_vm_can_be_started(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_by_podplane(workspace, "a")
    app = make_app(workspace)
    monkeypatch.setattr("podplane_tui.backend.podplane.PROGRAM", "podplane-that-nobody-has")
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "a")
        await pilot.press("s")
        await until(lambda: isinstance(app.screen, StartDialog), what="the question how")
        await settled(pilot)
        assert app.screen.query_one("#start-way").query_one("RadioButton").disabled
        assert app.focused is not None
        assert app.focused.id == "cancel"
        await pilot.press("escape")
        await until(lambda: not app.actions.asking, what="the end of the question")
        assert app.jobs == ()
        assert state_of(app) is State.STOPPED


def test_a_restart_warns_that_it_concerns_the_vm_only(workspace: Workspace) -> None:
    made_by_podplane(workspace, "a")
    vm = Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id="a", arch="amd64").status()
    assert vm is not None
    vm.files.image.unlink()
    steps: list[str] = []
    workshop = Workshop(workspace.data, workspace.runtime, StopTimeouts(), None)
    with pytest.raises(VMNotFound, match="podplane-local-a has no disk"):
        workshop.plain(Verb.RESTART, vm)(Control(report=steps.append))
    assert steps[0] == VM_ONLY_WARNING
