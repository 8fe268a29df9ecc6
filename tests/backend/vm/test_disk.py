"""Disks of stopped machines, with the real qemu-img: growing, snapshots, copies, and what is remembered."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import (
    Busy,
    Cancelled,
    CorruptFile,
    CreateFailed,
    InvalidImage,
    InvalidInput,
    SnapshotNotFound,
    VMError,
    VMExists,
    VMNotFound,
)
from podplane_tui.backend.core.sizes import parse_disk_size
from podplane_tui.backend.images.cache import choose_image, list_images
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.runtime.lock import vm_lock
from podplane_tui.backend.vm import disk as disks
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings

pytestmark = pytest.mark.usefixtures("require_qemu")


def cluster(root: Path, cluster_id: str) -> Cluster:
    return Cluster(
        data_dir=root / "data", runtime_dir=root / "run", state_dir=root / "s", cluster_id=cluster_id, arch="amd64"
    )


def io(image: Path, *commands: str) -> str:
    options = [word for command in commands for word in ("-c", command)]
    result = subprocess.run(["qemu-io", "-f", "qcow2", *options, image], check=True, capture_output=True, text=True)
    return result.stdout


def holds(image: Path, pattern: str) -> bool:
    return "verification failed" not in io(image, f"read -P {pattern} 0 64k")


def be_qemu_img(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of this name, a shell script, first in PATH."""
    program = tmp_path / "bin" / "qemu-img"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "bäse, x.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "64M"], check=True)
    io(path, "write -P 0xbb 1M 64k")
    return path


@pytest.fixture
def made(tmp_path: Path, base: Path) -> Cluster:
    result = cluster(tmp_path, "a")
    result.create(base, size="1G")
    io(result.files.image, "write -P 0x11 0 64k")
    return result


@pytest.mark.parametrize("size", ["", "1", "1K", "-1G", "+1G", "1.5G", "0G", "65T", "1GB", "x"])
def test_sizes_without_sense(size: str) -> None:
    with pytest.raises(InvalidInput, match="such as 128G"):
        parse_disk_size(size)


def test_a_disk_grows_and_never_shrinks(made: Cluster, tmp_path: Path) -> None:
    assert read_image(made.files.image).virtual_bytes == 2**30
    for size in ("1G", "512M"):
        with pytest.raises(InvalidInput, match="can only grow"):
            made.disk.grow(size)
    assert made.disk.grow("2g") == read_image(made.files.image).virtual_bytes == 2 * 2**30
    assert holds(made.files.image, "0x11")
    with pytest.raises(VMNotFound):
        cluster(tmp_path, "none").disk.grow("2G")
    with vm_lock(made.files.lock, "start"), pytest.raises(Busy, match="start"):
        made.disk.grow("3G")


def test_a_disk_is_never_smaller_than_its_base(tmp_path: Path, base: Path) -> None:
    with pytest.raises(InvalidInput, match="smaller than its base"):
        cluster(tmp_path, "b").create(base, size="32M")


def test_snapshots_bring_back_what_was(made: Cluster) -> None:
    disk, image = made.disk, made.files.image
    assert disk.snapshots() == ()
    disk.take_snapshot("before")
    io(image, "write -P 0x22 0 64k")
    disk.grow("2G")
    disk.take_snapshot("after")
    assert [item.name for item in disk.snapshots()] == ["before", "after"]
    disk.restore_snapshot("before")
    assert holds(image, "0x11")
    assert read_image(image).virtual_bytes == 2**30
    disk.restore_snapshot("after")
    assert holds(image, "0x22")
    disk.delete_snapshot("before")
    assert [item.name for item in disk.snapshots()] == ["after"]


@pytest.mark.slow
def test_snapshots_that_cannot_be(made: Cluster) -> None:
    disk = made.disk
    disk.take_snapshot("x")
    with pytest.raises(VMExists, match="'x'"):
        disk.take_snapshot("x")
    for name in ("", "1", "-d", "a b", "a\n", "é", "x" * 65):
        with pytest.raises(InvalidInput, match="snapshot name"):
            disk.take_snapshot(name)
    for verb in (disk.restore_snapshot, disk.delete_snapshot):
        with pytest.raises(SnapshotNotFound, match="there is: x"):
            verb("y")
        with vm_lock(made.files.lock, "start"), pytest.raises(Busy):
            verb("x")
    # Others may take names that qemu-img would mix up with ids, or twice.
    for name in ("7", "twice", "twice"):
        subprocess.run(["qemu-img", "snapshot", "-c", name, made.files.image], check=True)
    for name in ("7", "twice"):
        with pytest.raises(InvalidInput, match="not clear"):
            disk.restore_snapshot(name)
    assert len(disk.snapshots()) == 4


def test_a_copy_has_the_same_base_and_nothing_else_in_common(made: Cluster, base: Path, tmp_path: Path) -> None:
    made.files.efivars.write_bytes(b"variables")
    made.files.user_data.parent.mkdir(parents=True)
    made.files.user_data.write_text("#cloud-config\n")
    made.remember(cpus="3", memory="1G")
    made.disk.take_snapshot("x")
    copy = cluster(tmp_path, "b")
    copy.clone(made)
    info = read_image(copy.files.image)
    assert (info.backing_file, info.virtual_bytes) == (str(base), 2**30)
    assert copy.disk.snapshots() == ()
    io(made.files.image, "write -P 0x33 0 64k")
    assert holds(copy.files.image, "0x11")
    assert "verification failed" not in io(copy.files.image, "read -P 0xbb 1M 64k")
    assert copy.files.efivars.read_bytes() == b"variables"
    settings = read_settings(copy.files)
    assert (settings.cpus, settings.memory) == ("3", "1G")
    made.delete(made.delete_plan())
    assert copy.user_data(Path(settings.user_data)) == "#cloud-config\n"
    again = cluster(tmp_path, "c")
    again.clone(copy)
    copy.delete(copy.delete_plan())
    assert again.user_data(Path(read_settings(again.files).user_data)) == "#cloud-config\n"
    assert [path.name for path in copy.files.settings.parent.iterdir() if "-b." in path.name] == []


def test_a_copy_is_made_whole_or_not_at_all(made: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = cluster(tmp_path, "b")
    with pytest.raises(InvalidInput, match="itself"):
        made.clone(made)

    def nothing_is_left() -> bool:
        return copy.delete_plan() == () and not list(copy.files.image_dir.glob("*.tmp"))

    cancel = Event()
    cancel.set()
    with pytest.raises(Cancelled):
        copy.clone(made, control=Control(cancel=cancel))
    assert nothing_is_left()

    # A copy that never ends, however fast the machine is: it has written something when it is cancelled.
    cancel.clear()
    with monkeypatch.context() as patch, ThreadPoolExecutor() as threads:
        be_qemu_img('for target; do :; done\necho part >"$target"\nexec sleep 600', tmp_path, patch)
        cloning = threads.submit(copy.clone, made, control=Control(cancel=cancel))
        while not cloning.done() and not any(path.stat().st_size for path in copy.files.image_dir.glob("*.tmp")):
            time.sleep(0.01)
        cancel.set()
        with pytest.raises(Cancelled):
            cloning.result()
    assert nothing_is_left()

    copy.create(None)
    with pytest.raises(VMExists):
        copy.clone(made)


def test_a_copy_touches_nothing_of_a_machine_that_podplane_makes_meanwhile(
    made: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = cluster(tmp_path, "b")
    theirs = (copy.files.image, copy.files.efivars)
    be_qemu_img(f'{shutil.which("qemu-img")} "$@"\necho theirs | tee {theirs[0]} >{theirs[1]}', tmp_path, monkeypatch)
    for variables in (b"variables", None):
        if variables is None:
            made.files.efivars.unlink()
        else:
            made.files.efivars.write_bytes(variables)
        with pytest.raises(VMExists):
            copy.clone(made)
        assert set(copy.delete_plan()) == set(theirs)
        assert [path.read_text() for path in theirs] == ["theirs\n"] * 2
        copy.files.image.unlink()


def test_a_copy_that_fails_at_its_end_leaves_no_uefi_variables(
    made: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = cluster(tmp_path, "b")
    made.files.efivars.write_bytes(b"variables")

    def fail(_path: Path) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    with monkeypatch.context() as patch:
        patch.setattr(disks, "sync_directory", fail)
        with pytest.raises(CreateFailed):
            copy.clone(made)
    assert copy.delete_plan() == ()

    copy.files.settings.parent.parent.mkdir(exist_ok=True)
    copy.files.settings.parent.write_text("no folder")
    with pytest.raises(CorruptFile):
        copy.clone(made)
    assert copy.delete_plan() == ()


def test_a_copy_of_a_disk_without_uefi_variables_has_none(made: Cluster, tmp_path: Path) -> None:
    copy = cluster(tmp_path, "b")
    copy.files.efivars.write_bytes(b"of a disk that is gone")
    copy.clone(made)
    assert not copy.files.efivars.exists()


def test_what_qemu_would_refuse_is_not_remembered(made: Cluster) -> None:
    for changes in ({"cpus": "x"}, {"memory": "lots"}):
        with pytest.raises(InvalidInput):
            made.remember(**changes)
    assert read_settings(made.files) == ClusterSettings()


def test_an_image_is_chosen_by_path_or_name(tmp_path: Path, base: Path) -> None:
    deps, control = tmp_path / "deps", Control()
    with pytest.raises(InvalidImage, match="no base image in its cache"):
        choose_image("", "amd64", control, deps=deps)
    folder = deps / "vmconfig/artifacts/os-image"
    for version in ("1", "2"):
        (folder / version).mkdir(parents=True)
        (folder / version / "d.qcow2").write_bytes(base.read_bytes())
    digest = "sha256:" + subprocess.run(["sha256sum", base], check=True, capture_output=True, text=True).stdout[:64]
    about = {"version": "2", "url": "https://images.invalid/d.qcow2", "digest": digest}
    manifest = deps / "vmconfig/manifests/vmconfig_knc_debian-13_amd64.json"
    manifest.parent.mkdir()
    manifest.write_text(json.dumps({"vmconfig": {"os": {"image": about}}}))
    assert [image.name for image in list_images("amd64", deps=deps)] == ["os-image/2/d.qcow2", "os-image/1/d.qcow2"]
    for choice, path in {
        "": folder / "2/d.qcow2",
        "d.qcow2": folder / "2/d.qcow2",
        "os-image/1/d.qcow2": folder / "1/d.qcow2",
        str(base): base,
    }.items():
        assert choose_image(choice, "amd64", control, deps=deps) == path
    (folder / "2/d.qcow2").write_bytes(b"other")
    for choice in ("", "d.qcow2"):
        with pytest.raises(InvalidImage, match="not what its digest says"):
            choose_image(choice, "amd64", control, deps=deps)
    with pytest.raises(VMError, match="no image none"):
        choose_image("none", "amd64", control, deps=deps)
