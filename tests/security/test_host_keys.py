"""A real guest that prints host keys of its own invention on its console, and links that lead to its system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from podplane_tui.backend import Cluster
from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.recording.store import recordings
from podplane_tui.backend.ssh.client import connect, run
from podplane_tui.backend.ssh.known_hosts import read_host_keys
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.endpoint import learn_host_keys
from podplane_tui.tui.recording_limits import Upkeep
from tests.backend.recording.support import block, key, shown
from tests.e2e.test_reach import AT_ONCE, _machine, _wait_for_ssh
from tests.guest.tiny import TinyGuest
from tests.waiting import wait_until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster(tiny_ssh_guest: TinyGuest) -> Iterator[Cluster]:
    with _machine(tiny_ssh_guest) as machine:
        _wait_for_ssh(machine.ssh_target())
        connect(machine.ssh_target()).close()  # with the keys that were shown by then
        yield machine


def print_on_console(cluster: Cluster, text: bytes) -> None:
    """As a program in the guest does that has the serial port."""
    (recording, *_) = recordings(cluster.files)
    before = recording.path.stat().st_size
    lines = text.decode().replace("\r\n", "\n")
    run(cluster.ssh_target(), ["sudo", "sh", "-c", 'printf %s "$1" >/dev/ttyS0', "-", lines])
    wait_until(
        lambda: text.splitlines()[-1] in recording.path.read_bytes()[before:], "the console to show it", seconds=120
    )


def test_keys_printed_later_replace_nothing_and_are_a_warning(cluster: Cluster) -> None:
    known = read_host_keys(cluster.files.known_hosts)
    assert (known.verified, known.proven) == (True, True)
    assert learn_host_keys(cluster.files) is None
    upkeep, vm = Upkeep(), cluster.status()
    assert isinstance(vm, VMStatus)
    assert vm.state is not State.STOPPED
    assert upkeep.look([vm]) == []
    for forged in (block(key(1)), shown(key(2))):
        print_on_console(cluster, forged)
        assert read_host_keys(cluster.files.known_hosts).keys == known.keys
        connect(cluster.ssh_target()).close()  # the guest still has the keys that are known
        assert read_host_keys(cluster.files.known_hosts) == known
        (warning,) = upkeep.look([vm])
        assert "not the known one" in warning.text


def test_the_guests_own_keys_are_known_after_a_restart(cluster: Cluster) -> None:
    known = read_host_keys(cluster.files.known_hosts)
    cluster.restart(timeouts=AT_ONCE)
    _wait_for_ssh(cluster.ssh_target())
    connect(cluster.ssh_target()).close()
    assert read_host_keys(cluster.files.known_hosts) == known


def test_a_link_to_the_guests_system_is_no_place_to_delete_in(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "file").touch()
    target = cluster.ssh_target()
    run(target, "ln -s /etc /home/debian/link; mkdir /home/debian/own; touch /home/debian/own/old")
    for destination in ("link", "/home/debian/link/", "/etc", "~"):
        with pytest.raises(InvalidInput, match="the VM's system in /"):
            cluster.sync(SyncRequest(f"{tmp_path}/app/", destination, delete=True))
    assert run(target, "ls /etc/passwd") == b"/etc/passwd\n"
    cluster.sync(SyncRequest(f"{tmp_path}/app/", "own", delete=True))
    assert run(target, "ls /home/debian/own") == b"file\n"
