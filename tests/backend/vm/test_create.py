"""How a cluster's VM is made: based on an image, or as a copy of another, with the real qemu-img."""

from __future__ import annotations

import errno
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import Cancelled, CorruptFile, CreateFailed, InvalidInput, VMExists
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.ssh.known_hosts import HostKeys, read_host_keys, trust
from podplane_tui.backend.vm import disk as disks
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.remembered import read_settings
from tests.backend.recording.support import key
from tests.backend.vm.support import be_qemu_img, cluster, holds, io

pytestmark = pytest.mark.usefixtures("require_qemu")


def test_a_disk_is_never_smaller_than_its_base(tmp_path: Path, base: Path) -> None:
    with pytest.raises(InvalidInput, match="smaller than its base"):
        cluster(tmp_path, "b").create(base, size="32M")


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


def test_a_disk_has_none_of_the_host_keys_of_one_there_was_before(tmp_path: Path) -> None:
    new = cluster(tmp_path, "a")
    new.files.known_hosts.parent.mkdir(parents=True)
    trust(new.files.known_hosts, new.files.stem, key(1))
    steps: list[str] = []
    new.create(None, size="1G", control=Control(report=steps.append))
    assert read_host_keys(new.files.known_hosts) == HostKeys()
    assert steps == ["making the disk"]
    assert read_image(new.files.image).virtual_bytes == 2**30


def test_a_disk_that_can_not_be_is_not_begun(tmp_path: Path, base: Path) -> None:
    new = cluster(tmp_path, "b")
    for size, why in (
        ("lots", "such as 128G"),
        ("63M", "a disk of 63M is smaller than its base image, which has 0.0625G"),
    ):
        with pytest.raises(InvalidInput, match=why):
            new.create(base, size=size)
    assert new.delete_plan() == ()
    new.create(base, size="64M")
    assert read_image(new.files.image).virtual_bytes == 64 * 2**20


def test_user_data_that_is_a_file_of_its_own_is_named_by_the_copy_too(made: Cluster, tmp_path: Path) -> None:
    named = tmp_path / "named"
    named.write_text("#cloud-config\n")
    made.remember(user_data=str(named), user="me")
    copy = cluster(tmp_path, "b")
    copy.clone(made)
    assert (read_settings(copy.files).user_data, read_settings(copy.files).user) == (str(named), "me")
    assert not copy.files.kept_user_data.exists()
