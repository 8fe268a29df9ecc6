"""podplane's cached manifest, whole and broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import CorruptFile, InvalidInput
from podplane_tui.backend.images.manifest import (
    BootData,
    BootFile,
    Manifest,
    artifacts_directory,
    deps_directory,
    manifest_path,
    read_manifest,
)

pytestmark = pytest.mark.usefixtures("require_qemu")


def test_no_manifest_is_no_error(tmp_path: Path) -> None:
    assert read_manifest(tmp_path, "amd64") is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"vmconfig": null}',
        '{"vmconfig": {"os": {"image": {"version": "..", "url": "x"}}}}',
        "\xff",
    ],
)
def test_a_manifest_that_cannot_be_understood_is_told(tmp_path: Path, content: str) -> None:
    path = manifest_path(tmp_path, "arm64")
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="latin-1")
    with pytest.raises(CorruptFile, match="let podplane download it again"):
        read_manifest(tmp_path, "arm64")


def test_where_the_cache_is() -> None:
    assert deps_directory({"PODPLANE_DEPS_CACHE_DIR": "/d"}) == Path("/d")
    assert deps_directory({"PODPLANE_DEPS_CACHE_DIR": "", "HOME": "/h", "XDG_CACHE_HOME": "/c"}) == Path(
        "/c/podplane/deps"
    )
    with pytest.raises(InvalidInput, match="HOME"):
        deps_directory({})


DIGEST = "sha256:" + "0" * 64
KERNEL = {"partition": 1, "path": "/boot/vmlinuz", "digest": DIGEST}
BOOT = {"cmdline": "ro", "kernel": KERNEL, "initrd": {**KERNEL, "path": "/boot/initrd"}}
IMAGE = {"version": "1.0", "url": "https://images.invalid/a/b%20c.qcow2", "digest": DIGEST.upper(), "size": 5}


def read(deps: Path, boot: object = BOOT, **changes: object) -> Manifest:
    """The manifest that podplane would have cached, with these changes of its image."""
    path = manifest_path(deps, "amd64")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"vmconfig": {"os": {"image": {**IMAGE, **changes}, "boot": boot}, "more": 1}}))
    manifest = read_manifest(deps, "amd64")
    assert manifest is not None
    return manifest


def test_a_manifest_names_the_image_and_what_boots_it(tmp_path: Path) -> None:
    assert read(tmp_path) == Manifest(
        image=artifacts_directory(tmp_path) / "os-image" / "1.0" / "b%20c.qcow2",
        digest=DIGEST,
        boot=BootData("ro", BootFile(1, "/boot/vmlinuz", DIGEST), BootFile(1, "/boot/initrd", DIGEST)),
        size=5,
    )
    assert read_manifest(tmp_path, "arm64") is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": ".."}, "no name or version"),
        ({"version": ""}, "no name or version"),
        ({"version": "1/2"}, "no name or version"),
        ({"url": "https://images.invalid/"}, "no name or version"),
        ({"url": "https://images.invalid/a/.."}, "no name or version"),
        ({"url": "https://user:secret@images.invalid"}, "no name or version"),
        ({"url": "b.qcow2"}, "no name or version"),
        ({"url": "https://images.invalid/\0"}, "no name or version"),
        ({"url": f"https://images.invalid/{'ä' * 128}"}, "too long a name or version"),
        ({"version": "1" * 256}, "too long a name or version"),
        ({"url": "https://images.invalid/\ud800"}, "surrogates not allowed"),
        ({"url": 3}, "TypeError text expected"),
        ({"digest": "md5:0"}, "invalid digest"),
    ],
)
def test_an_image_that_would_stand_anywhere_is_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(CorruptFile, match=f"{words}.*[;:] let podplane download it again"):
        read(tmp_path, **changes)


@pytest.mark.parametrize(
    ("url", "version", "path"),
    [
        ("https://x.example/y/debian-13-knc.qcow2", "1", "os-image/1/debian-13-knc.qcow2"),
        ("https://x.example/y/debian.qcow2?sig=a%2Fb&x=1", "1", "os-image/1/debian.qcow2?sig=a%2Fb&x=1"),
        ("https://x.example/y/debian%2B1.qcow2", "1", "os-image/1/debian%2B1.qcow2"),
        ("https://x.example/y/debian.qcow2#part", "1", "os-image/1/debian.qcow2#part"),
        ("https://x.example/y/", "1", "os-image/1/y"),
        ("https://x.example/y/d.qcow2", "2026.11", "os-image/2026.11/d.qcow2"),
    ],
)
def test_the_image_stands_where_podplane_puts_it(tmp_path: Path, url: str, version: str, path: str) -> None:
    assert read(tmp_path, url=url, version=version).image == artifacts_directory(tmp_path) / path


@pytest.mark.parametrize("partition", [2, "2", "000002"])
def test_the_number_of_a_partition_may_be_text(tmp_path: Path, partition: object) -> None:
    boot = read(tmp_path, {**BOOT, "kernel": {**KERNEL, "partition": partition}}).boot
    assert boot is not None
    assert boot.kernel.partition == 2


@pytest.mark.parametrize(
    ("boot", "words"),
    [
        (None, "has no boot data"),
        ({}, "has no boot data"),
        ([1], "TypeError: no object"),
        ({**BOOT, "cmdline": 3}, "TypeError: text expected"),
        ({"cmdline": "ro", "kernel": KERNEL}, "KeyError: 'initrd'"),
        ({**BOOT, "kernel": {**KERNEL, "partition": True}}, "no partition number"),
        ({**BOOT, "kernel": {**KERNEL, "partition": "²"}}, "no partition number"),
        ({**BOOT, "kernel": {**KERNEL, "partition": -1}}, "no partition number"),
        ({**BOOT, "kernel": {**KERNEL, "path": "/"}}, "no path of a file"),
        ({**BOOT, "kernel": {**KERNEL, "path": "boot/../../x"}}, "no path of a file"),
        ({**BOOT, "kernel": {**KERNEL, "digest": "sha256:0"}}, "invalid digest"),
    ],
)
def test_boot_data_that_is_not_complete_is_left_out_and_why_is_told(tmp_path: Path, boot: object, words: str) -> None:
    manifest = read(tmp_path, boot)
    assert manifest.boot is None
    assert words in manifest.boot_problem
    assert manifest.digest == DIGEST
