"""From which port a first host key is taken on trust, asked of real sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import InvalidInput, ShellError, StillBooting
from podplane_tui.backend.qemu.process import QemuProcess
from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.backend.ssh.known_hosts import trust
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.endpoint import described, endpoint
from tests.backend.recording.support import key, recording, shown
from tests.backend.ssh.sshd import free_port

LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); s.accept()"
)


def qemu(pid: int) -> QemuProcess:
    return QemuProcess(pid, "77", 0.0, ("qemu-system-x86_64",), ())


def test_the_first_key_is_taken_from_its_own_qemu_alone(cluster: Cluster) -> None:
    files = cluster.files
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen([sys.executable, "-c", LISTEN], stdout=subprocess.PIPE) as other,
    ):
        try:
            assert other.stdout is not None
            port, others = server.getsockname()[1], int(other.stdout.readline())
            own = endpoint(files, qemu(os.getpid()), port)
            assert (own.port, own.host_key_alias, own.known_hosts) == (port, files.stem, files.known_hosts)
            words = rf"^process {other.pid} \(python.*\) listens on port {others}, not the QEMU of podplane-local-a, "
            with pytest.raises(ShellError, match=words):
                endpoint(files, qemu(os.getpid()), others)
            assert endpoint(files, qemu(other.pid), others).port == others
            trust(files.known_hosts, files.stem, "ssh-ed25519 AAAA")  # from now on the key decides
            assert endpoint(files, qemu(os.getpid()), others).port == others
        finally:
            other.kill()


def test_keys_of_the_console_decide_at_once(cluster: Cluster) -> None:
    recording(cluster.files, shown(key(1)), "20260101T000000.000000Z.raw")
    assert endpoint(cluster.files, qemu(os.getpid()), 1).port == 1


def test_a_port_that_nobody_has_yet_is_waited_for(cluster: Cluster) -> None:
    port = free_port()
    with pytest.raises(StillBooting, match=f"port {port} of podplane-local-a is not open yet: try again"):
        endpoint(cluster.files, qemu(os.getpid()), port)


def test_where_it_can_not_be_seen_the_first_key_is_taken(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, of another user's process."""
    monkeypatch.setattr("podplane_tui.backend.vm.endpoint.listens", lambda _pid, _port: None)
    assert endpoint(cluster.files, qemu(1), 1).port == 1


def test_options_are_those_of_the_configuration(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "podplane-tui" / "config.toml"
    path.parent.mkdir()
    path.write_text('[ssh]\noptions = ["ServerAliveInterval=15"]\n')
    files, options = cluster.files, ("ServerAliveInterval=15",)
    expected = SSHTarget("127.0.0.1", 22, "debian", files.identity, files.stem, files.known_hosts, options)
    assert described(files, 22) == expected
    assert not files.own_state.exists()
    path.write_text('[ssh]\noptions = ["ProxyCommand=id"]\n')
    with pytest.raises(
        InvalidInput, match=r"line 2: the ssh option 'ProxyCommand' can't be set for 'options' in .ssh."
    ):
        described(files, 22)
