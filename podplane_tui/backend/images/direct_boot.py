"""Kernel and initrd out of a base image, so that QEMU boots it directly: extracted once, kept in `boot/` beside it.

Nothing is mounted and nobody needs to be root: qemu-img copies the partition, debugfs (e2fsprogs) the file in it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import Cancelled, CorruptFile, InvalidImage, InvalidInput, MissingProgram, VMError
from podplane_tui.backend.core.files import os_errors_as, private_directory, sync_directory, temporary_beside
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.facts import find_program, install_hint
from podplane_tui.backend.images.digest import verify
from podplane_tui.backend.images.manifest import BootFile, Manifest, deps_directory, read_manifest
from podplane_tui.backend.images.partitions import ANOTHER, HEAD, find_partition
from podplane_tui.backend.images.qcow2 import backing_path, read_image, require_standalone
from podplane_tui.backend.images.qemu_img import run_qemu_img
from podplane_tui.backend.images.url import display_path
from podplane_tui.backend.qemu.arguments import DirectBootOptions

BOOT_DIRECTORY = "boot"

_MAX_BOOT_FILE = 2**30
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/opt/homebrew/opt/e2fsprogs/sbin", "/usr/local/opt/e2fsprogs/sbin")
_ONE_WORD = re.compile(r"[A-Za-z0-9._+~@:=,/-]+")  # what debugfs does not split, unquote or take for an option
_KIND = re.compile(r"Type: (\w+)")
_BYTES = re.compile(r"Size: (\d+)")
_VERSION = re.compile(r"debugfs \d")


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
        raise InvalidImage(manifest.boot_problem, hint="boot with --firmware")
    boot = manifest.boot
    require_standalone(manifest.image)
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
    _take_out(volume, file.partition, choices, target, control)


def _copy_range(image: Path, offset: int, size: int, target: Path, control: Control) -> None:
    """Copy a part of the disk that `image` holds, holes kept, into a raw file."""
    disk = {"driver": "qcow2", "file": {"driver": "file", "filename": str(image)}}
    virtual = read_image(image).virtual_bytes
    if offset >= virtual:
        raise InvalidImage(f"a partition of {display_path(image.name)} begins beyond its end", hint=ANOTHER)
    part = {"driver": "raw", "offset": offset, "size": min(size, virtual - offset), "file": disk}
    run_qemu_img(
        ["convert", "-O", "raw", "json:" + json.dumps(part), str(target)],
        image,
        failed=InvalidImage,
        cancel=control.cancel,
    )


def _take_out(volume: Path, number: int, choices: list[str], target: Path, control: Control) -> None:
    """Copy the first of `choices` that is a file in the file system at `volume` to `target`."""
    where = f"partition {number} of the base image"
    for path in choices:
        if not _ONE_WORD.fullmatch(path):
            raise InvalidImage(
                f"podplane's manifest has an invalid kernel path {path[:80]!r}", hint="let podplane download it again"
            )
        output, words = _debugfs(volume, f"stat {path}", control)
        kind, size = _KIND.search(output), _BYTES.search(output)
        if kind is None or size is None:
            if "not found" in words:
                continue
            raise InvalidImage(
                f"{where} has no readable ext4 file system ({words or 'debugfs gave no reason'})", hint=ANOTHER
            )
        if kind[1] != "regular":
            what = "symbolic link" if kind[1] == "symlink" else kind[1]
            raise InvalidImage(f"{path} in {where} is a {what}, not a file", hint=ANOTHER)
        if int(size[1]) > _MAX_BOOT_FILE:
            raise InvalidImage(f"{path} in {where} is too large for a kernel or initrd", hint=ANOTHER)
        copy = volume.with_name("file")  # a name that is one word, wherever the folder is
        _debugfs(volume, f"dump {path} {copy.name}", control)
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        copy.replace(target)
        return
    raise InvalidImage(f"there is no {choices[0]} in {where}", hint=ANOTHER)


def _debugfs(volume: Path, request: str, control: Control) -> tuple[str, str]:
    """Let debugfs, in the folder of `volume`, do one request; what it prints, and what it complains of on one line."""
    program = find_program("debugfs") or next(
        (path for folder in _SYSTEM_FOLDERS if (path := Path(folder, "debugfs")).exists()), None
    )
    if program is None:
        raise MissingProgram("debugfs is not installed", hint=install_hint("debugfs"))
    if control.cancel.is_set():
        raise Cancelled("the extraction of the kernel was cancelled", hint="nothing is left of it")
    done = subprocess.run(
        [str(program), "-R", request, volume.name],
        cwd=volume.parent,
        env={**os.environ, "LC_ALL": "C", "DEBUGFS_PAGER": "__none__"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,  # Ctrl-C cancels the verb, and is no reason to take the file system for a broken one
        check=False,
    )
    complaints = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if not _VERSION.match(line)]
    return done.stdout.decode("utf-8", "replace"), one_line(" ".join(complaints), limit=300)
