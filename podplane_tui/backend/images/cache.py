"""The base images podplane has in its cache: what a new machine's disk can be based on without a path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import CorruptFile, InvalidImage
from podplane_tui.backend.core.paths import base_directory
from podplane_tui.backend.images.digest import digest_fault, is_url, verify
from podplane_tui.backend.images.download import download_image
from podplane_tui.backend.images.manifest import Manifest, artifacts_directory, deps_directory, read_manifest


@dataclass(frozen=True, slots=True)
class CachedImage:
    """A qcow2 file in the cache; `name` is its path there, `digest` the manifest's, "" when it names another."""

    name: str
    path: Path
    digest: str = ""


def list_images(arch: str, *, deps: Path | None = None) -> tuple[CachedImage, ...]:
    """The images in podplane's cache, that of its manifest first. Raises `InvalidInput` without a home directory.

    A manifest that can't be understood names none.
    """
    deps = deps or deps_directory()
    try:
        manifest = read_manifest(deps, arch)
    except CorruptFile:
        manifest = None
    found = []
    root = artifacts_directory(deps)
    for directory, _, names in os.walk(root):
        for name in names:
            path = Path(directory, name)
            if path.suffix == ".qcow2" and path.is_file():
                digest = manifest.digest if manifest is not None and path == manifest.image else ""
                found.append(CachedImage(str(path.relative_to(root)), path, digest))
    return tuple(sorted(found, key=lambda image: (not image.digest, image.name)))


def choose_image(choice: str, arch: str, control: Control, *, digest: str = "", deps: Path | None = None) -> Path:
    """The image `choice` names: a URL, a path, else a name `list_images` gives, or "" for that of podplane's manifest.

    What is at a URL is downloaded into our own cache and must have `digest`; what the manifest has a digest of is held
    against that. Raises `InvalidInput`, `InvalidImage`, `CorruptFile`, `CreateFailed`, `Cancelled`.
    """
    if fault := digest_fault(choice, digest):
        raise fault
    if is_url(choice):
        return download_image(choice, digest, base_directory("own_cache", os.environ), control=control)
    path = Path(os.path.abspath(choice))  # noqa: PTH100 - links stay, as the user named them
    if choice and path.exists():
        return path
    if not choice:
        manifest = require_default(arch, deps=deps)
        control.report(f"verifying {manifest.image.name}")
        verify(manifest.image, manifest.digest, control)
        return manifest.image
    for image in list_images(arch, deps=deps):
        if choice in {image.name, image.path.name}:
            if image.digest:
                control.report(f"verifying {image.path.name}")
                verify(image.path, image.digest, control)
            return image.path
    raise InvalidImage(f"there is no image {choice}, neither a file nor in podplane's cache", hint="check the path")


def require_default(arch: str, *, deps: Path | None = None) -> Manifest:
    """podplane's manifest, whose image is in the cache. Raises `InvalidImage`, `CorruptFile`, `InvalidInput`."""
    manifest = read_manifest(deps or deps_directory(), arch)
    if manifest is None or not manifest.image.is_file():
        raise InvalidImage(
            "podplane has no base image in its cache",
            hint='let podplane download one, name an image, or say "empty" for an empty disk',
        )
    return manifest
