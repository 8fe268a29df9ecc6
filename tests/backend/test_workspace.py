"""Throw-away workspaces: whatever becomes of their owner, nothing is left, and nothing else is touched."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.create import EMPTY_DISK
from podplane_tui.backend.vm.start import StartSpec
from podplane_tui.backend.workspace import throw_away_workspace
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

TIMEOUT = 60.0

OWNER = """
import sys
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.create import EMPTY_DISK
from podplane_tui.backend.vm.start import StartSpec
from podplane_tui.backend.workspace import throw_away_workspace

with throw_away_workspace() as place:
    if "vm" in sys.argv:
        cluster = Cluster(data_dir=place.data_dir, runtime_dir=place.runtime_dir, cluster_id="demo", arch="amd64")
        cluster.create(EMPTY_DISK)
        cluster.start(StartSpec(memory="64M", network=False, accelerator="tcg"))
    print(place.root, flush=True)
    sys.stdin.read(1)
    if "raise" in sys.argv:
        raise ValueError("an error of the owner")
"""


def machines_below(root: Path) -> list[psutil.Process]:
    """The QEMU processes that name a file below `root`."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if (process.info["name"] or "").startswith("qemu-system") and any(
            str(root) in argument for argument in process.info["cmdline"] or []
        ):
            found.append(process)
    return found


class Owner:
    """A process that has a workspace, and a machine in it when told so."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], TIMEOUT)
        assert readable, "the owner made no workspace"
        self.root = Path(self.process.stdout.readline().strip())
        assert self.root.is_absolute()

    def end(self) -> str:
        """Let it go on to its end; give what it said on stderr."""
        return self.process.communicate("\n", timeout=TIMEOUT)[1]


def test_the_directories_are_private_and_short() -> None:
    with throw_away_workspace() as place:
        for directory in (place.root, place.data_dir, place.runtime_dir):
            assert directory.stat().st_mode & 0o777 == 0o700
        assert len(os.fsencode(place.runtime_dir)) < 40
    assert not place.root.exists()


def test_two_workspaces_leave_each_other_alone() -> None:
    with throw_away_workspace() as first:
        with throw_away_workspace() as second:
            assert first.root != second.root
            (first.data_dir / "file").touch()
        assert (first.data_dir / "file").exists()
        assert not second.root.exists()


def test_an_error_of_the_owner_is_its_own_and_the_workspace_goes() -> None:
    owner = Owner("raise")
    errors = owner.end()
    assert "an error of the owner" in errors
    assert not owner.root.exists()


def test_what_it_links_to_stays(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with throw_away_workspace() as place:
        (place.data_dir / "link").symlink_to(tmp_path)
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_it_too(number: signal.Signals) -> None:
    owner = Owner()
    owner.process.send_signal(number)
    owner.process.communicate(timeout=TIMEOUT)
    wait_until(lambda: not owner.root.exists())


@pytest.mark.vm
@pytest.mark.parametrize("number", [None, signal.SIGKILL])
def test_its_machine_ends_with_it(require_qemu: None, number: signal.Signals | None) -> None:
    bystander = Owner("vm")
    owner = Owner("vm")
    try:
        (machine,) = machines_below(owner.root)
        if number is None:
            owner.end()
            assert not owner.root.exists(), "it is gone when the owner goes on"
        else:
            owner.process.send_signal(number)
            owner.process.communicate(timeout=TIMEOUT)
        wait_until(lambda: not owner.root.exists() and not machine.is_running())
        assert len(machines_below(bystander.root)) == 1
    finally:
        bystander.end()
    assert machines_below(bystander.root) == []


@pytest.mark.vm
def test_a_machine_without_a_pid_file_ends_too(require_qemu: None) -> None:
    with throw_away_workspace() as place:
        cluster = Cluster(data_dir=place.data_dir, runtime_dir=place.runtime_dir, cluster_id="lost", arch="amd64")
        cluster.create(EMPTY_DISK)
        cluster.start(StartSpec(memory="64M", network=False, accelerator="tcg"))
        cluster.files.pid_file.unlink()
        assert len(machines_below(place.root)) == 1
    assert machines_below(place.root) == []
    assert not place.root.exists()
