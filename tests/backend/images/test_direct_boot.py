"""podplane's manifest, and kernel and initrd out of real images made by sfdisk, mke2fs and qemu-img."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from threading import Event

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import Cancelled, InvalidImage
from podplane_tui.backend.images.direct_boot import boot_files, choose_boot
from podplane_tui.backend.images.manifest import manifest_path, read_manifest
from podplane_tui.backend.images.qemu_img import create_overlay
from tests.conftest import missing

pytestmark = pytest.mark.usefixtures("require_qemu")

PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
KERNEL, INITRD = os.urandom(300_000), b"initrd" * 1000
NUMBER = 2


def run(*command: str | Path, script: str = "") -> None:
    if shutil.which(command[0], path=PATH) is None:
        missing(f"{command[0]} is not installed", linux_only=True)
    subprocess.run(command, check=True, capture_output=True, text=True, input=script, env={**os.environ, "PATH": PATH})


def digest(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def make_image(directory: Path, *, label: str = "gpt", folder: str = "boot") -> Path:
    """A disk of two partitions; the second is ext4 and holds kernel and initrd in `folder`."""
    tree, disk, image = directory / "tree", directory / "disk.raw", directory / "image.qcow2"
    (tree / folder).mkdir(parents=True)
    (tree / folder / "vmlinuz-1").write_bytes(KERNEL)
    (tree / folder / "initrd.img-1").write_bytes(INITRD)
    (tree / folder / "link").symlink_to("vmlinuz-1")
    disk.touch()
    os.truncate(disk, 16 * 2**20)
    run("sfdisk", "--quiet", disk, script=f"label: {label}\nstart=2048, size=2048\nstart=4096, size=26624\n")
    run("mke2fs", "-q", "-t", "ext4", "-b", "1024", "-E", f"offset={4096 * 512}", "-d", tree, disk, "13312")
    run("qemu-img", "convert", "-O", "qcow2", disk, image)
    shutil.rmtree(tree)
    disk.unlink()
    return image


@pytest.fixture(scope="module")
def gpt_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_image(tmp_path_factory.mktemp("gpt"))


def lay_out(deps: Path, image: Path, *, boot: object = None, folder: str = "/boot") -> Path:
    """podplane's cache with `image` in it; gives where the image then stands."""
    target = deps / "vmconfig/artifacts/os-image/1.0/debian%2013.qcow2?y=z"
    target.parent.mkdir(parents=True)
    target.hardlink_to(image)
    if boot is None:
        boot = {
            "cmdline": "root=LABEL=root ro",
            "kernel": {"partition": NUMBER, "path": f"{folder}/vmlinuz-1", "digest": digest(KERNEL)},
            "initrd": {"partition": NUMBER, "path": f"{folder}/initrd.img-1", "digest": digest(INITRD, "sha512")},
        }
    about = {"version": "1.0", "url": "https://images.invalid/x/debian%2013.qcow2?y=z", "type": "qcow2", "size": 5}
    about["digest"] = digest(image.read_bytes())
    path = manifest_path(deps, "amd64")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"vmconfig": {"os": {"image": about, "boot": boot}, "more": [1]}}))
    return target


def listing(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(("label", "folder"), [("gpt", "boot"), ("dos", "boot"), ("gpt", ".")])
def test_kernel_and_initrd_come_out_as_they_went_in(tmp_path: Path, label: str, folder: str) -> None:
    base = lay_out(tmp_path / "deps", make_image(tmp_path, label=label, folder=folder))
    disk = tmp_path / "disk, x.qcow2"
    create_overlay(disk, base)
    steps: list[str] = []
    choice = choose_boot(disk, "amd64", Control(report=steps.append), deps=tmp_path / "deps")
    assert choice.reason == ""
    assert choice.options is not None
    assert choice.options.cmdline == "root=LABEL=root ro"
    assert Path(choice.options.kernel_path) == base.parent / "boot" / "vmlinuz-1"
    assert Path(choice.options.kernel_path).read_bytes() == KERNEL
    assert Path(choice.options.initrd_path).read_bytes() == INITRD
    assert len(steps) == 2
    assert listing(base.parent / "boot") == ["initrd.img-1", "vmlinuz-1"]
    # The second time they are there already; what was damaged meanwhile is made anew.
    assert choose_boot(disk, "amd64", Control(report=steps.append), deps=tmp_path / "deps") == choice
    assert len(steps) == 2
    Path(choice.options.kernel_path).write_bytes(b"damaged")
    assert choose_boot(disk, "amd64", Control(), deps=tmp_path / "deps") == choice
    assert Path(choice.options.kernel_path).read_bytes() == KERNEL


def test_a_disk_of_another_base_boots_by_firmware(tmp_path: Path, gpt_image: Path) -> None:
    lay_out(tmp_path / "deps", gpt_image)
    other, empty = tmp_path / "other.qcow2", tmp_path / "empty.qcow2"
    create_overlay(empty, None)
    create_overlay(other, empty)
    for disk in (empty, other, tmp_path / "none.qcow2"):
        choice = choose_boot(disk, "amd64", Control(), deps=tmp_path / "deps")
        assert (choice.options, choice.reason) == (None, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kernel": {"partition": 7}}, "no partition 7"),
        ({"kernel": {"partition": 1}}, "no readable ext4 file system"),
        ({"kernel": {"path": "/boot/none"}}, "no /boot/none in partition 2"),
        ({"kernel": {"path": "/boot/link"}}, "symbolic link"),
        ({"kernel": {"path": "/boot"}}, "is a directory, not a file"),
        ({"kernel": {"path": "/boot/../x"}}, "not complete"),
        ({"kernel": {"partition": 0}}, "not complete"),
        ({"initrd": {"digest": "md5:0"}}, "not complete"),
        ({"initrd": {"digest": digest(b"other")}}, "digest mismatch"),
        ({"kernel": None}, "not complete"),
    ],
)
def test_why_there_is_no_direct_boot_is_told(
    tmp_path: Path, gpt_image: Path, change: dict[str, dict[str, object] | None], words: str
) -> None:
    base = lay_out(tmp_path / "deps", gpt_image)
    path = manifest_path(tmp_path / "deps", "amd64")
    value = json.loads(path.read_text())
    for name, fields in change.items():
        boot = value["vmconfig"]["os"]["boot"]
        boot[name] = None if fields is None else boot[name] | fields
    path.write_text(json.dumps(value))
    disk = tmp_path / "disk.qcow2"
    create_overlay(disk, base)
    choice = choose_boot(disk, "amd64", Control(), deps=tmp_path / "deps")
    assert choice.options is None
    assert words in choice.reason
    assert "\n" not in choice.reason
    if (base.parent / "boot").exists():
        assert set(listing(base.parent / "boot")) <= {"vmlinuz-1"}


def test_boot_data_may_be_left_out(tmp_path: Path, gpt_image: Path) -> None:
    base = lay_out(tmp_path / "deps", gpt_image, boot={})
    manifest = read_manifest(tmp_path / "deps", "amd64")
    assert manifest is not None
    assert (manifest.image, manifest.boot) == (base, None)
    with pytest.raises(InvalidImage, match="no boot data"):
        boot_files(manifest, Control())


def test_cancelling_leaves_nothing(tmp_path: Path, gpt_image: Path) -> None:
    base = lay_out(tmp_path / "deps", gpt_image)
    manifest = read_manifest(tmp_path / "deps", "amd64")
    assert manifest is not None
    cancel = Event()
    cancel.set()
    with pytest.raises(Cancelled, match="qemu-img convert was cancelled"):
        boot_files(manifest, Control(cancel=cancel))
    assert listing(base.parent / "boot") == []


def test_nothing_comes_out_of_an_image_that_refers_to_other_files(tmp_path: Path, gpt_image: Path) -> None:
    image = lay_out(tmp_path, gpt_image)
    image.unlink()  # it is a link to the one that all tests share
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", gpt_image, image)
    manifest = read_manifest(tmp_path, "amd64")
    assert manifest is not None
    with pytest.raises(InvalidImage, match=r"debian%2013\.qcow2\?… is refused: it has a backing file"):
        boot_files(manifest, Control())
    assert not (image.parent / "boot").exists()
