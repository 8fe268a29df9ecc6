"""Kernel and initrd out of a base image, so that QEMU boots it directly: extracted once, kept in `boot/` beside it.

Nothing is mounted and nobody needs to be root: qemu-img copies the partition, a reader of ext4 finds the file in it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

from podplane_tui.backend.digest import CHUNK, verify
from podplane_tui.backend.errors import Cancelled, CorruptFile, InvalidImage, InvalidInput, VMError
from podplane_tui.backend.files import os_errors_as, private_directory, sync_directory, temporary_beside
from podplane_tui.backend.images import backing_path, read_image, run_qemu_img
from podplane_tui.backend.interface import Control, DirectBootOptions
from podplane_tui.backend.manifest import BootFile, Manifest, deps_directory, read_manifest
from podplane_tui.backend.partitions import HEAD, find_partition

BOOT_DIRECTORY = "boot"

_MAX_BOOT_FILE = 2**30
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class BootChoice:
    """How a disk boots: directly with `options`, else by firmware; `reason` says why when direct boot was to be had."""

    options: DirectBootOptions | None
    reason: str = ""


def choose_boot(disk: Path, arch: str, control: Control, *, deps: Path | None = None) -> BootChoice:
    """Direct boot when `disk` is based on the image of podplane's cached manifest and that is complete, else firmware.

    `deps` is podplane's dependency cache, None for the usual one. Raises `Cancelled`, nothing else.
    """
    try:
        manifest = read_manifest(deps or deps_directory(), arch)
        if manifest is None or not _is_based_on(disk, manifest.image):
            return BootChoice(None)
        if manifest.boot is None:
            return BootChoice(None, manifest.boot_problem)
        return BootChoice(boot_files(manifest, control))
    except Cancelled:
        raise
    except InvalidInput:
        return BootChoice(None)  # no home directory: so there is no cache either
    except VMError as error:
        return BootChoice(None, str(error))


def _is_based_on(disk: Path, base: Path) -> bool:
    try:
        backing = read_image(disk).backing_file
        return backing is not None and backing_path(disk, backing).samefile(base)
    except (InvalidImage, OSError, ValueError):
        return False


def boot_files(manifest: Manifest, control: Control) -> DirectBootOptions:
    """The kernel and initrd of the manifest's image, extracted on first need and held against their digests always.

    Raises `CorruptFile`, `InvalidImage`, `MissingProgram`, `Cancelled`.
    """
    if manifest.boot is None:
        raise InvalidImage(manifest.boot_problem)
    boot = manifest.boot
    paths = [_extracted(manifest.image, file, control) for file in (boot.kernel, boot.initrd)]
    return DirectBootOptions(str(paths[0]), str(paths[1]), boot.cmdline)


def _extracted(image: Path, file: BootFile, control: Control) -> Path:
    target = image.parent / BOOT_DIRECTORY / PurePosixPath(file.path).name
    silent = Control(cancel=control.cancel)
    if target.is_file():
        try:
            verify(target, file.digest, silent)
        except InvalidImage:
            control.report(f"{target.name} beside the base image is not what it should be: extracting it anew")
        else:
            return target
    control.report(f"extracting {target.name} from the base image")
    with os_errors_as(CorruptFile, f"{target.name} can't be extracted"):
        private_directory(target.parent)
        copy = temporary_beside(target)
        try:
            with tempfile.TemporaryDirectory(prefix=".extract-", dir=target.parent) as directory:
                _copy_out(image, file, Path(directory), copy, control)
            verify(copy, file.digest, silent)
            copy.chmod(0o644)
            copy.replace(target)
            sync_directory(target.parent)
        finally:
            copy.unlink(missing_ok=True)
    return target


def _copy_out(image: Path, file: BootFile, directory: Path, target: Path, control: Control) -> None:
    head, volume = directory / "head", directory / "partition"
    _copy_range(image, 0, HEAD, head, control)
    partition = find_partition(head.read_bytes(), file.partition)
    _copy_range(image, partition.offset, partition.size, volume, control)
    # The partition may be a separate /boot, whose files have no boot/ of their own.
    inside = "/" + file.path.lstrip("/")
    choices = [inside, inside.removeprefix("/boot")] if inside.startswith("/boot/") else [inside]
    _read_ext4(volume, file.partition, choices, target, control)


def _copy_range(image: Path, offset: int, size: int, target: Path, control: Control) -> None:
    """Copy a part of the disk that `image` holds, holes kept, into a raw file."""
    disk = {"driver": "qcow2", "file": {"driver": "file", "filename": str(image)}}
    virtual = read_image(image).virtual_bytes
    if offset >= virtual:
        raise InvalidImage(f"a partition of {image.name} lies beyond its end")
    part = {"driver": "raw", "offset": offset, "size": min(size, virtual - offset), "file": disk}
    run_qemu_img(
        ["convert", "-O", "raw", "json:" + json.dumps(part), str(target)], failed=InvalidImage, cancel=control.cancel
    )


def _read_ext4(volume: Path, number: int, choices: list[str], target: Path, control: Control) -> None:
    """Copy the first of `choices` that is a file in the file system at `volume` to `target`."""
    from ext4 import File, SymbolicLink, Volume  # noqa: PLC0415 - needed once per image

    where = f"partition {number} of the base image"
    with volume.open("rb") as stream:
        filesystem = _guarded(lambda: Volume(stream), f"{where} holds no ext4 file system that can be read")
        for path in choices:
            try:
                inode = filesystem.inode_at(path)
            except Exception:  # noqa: S112 - of what kind is the library's affair; the last word is below
                continue
            if isinstance(inode, SymbolicLink):
                raise InvalidImage(f"{path} in {where} is a symbolic link, not a file")
            if not isinstance(inode, File):
                continue
            broken = f"{path} in {where} can't be read"
            read = partial(_guarded(inode.open, broken).read, CHUNK)
            with target.open("xb") as out:
                size = 0
                while chunk := _guarded(read, broken):
                    size += len(chunk)
                    if size > _MAX_BOOT_FILE:
                        raise InvalidImage(f"{path} in {where} is larger than a kernel or initrd can be")
                    if control.cancel.is_set():
                        raise Cancelled("the extraction of the kernel was cancelled")
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            return
    raise InvalidImage(f"there is no {choices[0]} in {where}")


def _guarded(function: Callable[[], _T], what: str) -> _T:
    """What `function` gives. What the library makes of a broken file system, whatever that is, is `InvalidImage`."""
    try:
        return function()
    except Exception as error:
        raise InvalidImage(f"{what} ({type(error).__name__}: {error})") from error
