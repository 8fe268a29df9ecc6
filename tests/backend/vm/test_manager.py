"""`Qemu`: names and places, the lock, and what it refuses without a machine."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import (
    Busy,
    InvalidImage,
    InvalidInput,
    NotRunning,
    Unsupported,
    VMExists,
    VMNotFound,
)
from podplane_tui.backend.runtime.lock import current_action
from podplane_tui.backend.vm.manager import Qemu
from podplane_tui.backend.vm.protocol import Manager, Options


def machine(tmp_path: Path, cluster_id: str = "dev-1", arch: str = "amd64") -> Qemu:
    return Qemu(Options(arch, cluster_id, tmp_path / "data", tmp_path / "run"))


def test_it_is_a_manager_with_podplanes_names(tmp_path: Path) -> None:
    qemu: Manager = machine(tmp_path)
    assert qemu.vm_name == "podplane-local-dev-1"
    assert qemu.vm_image_directory == tmp_path / "data" / "vms"
    assert qemu.vm_image_path.name == "podplane-local-dev-1.amd64.image.qcow2"
    assert qemu.vm_pid_directory == tmp_path / "run" / "vms"
    assert qemu.vm_pid_filename == "podplane-local-dev-1.amd64.pid.json"
    assert qemu.serial_console_path.name == "podplane-local-dev-1.amd64.console.sock"
    assert qemu.cloud_init_data_disk_path.name == "podplane-local-dev-1.amd64.cloudinitdata.iso"
    assert (qemu.addr(), qemu.node_ip()) == ("10.0.2.2", "10.0.2.15")
    qemu.set_output(io.StringIO())
    qemu.set_output(None)


@pytest.mark.parametrize("cluster_id", ["", "local", "k8s", "A", "a--b", "-a", "a/b", "..", "x" * 33])
def test_ids_podplane_would_refuse(tmp_path: Path, cluster_id: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"cluster id {cluster_id!r}")):
        machine(tmp_path, cluster_id)


def test_other_architectures(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="riscv64"):
        machine(tmp_path, arch="riscv64")


def test_relative_directories_mean_what_they_meant_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    qemu = Qemu(Options("amd64", "a", Path("data"), Path("../run")))
    monkeypatch.chdir("/")
    assert qemu.files.data_dir == tmp_path / "data"
    assert qemu.files.runtime_dir == tmp_path.parent / "run"


def test_questions_about_nothing(tmp_path: Path) -> None:
    qemu = machine(tmp_path)
    assert (qemu.exists(), qemu.running(), qemu.pid(), qemu.vm_pid_file()) == (False, False, None, None)
    for question in (qemu.machine, qemu.console):
        with pytest.raises(NotRunning, match="podplane-local-dev-1 is not running"):
            question()
    assert list(tmp_path.iterdir()) == []


def test_verbs_about_nothing_leave_nothing(tmp_path: Path) -> None:
    qemu = machine(tmp_path)
    for verb in (qemu.stop, qemu.pause, qemu.resume, qemu.reset, qemu.adopt):
        with pytest.raises(NotRunning, match="podplane-local-dev-1 is not running"):
            verb()
    with pytest.raises(VMNotFound, match="podplane-local-dev-1 has no disk"):
        qemu.start(user_data="")
    with pytest.raises(InvalidImage, match=r"no image .*/none\.qcow2"):
        qemu.create(tmp_path / "none.qcow2")
    qemu.delete()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_delete_takes_the_machine_and_leaves_what_is_the_clusters(tmp_path: Path) -> None:
    qemu = machine(tmp_path)
    files = qemu.files
    own = (files.image, files.seed, files.efivars, files.pid_file, files.console, files.qmp, files.qemu_log)
    theirs = (files.state_file, files.user_data, files.identity)
    for path in (*own, *theirs):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    qemu.delete()
    assert [path for path in own if path.exists()] == []
    assert [path for path in theirs if not path.exists()] == []


@pytest.mark.slow
def test_a_verb_inside_a_verb_joins_in_and_is_its_phase(tmp_path: Path) -> None:
    qemu = machine(tmp_path)
    with qemu.locked("restart"):
        with qemu.locked("stop"):
            action = current_action(qemu.files.lock)
            assert action is not None
            assert (action.verb, action.phase, action.pid) == ("restart", "stop", os.getpid())
        with pytest.raises(Busy, match="'restart'"), machine(tmp_path).locked("start"):
            pass
    assert not qemu.files.lock.exists()
    with qemu.locked("start"):  # and again
        pass


@pytest.mark.usefixtures("require_qemu")
def test_create_twice(tmp_path: Path) -> None:
    qemu = machine(tmp_path)
    qemu.create(None)
    inode = qemu.files.image.stat().st_ino
    with pytest.raises(VMExists, match="delete it first"):
        qemu.create(None)
    assert qemu.files.image.stat().st_ino == inode
    assert qemu.exists()
    assert os.listdir(qemu.files.image_dir) == [qemu.files.image.name]  # noqa: PTH208


@pytest.mark.usefixtures("require_qemu")
def test_create_clears_what_a_killed_create_left(tmp_path: Path) -> None:
    qemu = machine(tmp_path)
    qemu.files.image_dir.mkdir(parents=True)
    abandoned = qemu.files.image_dir / f".{qemu.files.image.name}.2147483647-1.tmp"
    in_use = qemu.files.image_dir / f".{qemu.files.image.name}.{os.getppid()}-1.tmp"
    abandoned.touch()
    in_use.touch()
    qemu.create(None)
    assert not abandoned.exists()
    assert in_use.exists()
