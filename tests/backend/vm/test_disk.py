"""Disks of stopped machines, with the real qemu-img: growing, snapshots, copies, and what is remembered."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import (
    Busy,
    InvalidImage,
    InvalidInput,
    SnapshotNotFound,
    VMError,
    VMExists,
    VMNotFound,
)
from podplane_tui.backend.images.cache import choose_image, list_images
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.runtime.lock import vm_lock
from podplane_tui.backend.vm.cluster import Cluster
from tests.backend.vm.support import cluster, holds, io

pytestmark = pytest.mark.usefixtures("require_qemu")


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
