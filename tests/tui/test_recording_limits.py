"""Recordings kept within their limits while the dashboard is open."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.recording.store import begin, belongs_to, recordings
from podplane_tui.backend.ssh.known_hosts import read_host_keys
from podplane_tui.tui import polling
from podplane_tui.tui.recording_limits import Upkeep
from podplane_tui.tui.state.events import Level
from tests.backend.recording.support import append, block, key, shown
from tests.backend.recording.test_store import can_punch
from tests.conftest import Workspace
from tests.tui.support import files_of, make_app, make_disk
from tests.waiting import until

MB = 2**20


def configure(workspace: Workspace, text: str) -> None:
    folder = workspace.root / "config" / "podplane-tui"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text)


def live(workspace: Workspace, size: int) -> tuple[VMStatus, Path]:
    vm = VMStatus(files_of(workspace, "a"), State.RUNNING, pid=os.getpid())
    path = begin(vm.files)
    path.write_bytes(b"x" * size)
    belongs_to(path, os.getpid())
    return vm, path


@pytest.fixture(autouse=True)
def own_config(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(workspace.root / "config"))


def test_a_live_recording_over_its_cap_is_trimmed_and_said_once(workspace: Workspace) -> None:
    configure(workspace, "[recordings]\nmegabytes = 2\n")
    vm, path = live(workspace, 3 * MB)
    upkeep = Upkeep()
    assert upkeep.look([replace(vm, pid=None)]) == []  # those that do not run are looked after when they start
    (line,) = upkeep.look([vm])
    assert line.text.startswith(f"a: the recording {path.name} is larger than 2 MB")
    (recording,) = recordings(vm.files)
    if can_punch(workspace.root):
        assert recording.size < 2 * MB
    with path.open("ab") as qemu:
        qemu.write(b"y" * 2 * MB)
    assert upkeep.look([vm]) == []  # done again, and known by now
    if can_punch(workspace.root):
        assert recordings(vm.files)[0].size < 2 * MB


def test_old_boots_go_while_the_machine_runs(workspace: Workspace) -> None:
    configure(workspace, "[recordings]\nboots = 2\n")
    for _ in range(3):
        begin(files_of(workspace, "a")).write_bytes(b"old")
    vm, _ = live(workspace, 10)
    Upkeep().look([vm])
    assert len(recordings(vm.files)) == 2


def test_host_keys_that_are_not_the_known_ones_are_a_warning_once(workspace: Workspace) -> None:
    make_disk(workspace, "a")
    vm, path = live(workspace, 0)
    upkeep = Upkeep()
    path.write_bytes(shown(key(1)))
    assert upkeep.look([vm]) == []
    append(path, block(key(2)))
    (warning,) = upkeep.look([vm])
    assert warning.level is Level.BAD
    assert "not the known one (SHA256:" in warning.text
    assert "nothing was changed" in warning.text
    assert "podplane-tui shell --id a --forget-host-key" in warning.text
    assert read_host_keys(vm.files.known_hosts).keys == (key(1),)
    assert upkeep.look([vm]) == []


@pytest.mark.slow
@pytest.mark.usefixtures("require_qemu")
async def test_the_dashboard_does_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "UPKEEP_INTERVAL", 0.05)
    configure(workspace, "[recordings]\nmegabytes = 1\n")
    make_disk(workspace, "a")
    vm, _ = live(workspace, 2 * MB)
    app = make_app(workspace)
    monkeypatch.setattr(app, "_poll", lambda: None)
    async with app.run_test(size=(80, 24)):
        app.vms = (vm,)
        await until(lambda: any("is larger than 1 MB" in event.text for event in app.events), what="the event")
