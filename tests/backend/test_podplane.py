"""Starting a cluster and the local server through podplane, for which a program of ours stands in."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import psutil
import pytest

from podplane_tui.backend import podplane as podplane_cli
from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import AlreadyRunning, Busy, Cancelled, InvalidInput, MissingProgram, StartFailed
from podplane_tui.backend.core.paths import LOCAL_SERVER_LOCK, base_directories
from podplane_tui.backend.core.status import Ports, State
from podplane_tui.backend.podplane import podplane_environment, start_server
from podplane_tui.backend.runtime.local_server import LogTail, read_local_server
from podplane_tui.backend.runtime.lock import vm_lock
from podplane_tui.backend.vm.classify import SERVER_DOWN
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.inventory import Inventory
from podplane_tui.backend.vm.manager import Qemu
from podplane_tui.backend.vm.protocol import Options
from tests.conftest import Workspace


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_podplane_is_led_to_the_directories_in_use(system: str) -> None:
    environ = {"HOME": "/home/u", "PATH": "/bin"}
    usual = base_directories(environ, system)
    same = podplane_environment(environ, data_dir=usual.data, runtime_dir=usual.runtime, system=system)
    assert same == environ
    data, runtime = Path("/d/podplane"), Path("/r/podplane")
    told = podplane_environment(environ, data_dir=data, runtime_dir=runtime, arch="arm64", system=system)
    assert told == {**environ, "XDG_DATA_HOME": "/d", "XDG_RUNTIME_DIR": "/r", "PODPLANE_ARCH": "arm64"}
    found = base_directories(told, system)
    assert (found.data, found.runtime) == (data, runtime)
    with pytest.raises(InvalidInput, match="XDG_DATA_HOME"):
        podplane_environment(environ, data_dir=Path("/d/other"), runtime_dir=runtime, system=system)


@pytest.fixture
def qemu(workspace: Workspace, podplane: Path) -> Qemu:
    """A cluster that podplane made, which does not run."""
    qemu = Qemu(Options("amd64", "a", workspace.data, workspace.runtime))
    qemu.create(None)
    assert not qemu.files.made_by_podplane
    qemu.files.cluster_dir.mkdir(parents=True)
    qemu.files.cluster_config.write_text("{}")
    assert qemu.files.made_by_podplane
    return qemu


def test_its_lines_are_the_steps_and_the_cluster_runs(qemu: Qemu) -> None:
    steps: list[str] = []
    Cluster.of(qemu.files).start(control=Control(report=steps.append))
    assert [step for step in steps if step != "ready"] == [  # the QEMU's own word, which may come at any time
        "running podplane local start --id a",
        "Verifying dependencies...",
        "Starting local server",
        "Starting VM \\x07",
        "cluster is ready",
    ]
    files = qemu.files
    vm = Inventory(files.data_dir, files.runtime_dir).find("a", "amd64")
    assert vm is not None
    assert vm.state is State.RUNNING
    assert vm.ports == Ports(2222, 6443, 8081, 5001, 8443)
    assert vm.hint == SERVER_DOWN  # the stand-in's start starts none
    with pytest.raises(AlreadyRunning, match="podplane-local-a is already running"):
        Cluster.of(qemu.files).start(control=Control())


def test_a_failure_carries_its_exit_code_and_last_words(qemu: Qemu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODPLANE_STAND_IN", "fail")
    with pytest.raises(StartFailed, match=r"exit code 3: .*qemu 9 or newer is required"):
        Cluster.of(qemu.files).start(control=Control())
    assert not qemu.files.lock.exists()


def test_a_start_after_which_nothing_runs_is_a_failure(qemu: Qemu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODPLANE_STAND_IN", "lie")
    with pytest.raises(StartFailed, match=r"succeeded, but podplane-local-.* is not running"):
        Cluster.of(qemu.files).start(control=Control())


def test_a_start_can_be_cancelled(qemu: Qemu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODPLANE_STAND_IN", "hang")
    cancel = threading.Event()
    control = Control(report=lambda step: cancel.set() if step.startswith("Starting VM") else None, cancel=cancel)
    with pytest.raises(Cancelled, match="its VM does not run"):
        Cluster.of(qemu.files).start(control=control)
    program = str(qemu.files.data_dir.parents[1] / "programs" / "podplane")
    assert not [p.pid for p in psutil.process_iter(["cmdline"]) if program in (p.info["cmdline"] or [])]


def test_it_is_started_detached_and_once(workspace: Workspace, podplane: Path) -> None:
    server = start_server(data_dir=workspace.data, runtime_dir=workspace.runtime)
    assert server.running
    assert (server.http_port, server.https_port, server.ingress_https_port) == (40081, 40443, 4433)
    assert server.pid is not None
    assert os.getsid(server.pid) == server.pid
    assert start_server(data_dir=workspace.data, runtime_dir=workspace.runtime) == server
    assert not (workspace.runtime / LOCAL_SERVER_LOCK).exists()
    log = workspace.runtime / "local-server.log"
    assert server.log == log
    assert log.stat().st_mode & 0o777 == 0o600
    process = psutil.Process(server.pid)
    process.kill()
    # Its parent collects it: nothing is left that looks alive.
    assert psutil.wait_procs([process], timeout=60)[1] == []
    assert not read_local_server(workspace.runtime).running
    assert LogTail(log).read()[0] == "mkcert: using the local CA"


def test_a_server_that_fails_says_its_last_words(
    workspace: Workspace, podplane: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODPLANE_STAND_IN", "fail")
    with pytest.raises(StartFailed, match=r"code 1: .*mkcert is not installed"):
        start_server(data_dir=workspace.data, runtime_dir=workspace.runtime)


@pytest.mark.slow
def test_without_podplane_or_directories_it_can_be_told_nothing_is_started(
    workspace: Workspace, podplane: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match="only takes directories called podplane"):
        start_server(data_dir=workspace.root / "elsewhere", runtime_dir=workspace.runtime)
    with (
        vm_lock(workspace.runtime / LOCAL_SERVER_LOCK, "start"),
        pytest.raises(Busy, match=r"'start' by process .* in progress"),
    ):
        start_server(data_dir=workspace.data, runtime_dir=workspace.runtime)
    monkeypatch.setenv("PATH", str(workspace.root))
    assert not podplane_cli.podplane_installed()
    with pytest.raises(MissingProgram, match="podplane is not installed"):
        start_server(data_dir=workspace.data, runtime_dir=workspace.runtime)
