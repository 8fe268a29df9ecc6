"""Disk images: what a qcow2 header says, and the few `qemu-img` runs."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.errors import CreateFailed, InvalidImage
from podplane_tui.backend.files import open_regular
from podplane_tui.backend.host import require_program

VIRTUAL_SIZE = "128G"
"""The size podplane gives a machine's disk; it is sparse."""

# magic, version, backing file offset, backing file size, cluster bits, virtual size (qcow2 specification, big-endian)
_HEADER = struct.Struct(">4sIQIIQ")
_MAGIC = b"QFI\xfb"


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """Sizes in bytes: what the file takes on this disk and what the guest sees; and the file it is based on."""

    disk_bytes: int
    virtual_bytes: int
    backing_file: str | None


def read_image(path: Path) -> ImageInfo:
    """What the qcow2 image at `path` says of itself. Raises `InvalidImage` with the reason when it is not one."""
    try:
        with open_regular(path, follow_links=True) as file:
            info = os.fstat(file.fileno())
            head = file.read(_HEADER.size)
            if len(head) < _HEADER.size or not head.startswith(_MAGIC):
                raise InvalidImage(f"{path} is not a qcow2 image: convert it with qemu-img convert -O qcow2")
            _, _, offset, length, _, virtual = _HEADER.unpack(head)
            backing = None
            if offset and length <= 1023:
                file.seek(offset)
                backing = os.fsdecode(file.read(length))
    except FileNotFoundError:
        raise InvalidImage(f"there is no image {path}") from None
    except OSError as error:
        raise InvalidImage(f"the image {path} can't be read: {error.strerror}") from error
    return ImageInfo(info.st_blocks * 512, virtual, backing)


def backing_path(image: Path, backing_file: str) -> Path:
    """Where a backing file named in `image` stands: relative names are relative to the image."""
    return image.parent / backing_file


def run_qemu_img(arguments: Sequence[str], *, failed: type[Exception] = CreateFailed) -> str:
    """Run `qemu-img` with these arguments and give what it printed; raises `failed` with its own words."""
    program = require_program("qemu-img")
    result = subprocess.run(
        [str(program), *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if result.returncode:
        words = " ".join((result.stderr or result.stdout).split())
        raise failed(f"qemu-img {arguments[0]} failed: {words or f'exit code {result.returncode}'}")
    return result.stdout


def create_overlay(image: Path, base_image: Path | None) -> None:
    """Make `image`, based on `base_image` or empty. Appears whole or not at all; never replaces an existing one.

    Raises `InvalidImage` for a base that is not qcow2, `CreateFailed` with qemu-img's words (disk full, no permission).
    """
    source: list[str] = []
    if base_image is not None:
        base_image = base_image.resolve()
        read_image(base_image)
        source = ["-F", "qcow2", "-b", str(base_image)]
    partial = image.with_name(f".{image.name}.{os.getpid()}.partial")
    try:
        run_qemu_img(["create", "-q", *source, "-f", "qcow2", str(partial), VIRTUAL_SIZE])
        # A hard link fails where a rename would silently replace what somebody else made meanwhile.
        os.link(partial, image)
    except FileExistsError as error:
        raise CreateFailed(f"the disk {image} appeared while it was being made: it is left as it is") from error
    except OSError as error:
        raise CreateFailed(f"the disk {image} could not be made: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
