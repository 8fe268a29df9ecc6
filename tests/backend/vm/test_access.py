"""How a cluster's guest is reached, as far as that shows without a guest."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import InvalidInput, NotRunning, ShellError
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.qemu.process import QemuProcess
from podplane_tui.backend.runtime.ports import write_state_file
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.ssh.client import SSHTarget, ensure_identity
from podplane_tui.backend.ssh.known_hosts import HostKeys, read_host_keys, trust
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.access import forget_host_keys, run_in_guest, ssh_target, sync
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.manager import Qemu
from podplane_tui.backend.vm.remembered import update_settings
from tests.backend.recording.support import append, key, recording, shown
from tests.backend.ssh.sshd import free_port
from tests.conftest import missing


@pytest.mark.slow
def test_the_effort_to_stop_containerd_ends_after_two_seconds(
    cluster: Cluster, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_identity(cluster.files.identity)
    monkeypatch.setattr(ssh, "LOGIN_TIMEOUT", 3600.0)  # so that nothing but its own limit can end it
    begun = time.monotonic()
    assert run_in_guest(running(cluster.files, port), "true", timeout=2.0) is False
    assert time.monotonic() - begun > 1.5


@pytest.fixture
def port() -> Iterator[int]:
    """One on which this process listens, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


def running(files: VMFiles, port: int | None, *, looks: int | None = None) -> Context:
    """A VM that runs, for `looks` looks, as far as its manager tells: this process, with `port` forwarded to it."""
    left = iter(range(looks)) if looks is not None else None
    nic = "none" if port is None else f"user,hostfwd=tcp:127.0.0.1:{port}-:22"
    process = QemuProcess(os.getpid(), "77", 0.0, ("qemu-system-x86_64", "-nic", nic), ())

    def require_process() -> QemuProcess:
        if left is not None and next(left, None) is None:
            raise NotRunning(f"{files.name} is not running", hint="start it first")
        return process

    manager = SimpleNamespace(
        files=files,
        vm_name=files.name,
        process=lambda: process,
        running=lambda: left is None or next(left, None) is not None,
        require_process=require_process,
    )
    return Context(cast("Qemu", manager))


def test_a_vm_that_does_not_run_is_not_reached(cluster: Cluster) -> None:
    write_state_file(cluster.files.state_file, "a", Ports(ssh=2222))
    with pytest.raises(NotRunning, match="start it first"):
        ssh_target(Context.of(cluster.files))


def test_a_vm_without_an_ssh_port_has_its_console(cluster: Cluster) -> None:
    write_state_file(cluster.files.state_file, "a", Ports(ssh=2222))  # an old one, or another VM's
    with pytest.raises(ShellError, match=r"podplane-local-a has no SSH port: .*; use its console, or restart it"):
        ssh_target(running(cluster.files, None))
    assert run_in_guest(running(cluster.files, None), "true", timeout=60) is False


def test_the_user_is_the_one_asked_for_else_the_one_remembered_else_debian(cluster: Cluster, port: int) -> None:
    files = cluster.files
    write_state_file(files.state_file, "a", Ports(ssh=2222))
    expected = SSHTarget("127.0.0.1", port, "debian", files.identity, files.stem, files.known_hosts)
    assert ssh_target(running(files, port)) == expected
    update_settings(files, user="me")
    assert [ssh_target(running(files, port), user).user for user in ("", "root")] == ["me", "root"]
    with pytest.raises(InvalidInput, match="user"):
        ssh_target(running(files, port), "-oProxyCommand=id")


def test_a_vm_made_again_under_the_id_has_keys_of_its_own(cluster: Cluster, port: int) -> None:
    """As podplane deletes and makes it, which knows nothing of the keys."""
    files = cluster.files
    files.image.parent.mkdir(parents=True, exist_ok=True)
    files.image.write_bytes(b"x")
    update_settings(files, user="me")
    ssh_target(running(files, port))
    trust(files.known_hosts, files.stem, "ssh-ed25519 AAAA")
    assert ssh_target(running(files, port)).user == "me"
    assert read_host_keys(files.known_hosts).keys == ("ssh-ed25519 AAAA",)
    files.image.unlink()
    files.image.write_bytes(b"x")
    assert ssh_target(running(files, port)).user == "debian"
    assert read_host_keys(files.known_hosts).keys == ()


def test_what_the_console_has_shown_by_now_is_known(cluster: Cluster, port: int) -> None:
    files = cluster.files
    recording(files, shown(key(1)), "20260101T000000.000000Z.raw")
    newest = recording(files, b"booting", "20260102T000000.000000Z.raw")
    ssh_target(running(files, port))
    assert read_host_keys(files.known_hosts) == HostKeys()  # an older run may have had others
    append(newest, shown(key(2)))
    ssh_target(running(files, port))
    assert read_host_keys(files.known_hosts) == HostKeys((key(2),), verified=True)
    assert forget_host_keys(files) is True
    ssh_target(running(files, port))
    assert read_host_keys(files.known_hosts) == HostKeys()


def test_host_keys_that_can_not_be_kept_or_forgotten_are_said(cluster: Cluster, port: int) -> None:
    files = cluster.files
    files.own_state.write_text("no folder")
    with pytest.raises(ShellError, match=r"the host keys of podplane-local-a can't be stored: .*; move the file"):
        ssh_target(running(files, port))
    assert forget_host_keys(files) is False
    files.own_state.unlink()
    files.known_hosts.mkdir(parents=True)
    with pytest.raises(
        ShellError, match=r"the host keys of podplane-local-a can't be forgotten: .*; move that directory"
    ):
        forget_host_keys(files)


def test_nobody_who_listens_takes_no_command(cluster: Cluster) -> None:
    ensure_identity(cluster.files.identity)
    assert run_in_guest(running(cluster.files, free_port()), "true", timeout=60) is False


@pytest.mark.slow
def test_a_vm_that_ends_while_it_is_copied_to_is_said_and_logged(cluster: Cluster, tmp_path: Path) -> None:
    if shutil.which("rsync") is None:
        missing("rsync is not installed")
    files = cluster.files
    ensure_identity(files.identity)
    files.known_hosts.parent.mkdir(parents=True)
    trust(files.known_hosts, files.stem, "ssh-ed25519 AAAA")
    steps: list[str] = []
    with pytest.raises(NotRunning, match="podplane-local-a stopped during the copy: start it and copy again"):
        sync(
            running(files, free_port(), looks=2),
            SyncRequest(f"{tmp_path}/", "there"),
            user="",
            control=Control(report=steps.append),
        )
    lines = [line.partition(" ")[2] for line in files.sync_log.read_text().splitlines()]
    assert lines[0] == f"{tmp_path}/ -> there"
    assert lines[1:-1] == steps
    assert "Connection refused" in lines[-1]
