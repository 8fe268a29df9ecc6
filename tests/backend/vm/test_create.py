"""How a cluster's VM is made: based on an image, or as a copy of another, with the real qemu-img."""

from __future__ import annotations

import errno
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import Cancelled, CorruptFile, CreateFailed, InvalidImage, InvalidInput, VMExists
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.ssh.known_hosts import HostKeys, read_host_keys, trust
from podplane_tui.backend.vm import disk as disks
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.create import EMPTY_DISK, EMPTY_IMAGE, CreateSpec
from podplane_tui.backend.vm.remembered import read_settings
from tests.backend.recording.support import key
from tests.backend.vm.support import be_qemu_img, cluster, holds, io
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("require_qemu")


def test_a_disk_is_never_smaller_than_its_base(tmp_path: Path, base: Path) -> None:
    with pytest.raises(InvalidInput, match="smaller than its base"):
        cluster(tmp_path, "b").create(CreateSpec(image=str(base), disk_size="32M"))


@pytest.mark.slow
def test_a_copy_has_the_same_base_and_nothing_else_in_common(made: Cluster, base: Path, tmp_path: Path) -> None:
    made.files.efivars.write_bytes(b"variables")
    made.files.user_data.parent.mkdir(parents=True)
    made.files.user_data.write_text("#cloud-config\n")
    made.remember(cpus="3", memory="1G")
    made.disk.take_snapshot("x")
    copy = cluster(tmp_path, "b")
    copy.create(CreateSpec(source=made.files.cluster_id))
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
    again.create(CreateSpec(source=copy.files.cluster_id))
    copy.delete(copy.delete_plan())
    assert again.user_data(Path(read_settings(again.files).user_data)) == "#cloud-config\n"
    assert [path.name for path in copy.files.settings.parent.iterdir() if "-b." in path.name] == []


def test_a_copy_is_made_whole_or_not_at_all(made: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = cluster(tmp_path, "b")
    with pytest.raises(InvalidInput, match="itself"):
        made.create(CreateSpec(source=made.files.cluster_id))

    def nothing_is_left() -> bool:
        return copy.delete_plan() == () and not list(copy.files.image_dir.glob("*.tmp"))

    cancel = Event()
    cancel.set()
    with pytest.raises(Cancelled, match="qemu-img convert was cancelled"):
        copy.create(CreateSpec(source=made.files.cluster_id), control=Control(cancel=cancel))
    assert nothing_is_left()

    # A copy that never ends, however fast the machine is: it has written something when it is cancelled.
    cancel.clear()
    with monkeypatch.context() as patch, ThreadPoolExecutor() as threads:
        be_qemu_img('for target; do :; done\necho part >"$target"\nexec sleep 600', tmp_path, patch)
        cloning = threads.submit(copy.create, CreateSpec(source=made.files.cluster_id), control=Control(cancel=cancel))
        written = copy.files.image_dir.glob
        wait_until(lambda: cloning.done() or any(path.stat().st_size for path in written("*.tmp")), "half a copy")
        cancel.set()
        with pytest.raises(Cancelled, match="qemu-img convert was cancelled"):
            cloning.result()
    assert nothing_is_left()

    copy.create(EMPTY_DISK)
    with pytest.raises(VMExists, match="podplane-local-b already has a disk"):
        copy.create(CreateSpec(source=made.files.cluster_id))


@pytest.mark.slow
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
        with pytest.raises(VMExists, match="podplane-local-b already has a disk"):
            copy.create(CreateSpec(source=made.files.cluster_id))
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
        with pytest.raises(CreateFailed, match="podplane-local-b could not be made: the disk is broken"):
            copy.create(CreateSpec(source=made.files.cluster_id))
    assert copy.delete_plan() == ()

    shutil.rmtree(copy.files.settings.parent)
    copy.files.settings.parent.write_text("no folder")
    with pytest.raises(CorruptFile, match=r"the lock .*/podplane-local-b\.amd64\.lock can't be opened"):
        copy.create(CreateSpec(source=made.files.cluster_id))
    assert copy.delete_plan() == ()


def test_a_copy_of_a_disk_without_uefi_variables_has_none(made: Cluster, tmp_path: Path) -> None:
    copy = cluster(tmp_path, "b")
    copy.files.efivars.write_bytes(b"of a disk that is gone")
    copy.create(CreateSpec(source=made.files.cluster_id))
    assert not copy.files.efivars.exists()


def test_a_disk_has_none_of_the_host_keys_of_one_there_was_before(tmp_path: Path) -> None:
    new = cluster(tmp_path, "a")
    new.files.known_hosts.parent.mkdir(parents=True)
    trust(new.files.known_hosts, new.files.stem, key(1))
    steps: list[str] = []
    new.create(CreateSpec(image=EMPTY_IMAGE, disk_size="1G"), control=Control(report=steps.append))
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
            new.create(CreateSpec(image=str(base), disk_size=size))
    assert new.delete_plan() == ()
    new.create(CreateSpec(image=str(base), disk_size="64M"))
    assert read_image(new.files.image).virtual_bytes == 64 * 2**20


def test_user_data_that_is_a_file_of_its_own_is_named_by_the_copy_too(made: Cluster, tmp_path: Path) -> None:
    named = tmp_path / "named"
    named.write_text("#cloud-config\n")
    made.remember(user_data=str(named), user="me")
    copy = cluster(tmp_path, "b")
    copy.create(CreateSpec(source=made.files.cluster_id))
    assert (read_settings(copy.files).user_data, read_settings(copy.files).user) == (str(named), "me")
    assert not copy.files.kept_user_data.exists()


@pytest.mark.parametrize("image", ["debian-12.qcow2", "https://example.org/x.qcow2", EMPTY_IMAGE])
def test_only_a_path_is_looked_at_before_a_vm_is_made(tmp_path: Path, image: str) -> None:
    digest = f"sha256:{'0' * 64}" if "://" in image else ""
    assert cluster(tmp_path, "b").create_fault(CreateSpec(image, digest)) is None


def test_an_image_that_is_not_there_or_is_none_is_a_fault_of_its_field(tmp_path: Path) -> None:
    new, path = cluster(tmp_path, "b"), tmp_path / "junk.qcow2"
    for words in (f"there is no file {path}", "not a qcow2 image"):
        fault = new.create_fault(CreateSpec(str(path)))
        assert fault is not None
        assert fault.field == "image"
        assert words in str(fault.error)
        with pytest.raises(InvalidImage, match=words):
            new.create(CreateSpec(str(path)))
        path.write_bytes(b"junk")
    assert new.delete_plan() == ()


def test_without_an_image_of_podplanes_none_is_made_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    new = cluster(tmp_path, "b")
    fault = new.create_fault(CreateSpec())
    assert fault is not None
    assert fault.field == "image"
    with pytest.raises(InvalidImage, match='say "empty" for an empty disk'):
        new.create(CreateSpec())
    assert new.delete_plan() == ()


@pytest.mark.parametrize(
    ("field", "spec"),
    [
        ("digest", CreateSpec("https://example.org/x.qcow2")),
        ("digest", CreateSpec("x.qcow2", "sha256:00")),
        ("digest", CreateSpec("https://example.org/x.qcow2", "sha256:00")),
        ("disk_size", CreateSpec(EMPTY_IMAGE, disk_size="lots")),
        ("cpus", CreateSpec(EMPTY_IMAGE, cpus="0")),
        ("memory", CreateSpec(EMPTY_IMAGE, memory="lots")),
        ("user_data", CreateSpec(EMPTY_IMAGE, user_data="/nowhere")),
        ("source", CreateSpec(EMPTY_IMAGE, source="a")),
    ],
)
def test_each_field_that_can_not_be_is_named_and_nothing_is_begun(tmp_path: Path, field: str, spec: CreateSpec) -> None:
    new = cluster(tmp_path, "b")
    fault = new.create_fault(spec)
    assert fault is not None
    assert fault.field == field
    with pytest.raises(type(fault.error), match=re.escape(str(fault.error))):
        new.create(spec)
    assert new.delete_plan() == ()


def test_what_is_named_for_its_starts_is_remembered(tmp_path: Path) -> None:
    new, text = cluster(tmp_path, "b"), tmp_path / "user-data"
    text.write_text("#cloud-config\n")
    new.create(CreateSpec(EMPTY_IMAGE, disk_size="16M", cpus="3", memory="1G", user_data=str(text)))
    kept = read_settings(new.files)
    assert (kept.cpus, kept.memory, kept.user_data) == ("3", "1G", str(text))


def test_a_disk_whose_settings_can_not_be_kept_is_not_left(tmp_path: Path) -> None:
    new = cluster(tmp_path, "b")
    new.files.settings.parent.parent.mkdir(parents=True, exist_ok=True)
    new.files.settings.parent.write_text("no folder")
    with pytest.raises(CorruptFile, match=r"the lock .*/podplane-local-b\.amd64\.lock can't be opened"):
        new.create(CreateSpec(EMPTY_IMAGE, disk_size="16M", cpus="2"))
    assert not new.files.image.exists()
