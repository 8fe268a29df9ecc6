"""Disks of stopped machines, with the real qemu-img: growing and snapshots."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import (
    Busy,
    InvalidInput,
    SnapshotNotFound,
    VMExists,
    VMNotFound,
)
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.runtime.lock import vm_lock
from podplane_tui.backend.vm.cluster import Cluster
from tests.backend.vm.support import cluster, holds, io

pytestmark = pytest.mark.usefixtures("require_qemu")


@pytest.mark.slow
def test_a_disk_grows_and_never_shrinks(made: Cluster, tmp_path: Path) -> None:
    assert read_image(made.files.image).virtual_bytes == 2**30
    for size in ("1G", "512M"):
        with pytest.raises(InvalidInput, match="can only grow"):
            made.disk.grow(size)
    assert made.disk.grow("2g") == read_image(made.files.image).virtual_bytes == 2 * 2**30
    assert holds(made.files.image, "0x11")
    with pytest.raises(VMNotFound, match="podplane-local-none has no disk"):
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
        with pytest.raises(SnapshotNotFound, match="has no snapshot 'y': use one of x"):
            verb("y")
        with vm_lock(made.files.lock, "start"), pytest.raises(Busy, match="'start' by process"):
            verb("x")
    # Others may take names that qemu-img would mix up with ids, or twice.
    for name in ("7", "twice", "twice"):
        subprocess.run(["qemu-img", "snapshot", "-c", name, made.files.image], check=True)
    for name in ("7", "twice"):
        with pytest.raises(InvalidInput, match="is ambiguous"):
            disk.restore_snapshot(name)
    assert len(disk.snapshots()) == 4
