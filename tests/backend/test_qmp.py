"""QMP against a real QEMU, and against listeners that are none. The rest is in the fault matrix."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from podplane_tui.backend import qmp
from podplane_tui.backend.errors import QMPError, QMPUnavailable
from tests.conftest import Workspace

vm = pytest.mark.vm


@pytest.fixture
def qemu(require_qemu: None, workspace: Workspace) -> Iterator[Path]:
    """The control socket of a QEMU without a disk that waits before its first instruction."""
    path, console = workspace.root / "qmp.sock", workspace.root / "console.sock"
    command = [
        *("qemu-system-x86_64", "-S", "-display", "none", "-nodefaults", "-accel", "tcg", "-m", "32M"),
        *("-qmp", f"unix:{path},server=on,wait=off", "-serial", f"unix:{console},server=on,wait=off"),
    ]
    with subprocess.Popen(command) as child:
        deadline = time.monotonic() + 20
        while not path.exists():
            assert time.monotonic() < deadline
            assert child.poll() is None
            time.sleep(0.02)
        yield path
        child.kill()


@vm
def test_a_session_asks_and_leaves(qemu: Path) -> None:
    assert qmp.run_state(qemu) == "prelaunch"
    qmp.execute(qemu, "cont")
    assert qmp.run_state(qemu) == "running"
    qmp.execute(qemu, "stop")
    assert qmp.run_state(qemu) == "paused"
    with pytest.raises(QMPError, match="refused no-such-thing"):
        qmp.execute(qemu, "no-such-thing")


@vm
def test_console_clients_are_seen(qemu: Path) -> None:
    console = qemu.with_name("console.sock")
    assert not qmp.console_client_connected(qemu, console)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(console))
        assert qmp.console_client_connected(qemu, console)
    assert not qmp.console_client_connected(qemu, console)


@vm
def test_many_are_asked_at_once_and_the_silent_ones_left_out(qemu: Path, tmp_path: Path) -> None:
    silent = []
    for index in range(10):
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(tmp_path / str(index)))
        server.listen()
        silent.append(server)
    paths = [tmp_path / str(index) for index in range(10)]
    begun = time.monotonic()
    answers = qmp.run_states([*paths, qemu, tmp_path / "none"], timeout=1.0)
    assert time.monotonic() - begun < 4
    assert answers == {qemu: "prelaunch"}
    for server in silent:
        server.close()


def test_nobody_to_ask_costs_nothing() -> None:
    assert qmp.run_states([], timeout=1.0) == {}


def test_no_socket_and_no_listener(tmp_path: Path) -> None:
    with pytest.raises(QMPUnavailable, match="No such file"):
        qmp.run_state(tmp_path / "none")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "left"))
    with pytest.raises(QMPUnavailable, match="refused"):
        qmp.run_state(tmp_path / "left")
    (tmp_path / "file").touch()
    with pytest.raises(QMPUnavailable):
        qmp.run_state(tmp_path / "file")
    with pytest.raises(QMPUnavailable):
        qmp.run_state(tmp_path / ("x" * 200))
