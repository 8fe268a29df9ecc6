"""The base images podplane has in its cache: what a new machine's disk can be based on without a path."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import CorruptFile, InvalidImage, InvalidInput
from podplane_tui.backend.core.paths import base_directory
from podplane_tui.backend.core.sizes import parse_disk_size
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.images.digest import digest_fault, validate_digest, verify
from podplane_tui.backend.images.download import DEFAULT_MAX_SIZE, download_image, kept_digest
from podplane_tui.backend.images.manifest import Manifest, artifacts_directory, deps_directory, read_manifest
from podplane_tui.backend.images.qcow2 import require_standalone
from podplane_tui.backend.images.url import display_path, display_url, is_url


@dataclass(frozen=True, slots=True)
class CachedImage:
    """A qcow2 file in a cache; `name` is its path there, `digest` what it must have, "" where that is not known.

    In `name` and `title`, its last part, `display_path` hides what may be secret.
    """

    name: str
    path: Path
    digest: str = ""

    @property
    def title(self) -> str:
        """What to call it where no other image has the same."""
        return display_path(self.path.name)


def list_images(arch: str, *, deps: Path | None = None) -> tuple[CachedImage, ...]:
    """The images in podplane's cache, that of its manifest first. Raises `InvalidInput` without a home directory.

    A manifest that can't be understood names none.
    """
    deps = deps or deps_directory()
    manifest = _manifest(arch, deps)
    found = []
    root = artifacts_directory(deps)
    for directory, _, names in os.walk(root):
        for name in names:
            path = Path(directory, name)
            usual = manifest is not None and path == manifest.image
            if (usual or path.suffix == ".qcow2") and path.is_file():
                digest = manifest.digest if manifest is not None and usual else ""
                found.append(CachedImage(display_path(path.relative_to(root)), path, digest))
    return tuple(sorted(found, key=lambda image: (not image.digest, image.name)))


def _manifest(arch: str, deps: Path) -> Manifest | None:
    try:
        return read_manifest(deps, arch)
    except CorruptFile:
        return None


def choose_image(
    choice: str, arch: str, control: Control, *, digest: str = "", max_size: str = "", deps: Path | None = None
) -> Path:
    """The image `choice` names: a URL, a path, else a name `list_images` gives, or "" for that of podplane's manifest.

    What is at a URL is downloaded into our own cache, at most `max_size` of it, and must have `digest`. An image that
    was downloaded, by us or by podplane, must stand alone, and is verified each time where its digest is known.
    Raises `InvalidInput`, `InvalidImage`, `CorruptFile`, `CreateFailed`, `Cancelled`.
    """
    if fault := digest_fault(choice, digest):
        raise fault
    if is_url(choice):
        return _download(choice, digest, arch, control, max_size=max_size, deps=deps)
    if choice and (local := _local(choice)) is not None:
        cached = _in_cache(local, arch, deps)
        return local if cached is None else _checked(cached, control)
    if not choice:
        manifest = require_default(arch, deps=deps)
        return _checked(CachedImage(display_path(manifest.image.name), manifest.image, manifest.digest), control)
    for image in list_images(arch, deps=deps):
        if choice in {image.name, image.title, image.path.name}:
            return _checked(image, control)
    raise InvalidImage(
        f"there is no image {one_line(display_url(choice), limit=300)}, neither a file nor in podplane's cache",
        hint="check the path",
    )


def find_local(choice: str, arch: str, *, deps: Path | None = None) -> Path | None:
    """The file that `choice` names, links resolved, unless that is an image which was downloaded."""
    local = _local(choice) if choice else None
    return local.resolve() if local is not None and _in_cache(local, arch, deps) is None else None


def _local(choice: str) -> Path | None:
    path = Path(os.path.abspath(choice))  # noqa: PTH100 - links stay, as the user named them
    return path if path.exists() else None


def _in_cache(path: Path, arch: str, deps: Path | None) -> CachedImage | None:
    """The downloaded image that `path` leads to, in podplane's cache or in ours; None when it leads to none."""
    with contextlib.suppress(InvalidInput):
        for image in list_images(arch, deps=deps):
            if image.path.samefile(path):
                return image
    with contextlib.suppress(InvalidInput):
        digest = kept_digest(path, base_directory("own_cache", os.environ))
        if digest is not None:
            return CachedImage(path.name, path, digest)
    return None


def _checked(image: CachedImage, control: Control) -> Path:
    require_standalone(image.path)
    if image.digest:
        control.report(f"verifying {image.title}")
        verify(image.path, image.digest, control)
    return image.path


def _download(url: str, digest: str, arch: str, control: Control, *, max_size: str, deps: Path | None) -> Path:
    own_cache = base_directory("own_cache", os.environ)
    with contextlib.suppress(InvalidInput):
        manifest = _manifest(arch, deps or deps_directory())
        if manifest is not None and manifest.size and manifest.digest == validate_digest(digest):
            return download_image(url, digest, own_cache, max_bytes=manifest.size, control=control)
    most = parse_disk_size(max_size or DEFAULT_MAX_SIZE)
    return download_image(url, digest, own_cache, max_bytes=most, control=control)


def require_default(arch: str, *, deps: Path | None = None) -> Manifest:
    """podplane's manifest, whose image is in the cache. Raises `InvalidImage`, `CorruptFile`, `InvalidInput`."""
    manifest = read_manifest(deps or deps_directory(), arch)
    if manifest is None or not manifest.image.is_file():
        raise InvalidImage(
            "podplane has no base image in its cache",
            hint='let podplane download one, name an image, or say "empty" for an empty disk',
        )
    return manifest
