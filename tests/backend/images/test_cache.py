"""The base images in podplane's cache, and the one that is meant."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import InvalidImage, InvalidInput, VMError
from podplane_tui.backend.images import cache
from podplane_tui.backend.images.cache import CachedImage, choose_image, find_local, list_images
from podplane_tui.backend.images.manifest import artifacts_directory, manifest_path

pytestmark = pytest.mark.usefixtures("require_qemu")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "bäse, x.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "64M"], check=True)
    return path


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
    (folder / "2/d.qcow2").write_bytes(base.read_bytes() + b"other")
    for choice in ("", "d.qcow2"):
        with pytest.raises(InvalidImage, match="digest mismatch"):
            choose_image(choice, "amd64", control, deps=deps)
    with pytest.raises(VMError, match="no image none"):
        choose_image("none", "amd64", control, deps=deps)


IMAGE = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 2**20) + bytes(72)
DIGEST = f"sha256:{hashlib.sha256(IMAGE).hexdigest()}"


@pytest.fixture
def deps(tmp_path: Path) -> Path:
    """podplane's cache with an image of its manifest and another one, and what is none."""
    deps = tmp_path / "deps"
    for name in ("os-image/2/d.qcow2", "a/other.qcow2"):
        path = artifacts_directory(deps) / name
        path.parent.mkdir(parents=True)
        path.write_bytes(IMAGE)
    (artifacts_directory(deps) / "a/notes.txt").touch()
    (artifacts_directory(deps) / "a/folder.qcow2").mkdir()
    (artifacts_directory(deps) / "a/gone.qcow2").symlink_to("nowhere")
    about = {"version": "2", "url": "https://images.invalid/d.qcow2", "digest": DIGEST}
    manifest = manifest_path(deps, "amd64")
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"vmconfig": {"os": {"image": about}}}))
    return deps


def test_only_files_that_are_images_are_listed_that_of_the_manifest_first(deps: Path) -> None:
    root = artifacts_directory(deps)
    other = CachedImage("a/other.qcow2", root / "a/other.qcow2")
    ours = CachedImage("os-image/2/d.qcow2", root / "os-image/2/d.qcow2", DIGEST)
    assert list_images("amd64", deps=deps) == (ours, other)
    assert [image.digest for image in list_images("arm64", deps=deps)] == ["", ""]


def test_a_manifest_that_can_not_be_understood_hides_no_image(deps: Path) -> None:
    manifest_path(deps, "amd64").write_text("{")
    assert [image.name for image in list_images("amd64", deps=deps)] == ["a/other.qcow2", "os-image/2/d.qcow2"]


def test_without_a_cache_there_are_no_images(tmp_path: Path) -> None:
    assert list_images("amd64", deps=tmp_path / "none") == ()


def test_a_url_and_a_digest_go_together(deps: Path) -> None:
    with pytest.raises(InvalidInput, match="an image from a URL needs its digest"):
        choose_image("https://images.invalid/d.qcow2", "amd64", Control(), deps=deps)
    for choice in ("", "d.qcow2"):
        with pytest.raises(InvalidInput, match="a digest needs an image from a URL"):
            choose_image(choice, "amd64", Control(), digest=DIGEST, deps=deps)


def test_only_what_has_a_digest_is_verified_which_is_told(deps: Path) -> None:
    steps: list[str] = []
    control = Control(report=steps.append)
    assert choose_image("other.qcow2", "amd64", control, deps=deps).name == "other.qcow2"
    assert steps == []
    for choice in ("", "os-image/2/d.qcow2"):
        choose_image(choice, "amd64", control, deps=deps)
    assert steps == ["verifying d.qcow2"] * 2


def test_a_path_is_taken_before_a_name_and_stays_as_it_was_named(
    deps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").touch()
    (tmp_path / "d.qcow2").symlink_to("real")
    assert choose_image("d.qcow2", "amd64", Control(), deps=deps) == tmp_path / "d.qcow2"


def test_an_image_that_podplane_has_yet_to_fetch_is_none(deps: Path) -> None:
    (artifacts_directory(deps) / "os-image/2/d.qcow2").unlink()
    with pytest.raises(InvalidImage, match="let podplane download one, name an image"):
        choose_image("", "amd64", Control(), deps=deps)
    with pytest.raises(InvalidImage, match=r"there is no image d\.qcow2, neither a file nor in podplane's cache"):
        choose_image("d.qcow2", "amd64", Control(), deps=deps)


def test_what_the_manifest_says_of_an_image_limits_its_download(
    deps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    about = {"version": "2", "url": "https://images.invalid/d.qcow2", "digest": DIGEST, "size": len(IMAGE)}
    manifest_path(deps, "amd64").write_text(json.dumps({"vmconfig": {"os": {"image": about}}}))
    limits: list[int | None] = []

    def download(*_: object, max_bytes: int | None, **__: object) -> Path:
        limits.append(max_bytes)
        return tmp_path

    monkeypatch.setattr(cache, "download_image", download)
    for digest, size in ((DIGEST, ""), (DIGEST, "2G"), ("sha256:" + "0" * 64, ""), ("sha256:" + "0" * 64, "2G")):
        choose_image("https://h.invalid/x", "amd64", Control(), digest=digest, max_size=size, deps=deps)
    assert limits == [len(IMAGE), len(IMAGE), 20 * 2**30, 2 * 2**30]


def test_a_path_into_a_cache_is_verified_as_a_name_is(
    deps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ours = tmp_path / "cache" / "podplane-tui" / "images" / DIGEST[:39].replace(":", "-") / "x.qcow2"
    ours.parent.mkdir(parents=True)
    ours.write_bytes(IMAGE)
    podplanes = artifacts_directory(deps) / "os-image/2/d.qcow2"
    for path in (ours, podplanes):
        assert choose_image(str(path), "amd64", Control(), deps=deps) == path
        assert find_local(str(path), "amd64", deps=deps) is None
        path.write_bytes(IMAGE + b"changed")
        with pytest.raises(InvalidImage, match="digest mismatch"):
            choose_image(str(path), "amd64", Control(), deps=deps)
    (tmp_path / "link").symlink_to("x")
    (tmp_path / "x").touch()
    assert find_local(str(tmp_path / "link"), "amd64", deps=deps) == tmp_path / "x"


def test_what_is_secret_in_the_name_of_podplanes_image_is_never_told(tmp_path: Path) -> None:
    deps = tmp_path / "deps"
    about = {"version": "2", "url": "https://images.invalid/d.qcow2?sig=s3cret&x=.5", "digest": DIGEST}
    manifest_path(deps, "amd64").parent.mkdir(parents=True)
    manifest_path(deps, "amd64").write_text(json.dumps({"vmconfig": {"os": {"image": about}}}))
    path = artifacts_directory(deps) / "os-image/2/d.qcow2?sig=s3cret&x=.5"
    path.parent.mkdir(parents=True)
    path.write_bytes(IMAGE)
    (image,) = list_images("amd64", deps=deps)
    assert (image.name, image.title, image.path, image.digest) == ("os-image/2/d.qcow2?…", "d.qcow2?…", path, DIGEST)
    steps: list[str] = []
    for choice in ("", image.name, image.title, path.name, str(path)):
        assert choose_image(choice, "amd64", Control(report=steps.append), deps=deps) == path
    assert set(steps) == {"verifying d.qcow2?…"}
    standalone = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 104, 1, 16, 2**20).ljust(104, b"\0") + b"x"
    for content, words in (
        (IMAGE + b"more", "digest mismatch for .*/d.qcow2.…: expected"),
        (b"none", "is not a qcow2 image"),
        (standalone, "the downloaded image d.qcow2.… is refused"),
    ):
        path.write_bytes(content)
        with pytest.raises(InvalidImage, match=words) as raised:
            choose_image("", "amd64", Control(), deps=deps)
        assert "s3cret" not in str(raised.value)
