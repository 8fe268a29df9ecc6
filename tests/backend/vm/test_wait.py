"""Waiting for a stand-in machine whose SSH server is a real one on this host."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest

from benchmarks.world import World, world
from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import Cancelled, CloudInitFailed, NotReady, NotRunning
from podplane_tui.backend.core.status import Phase
from podplane_tui.backend.ssh.client import ensure_identity
from podplane_tui.backend.ssh.known_hosts import trust
from podplane_tui.backend.vm import cloud_init_status, wait
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.remembered import update_settings
from tests.backend.ssh.sshd import Server, serve
from tests.paths import RECORDINGS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the stand-in's name is taken from its link on Linux"),
]

BOOT = re.sub(
    rb"-----BEGIN SSH HOST KEY KEYS-----.*-----END SSH HOST KEY KEYS-----",
    b"",
    (RECORDINGS / "debian12-first-boot.raw").read_bytes(),
    flags=re.DOTALL,
)
"""Without its host keys, which are not those of the server here."""
LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class Machine:
    """The stand-in's cluster, where it lives, and what was reported while waiting."""

    cluster: Cluster
    world: World
    steps: list[str] = field(default_factory=list)

    def let_in(self, server: Server) -> None:
        """From now on the key is the one that the server accepts."""
        shutil.copy(server.target.identity_file, self.cluster.files.identity)

    def boot(self, text: bytes) -> None:
        self.world.recording(self.cluster.files).write_bytes(text)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def machine(server: Server) -> Iterator[Machine]:
    with world(running=1, stopped=0, ssh_port=server.target.port) as made:
        files = made.machines[0]
        ensure_identity(files.identity)
        update_settings(files, user=server.target.user)
        trust(files.known_hosts, files.stem, server.host_key)  # it is not the stand-in for QEMU that listens
        yield Machine(Cluster.of(files), made)


@pytest.mark.slow
def test_ssh_is_reached_when_the_key_is_let_in(machine: Machine, server: Server) -> None:
    with pytest.raises(NotReady, match=r"vm-000 has not reached SSH within 0 s: .*refuses the key"):
        machine.cluster.wait(Phase.SSH, timeout=0)

    def report(step: str) -> None:
        machine.steps.append(step)
        machine.let_in(server)

    machine.cluster.wait(Phase.SSH, timeout=LIMIT, control=Control(report=report))
    assert machine.steps


def test_cloud_init_is_what_the_recording_tells(machine: Machine, server: Server) -> None:
    machine.let_in(server)
    machine.boot(BOOT[: BOOT.index(b"modules:config")])
    with pytest.raises(NotReady, match="has not reached cloud-init within 0 s: it is still at work"):
        machine.cluster.wait(Phase.CLOUD_INIT, timeout=0)
    machine.boot(BOOT)
    machine.cluster.wait(Phase.CLOUD_INIT, timeout=LIMIT)


def saying(status: str, monkeypatch: pytest.MonkeyPatch, *, code: int = 0, **more: object) -> None:
    """Let the guest say this of its cloud-init."""
    answer = json.dumps({"status": status, **more})
    monkeypatch.setattr(cloud_init_status, "_SCRIPT", f"cat <<'END'\n{answer}\nEND\nexit {code}")


def test_a_cloud_init_whose_end_the_console_does_not_show_is_over_when_the_guest_says_so(
    machine: Machine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.let_in(server)
    machine.boot(BOOT[: BOOT.index(b"modules:config")])
    monkeypatch.setattr(wait, "_ASK_INTERVAL", 0.1)
    saying("running", monkeypatch)

    def report(step: str) -> None:
        assert "it is still at work" in step
        saying("done", monkeypatch)

    warnings: list[str] = []
    machine.cluster.wait(Phase.CLOUD_INIT, timeout=LIMIT, control=Control(report=report, warning=warnings.append))
    assert warnings == []


@pytest.mark.parametrize("shown", [False, True])
def test_how_cloud_init_ended_is_told(
    machine: Machine, server: Server, monkeypatch: pytest.MonkeyPatch, shown: bool
) -> None:
    machine.let_in(server)
    machine.boot(BOOT if shown else BOOT[: BOOT.index(b"modules:config")])
    warnings: list[str] = []
    control = Control(warning=warnings.append)
    saying("done", monkeypatch, code=2, recoverable_errors={"WARNING": ["no such key: bogus"]})
    machine.cluster.wait(Phase.CLOUD_INIT, timeout=LIMIT, control=control)
    assert warnings == [
        "cloud-init on podplane-local-vm-000 is done, with errors that it recovered from: no such key: bogus"
    ]
    saying("error", monkeypatch, code=1, errors=["('scripts_user', RuntimeError('1 failures'))"])
    said = r"^cloud-init on podplane-local-vm-000 failed in the module scripts_user: RuntimeError\('1 failures'\);"
    with pytest.raises(CloudInitFailed, match=said):
        machine.cluster.wait(Phase.CLOUD_INIT, timeout=LIMIT, control=control)


def test_a_guest_that_can_not_be_asked_has_ended_when_its_console_says_so(machine: Machine) -> None:
    machine.boot(BOOT)
    warnings: list[str] = []
    machine.cluster.wait(Phase.CLOUD_INIT, timeout=LIMIT, control=Control(warning=warnings.append))
    assert len(warnings) == 1
    assert "has ended, but the guest can't be asked how: " in warnings[0]
    assert "refuses the key" in warnings[0]


def test_a_guest_is_not_asked_at_each_look(
    machine: Machine, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine.let_in(server)
    machine.boot(BOOT[: BOOT.index(b"modules:config")])
    asked = tmp_path / "asked"
    monkeypatch.setattr(cloud_init_status, "_SCRIPT", f"echo >> {asked}; echo 'status: running'")
    monkeypatch.setattr(wait, "_INTERVAL", 0.01)
    monkeypatch.setattr(wait, "_ASK_INTERVAL", 86400.0)
    looks = Event()

    def report(_step: str) -> None:
        machine.steps.append("a look")
        if len(machine.steps) == 4:
            looks.set()

    with pytest.raises(Cancelled, match="was cancelled"):
        machine.cluster.wait(Phase.CLOUD_INIT, timeout=LIMIT, control=Control(report=report, cancel=looks))
    assert asked.read_text() == "\n"


@pytest.mark.slow
def test_a_machine_whose_console_tells_nothing_is_asked(machine: Machine, server: Server) -> None:
    machine.let_in(server)
    machine.cluster.wait(Phase.CLOUD_INIT, timeout=LIMIT)  # this host has none, or it has ended


@pytest.mark.slow
def test_a_machine_that_ends_meanwhile_is_not_waited_for(machine: Machine) -> None:
    def report(_step: str) -> None:
        for child in machine.world.children:
            child.kill()
            child.wait()

    with pytest.raises(NotRunning, match="is not running"):
        machine.cluster.wait(Phase.SSH, timeout=LIMIT, control=Control(report=report))


def test_waiting_can_be_cancelled(machine: Machine) -> None:
    cancel = Event()
    cancel.set()
    with pytest.raises(Cancelled, match="wait for SSH on podplane-local-vm-000 was cancelled"):
        machine.cluster.wait(Phase.SSH, timeout=LIMIT, control=Control(cancel=cancel))
