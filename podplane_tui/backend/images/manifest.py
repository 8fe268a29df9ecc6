"""podplane's cached manifest: which base image there is, and which kernel and initrd in it boot it directly.

Read from `<deps>/vmconfig/manifests/`; never written. Fields that are not named here are podplane's affair.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from podplane_tui.backend.core.errors import CorruptFile, InvalidInput
from podplane_tui.backend.core.files import read_small_file
from podplane_tui.backend.core.paths import base_directory
from podplane_tui.backend.images.digest import validate_digest

OS_IMAGE = "os-image"
"""The artifact's name in podplane's cache."""

_MAX_MANIFEST = 4 * 2**20
_LONGEST_NAME = 255
"""Bytes that a file's name may have."""
_AGAIN = "let podplane download it again"


def deps_directory(environ: Mapping[str, str] | None = None) -> Path:
    """podplane's cache of what it depends on. Raises `InvalidInput` when there is no home directory to find it in."""
    environ = os.environ if environ is None else environ
    override = environ.get("PODPLANE_DEPS_CACHE_DIR")
    return Path(override) if override else base_directory("cache", environ) / "deps"


@dataclass(frozen=True, slots=True)
class BootFile:
    """A file to boot with: the number of its partition in the image, its path there, its digest."""

    partition: int
    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class BootData:
    """What a direct boot of the image takes."""

    cmdline: str
    kernel: BootFile
    initrd: BootFile


@dataclass(frozen=True, slots=True)
class Manifest:
    """The base image, at `image` once podplane has fetched it.

    `boot` is None when the manifest has no complete boot data; `boot_problem` then says what it lacks. `size` is how
    many bytes the image has, None when the manifest does not say.
    """

    image: Path
    digest: str
    boot: BootData | None
    boot_problem: str = ""
    size: int | None = None


def manifest_path(deps: Path, arch: str) -> Path:
    """Where podplane keeps the manifest for `arch`."""
    return deps / "vmconfig" / "manifests" / f"vmconfig_knc_debian-13_{arch}.json"


def artifacts_directory(deps: Path) -> Path:
    """Where podplane keeps what its manifest names."""
    return deps / "vmconfig" / "artifacts"


def read_manifest(deps: Path, arch: str) -> Manifest | None:
    """The cached manifest for `arch`; None when podplane has cached none. Raises `CorruptFile`."""
    path = manifest_path(deps, arch)
    content = read_small_file(path, limit=_MAX_MANIFEST, hint=_AGAIN)
    if content is None:
        return None
    try:
        system = json.loads(content)["vmconfig"]["os"]
        image = system["image"]
        version, url = _text(image["version"]), _text(image["url"])
        digest = validate_digest(_text(image["digest"]))
        name = _artifact_name(url)
        if name in {"", ".", ".."} or version in {"", ".", ".."} or "/" in version or "\0" in version + name:
            raise ValueError("its image has no name or version")
        if max(len(os.fsencode(version)), len(os.fsencode(name))) > _LONGEST_NAME:
            raise ValueError("its image has too long a name or version")
        size = image.get("size")
        boot, problem = _boot(system.get("boot"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidInput) as error:
        words = f"{error}" if isinstance(error, ValueError) else f"{type(error).__name__} {error}"
        raise CorruptFile(f"podplane's manifest {path} can't be understood ({words})", hint=_AGAIN) from error
    return Manifest(
        image=artifacts_directory(deps) / OS_IMAGE / version / name,
        digest=digest,
        boot=boot,
        boot_problem=problem,
        size=size if isinstance(size, int) and size > 0 else None,
    )


def _artifact_name(url: str) -> str:
    """How podplane names what is at `url`: all behind the last slash, its query, fragment and escapes too; "" for none.

    A host is no name, and may have a password before it.
    """
    _, slash, name = url.partition("://")[2].rstrip("/").rpartition("/")
    return name if slash else ""


def _boot(raw: object) -> tuple[BootData | None, str]:
    """The boot data; without it, why."""
    if not raw:
        return None, "podplane's manifest has no boot data"
    try:
        if not isinstance(raw, dict):
            raise TypeError("no object")
        return BootData(_text(raw["cmdline"]), _boot_file(raw["kernel"]), _boot_file(raw["initrd"])), ""
    except (KeyError, TypeError, ValueError) as error:
        return None, f"the boot data in podplane's manifest is not complete ({type(error).__name__}: {error})"


def _boot_file(raw: Mapping[str, object]) -> BootFile:
    partition, path = raw["partition"], _text(raw["path"])
    if isinstance(partition, str) and partition.isascii() and partition.isdigit():
        partition = int(partition[:6])
    if not isinstance(partition, int) or isinstance(partition, bool) or partition < 1:
        raise ValueError("no partition number")
    if not PurePosixPath(path).name or ".." in PurePosixPath(path).parts:
        raise ValueError("no path of a file")
    return BootFile(partition, path, validate_digest(_text(raw["digest"])))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value
