"""SSH into a real Debian guest: host keys, commands, `wait`, and what copying says where it may not write."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import CommandFailed, HostKeyChanged
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.ssh.client import SSHTarget, ensure_identity, ssh_arguments
from podplane_tui.backend.ssh.known_hosts import read_host_keys
from podplane_tui.backend.sync.copy import run_sync
from podplane_tui.backend.sync.rsync import SyncRequest
from tests.debian.clusters import Clusters

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]

PLAIN = "plain"


@pytest.fixture
def target(alpha: Clusters) -> SSHTarget:
    return alpha.ssh_target("alpha")


@pytest.fixture
def plain(target: SSHTarget) -> Iterator[SSHTarget]:
    """A user who may log in, and no more."""
    script = (
        f"useradd -m -s /bin/sh {PLAIN} && cd ~{PLAIN} && mkdir .ssh && cp ~{target.user}/.ssh/authorized_keys .ssh/"
        f" && chown -R {PLAIN} .ssh"
    )
    ssh.run(target, ["sudo", "sh", "-c", script])
    yield replace(target, user=PLAIN)
    ssh.run(target, ["sudo", "userdel", "--remove", "--force", PLAIN])


def openssh(target: SSHTarget) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ssh_arguments(target), "echo", "hello"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_keys_that_the_console_has_shown_are_verified(alpha: Clusters, target: SSHTarget) -> None:
    known = target.known_hosts
    keys = read_host_keys(known)
    assert keys.verified
    assert keys.keys[0].startswith("ssh-ed25519 ")
    assert "StrictHostKeyChecking=yes" in ssh_arguments(target)
    assert (openssh(target).stdout, openssh(target).stderr) == ("hello\n", "")
    assert ssh.run(target, ["echo", "hello"]) == b"hello\n"
    known.unlink()
    alpha.ssh_target("alpha")
    again = read_host_keys(known)
    assert (again.keys, again.verified) == (keys.keys, True)  # the recording tells them again


@pytest.mark.parametrize("first", ["paramiko", "OpenSSH"])
def test_without_them_the_first_key_is_trusted_and_no_other(target: SSHTarget, tmp_path: Path, first: str) -> None:
    shown = read_host_keys(target.known_hosts).keys
    unknown = replace(target, known_hosts=tmp_path / "known_hosts")
    if first == "paramiko":
        ssh.connect(unknown).close()
    else:
        assert openssh(unknown).returncode == 0
    trusted = read_host_keys(tmp_path / "known_hosts")
    assert not trusted.verified
    assert set(trusted.keys) <= set(shown)
    assert len(trusted.keys) == 1
    ssh.connect(unknown).close()
    assert openssh(unknown).stdout == "hello\n"

    other = " ".join(ensure_identity(tmp_path / "other").split()[:2])
    (tmp_path / "known_hosts").write_text(f"{target.host_key_alias} {other}\n")
    with pytest.raises(HostKeyChanged, match="but it had when first reached ssh-ed25519"):
        ssh.connect(unknown)
    refused = openssh(unknown)
    assert (refused.returncode, refused.stdout) == (ssh.FAILED, "")
    assert "Host key verification failed" in refused.stderr


def test_a_command_has_its_exit_code_and_its_streams_apart(alpha: Clusters) -> None:
    result = alpha.run("shell", "--id", "alpha", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (result.returncode, result.stdout, result.stderr) == (7, "out\n", "err\n")


def test_wait_ends_when_the_machine_is_there(alpha: Clusters, beta: Clusters) -> None:
    for cluster_id, goal in (("alpha", "ssh"), ("alpha", "cloud-init"), ("beta", "ssh")):
        alpha.run("wait", "--id", cluster_id, "--for", goal, "--timeout", "300")
    late = beta.run("wait", "--id", "beta", "--user", "nobody-known", "--timeout", "0", check=False)
    assert late.returncode == 1
    assert "has not reached SSH within 0 s" in late.stderr
    assert late.stderr.count("\n") == 1


def test_a_user_who_may_not_become_root_is_told(plain: SSHTarget, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CommandFailed, match="let sudo ask for no password there"):
        run_sync(plain, SyncRequest(f"{tmp_path}/", "/srv/never"))
    assert ssh.run(plain, "ls -d /srv/never 2>/dev/null || true") == b""


def test_a_destination_without_a_folder_above_it_is_told(target: SSHTarget, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CommandFailed, match="the directory above the destination does not exist"):
        run_sync(target, SyncRequest(f"{tmp_path}/", "/srv/none/never"))
    assert ssh.run(target, "ls -d /srv/none 2>/dev/null || true") == b""
