"""Which SSH server is a running VM's: a real guest, and another server that the state file or its port leads to."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from podplane_tui.backend import Cluster, DirectBootOptions, StartSpec, StopTimeouts
from podplane_tui.backend.core.errors import HostKeyChanged, NotRunning, ShellError, StillBooting
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.qemu import qmp
from podplane_tui.backend.runtime.ports import write_state_file
from podplane_tui.backend.ssh.known_hosts import read_host_keys
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.create import EMPTY_DISK
from tests.backend.ssh.sshd import Server, serve
from tests.guest.tiny import TinyGuest
from tests.waiting import wait_until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300)]

BOOT_LIMIT = 120.0


@pytest.fixture
def cluster(tiny_ssh_guest: TinyGuest) -> Iterator[Cluster]:
    root = Path(tempfile.mkdtemp(prefix="pt-", dir="/tmp"))
    made = Cluster(
        data_dir=root / "data", runtime_dir=root / "run", state_dir=root / "state", cluster_id="a1", arch="amd64"
    )
    try:
        made.create(EMPTY_DISK)
        boot = DirectBootOptions(str(tiny_ssh_guest.kernel), str(tiny_ssh_guest.initramfs), tiny_ssh_guest.cmdline)
        made.start(StartSpec(cpus="1", memory="256M", accelerator="tcg", boot=boot))
        yield made
    finally:
        with contextlib.suppress(NotRunning):
            made.stop(timeouts=StopTimeouts(powerdown=0.0))
        shutil.rmtree(root)


@pytest.fixture
def stranger(cluster: Cluster) -> Iterator[Server]:
    """Another server, which takes the VM's key as well."""
    with serve() as server:
        key = cluster.files.identity.with_suffix(".pub").read_text()
        with (server.home.parent / "authorized_keys").open("a") as file:
            file.write(key)
        yield server


def monitor(cluster: Cluster, line: str) -> None:
    """Let QEMU do that."""
    control = cluster.qemu.require_process().control
    assert control is not None
    qmp.execute(control, "human-monitor-command", {"command-line": line})


def test_neither_a_state_file_nor_a_port_leads_to_another_server(
    cluster: Cluster, stranger: Server, tmp_path: Path
) -> None:
    def answer() -> bytes | None:
        with contextlib.suppress(StillBooting):
            return cluster.shell(["hostname"])
        return None

    # QEMU's arguments decide, not the state file.
    port = cluster.ports().ssh
    write_state_file(cluster.files.state_file, "a1", Ports(ssh=stranger.target.port))
    assert cluster.ports().ssh == cluster.ssh_target().port == port
    vm = cluster.status()
    assert vm is not None
    assert vm.ports.ssh == port
    assert wait_until(answer, "the guest", seconds=BOOT_LIMIT) == b"a1\n"

    # Another program has the port: the key, which is known by now, decides.
    known = read_host_keys(cluster.files.known_hosts).keys
    monitor(cluster, f"hostfwd_remove tcp:127.0.0.1:{port}")
    (tmp_path / "secret").touch()
    request = SyncRequest(str(tmp_path / "secret"), str(stranger.home / "copied"))
    with serve(port=port) as thief:
        (thief.home.parent / "authorized_keys").write_bytes((stranger.home.parent / "authorized_keys").read_bytes())
        user = thief.target.user
        with pytest.raises(HostKeyChanged, match=f"port {port} answers with the host key"):
            cluster.shell(["hostname"], user=user)
        with pytest.raises(HostKeyChanged, match=f"port {port} answers with the host key"):
            cluster.sync(request, user=user)

        # And while none is known, whether it is QEMU that listens.
        cluster.forget_host_keys()
        refusal = rf"process \d+ \(sshd\) listens on port {port}, not the QEMU of "
        with pytest.raises(ShellError, match=refusal):
            cluster.shell(["hostname"], user=user)
        with pytest.raises(ShellError, match=refusal):
            cluster.sync(request, user=user)
        assert not (stranger.home / "copied").exists()
        assert not thief.sudo_log.exists()
    with pytest.raises(StillBooting, match=f"port {port} of .* is not open yet"):
        cluster.shell(["hostname"])
    monitor(cluster, f"hostfwd_add tcp:127.0.0.1:{port}-:22")
    assert cluster.shell(["hostname"]) == b"a1\n"
    (taken,) = read_host_keys(cluster.files.known_hosts).keys
    assert taken in known
