"""What a qcow2 image says of itself, read from its header.

Source: the qcow2 specification of QEMU (`docs/interop/qcow2.txt`).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.errors import InvalidImage
from podplane_tui.backend.core.files import open_regular
from podplane_tui.backend.core.text import one_line

# magic, version, backing file offset, backing file size, cluster bits, virtual size (qcow2 specification, big-endian)
_HEADER = struct.Struct(">4sIQIIQ")
_MAGIC = b"QFI\xfb"
_MAX_BACKING_OFFSET = 2 * 2**20  # the name stands in the first cluster, and none is larger


class ImageInfo(NamedTuple):
    """The size that the guest sees, in bytes, and the file it is based on."""

    virtual_bytes: int
    backing_file: str | None


def read_image(path: Path | str) -> ImageInfo:
    """What the qcow2 image at `path` says of itself. Raises `InvalidImage` with the reason when it is not one."""
    try:
        with open_regular(path, follow_links=True) as file:
            head = file.read(_HEADER.size)
            if len(head) < _HEADER.size or not head.startswith(_MAGIC):
                raise InvalidImage(f"{path} is not a qcow2 image", hint="convert it with qemu-img convert -O qcow2")
            _, _, offset, length, _, virtual = _HEADER.unpack(head)
            backing = None
            if offset and length:
                if offset > _MAX_BACKING_OFFSET or length > 1023:
                    raise InvalidImage(f"the image {path} has a broken header", hint="replace it with an intact copy")
                file.seek(offset)
                backing = os.fsdecode(file.read(length))
    except FileNotFoundError:
        raise InvalidImage(f"there is no image {path}", hint="put it back, or delete the VM") from None
    except OSError as error:
        raise InvalidImage(
            f"the image {path} can't be read: {error.strerror}", hint="make it a file that you may read"
        ) from error
    return ImageInfo(virtual, backing)


def backing_path(image: Path, backing_file: str) -> Path:
    """Where a backing file named in `image` stands: relative names are relative to the image."""
    return image.parent / backing_file


def require_base(image: Path, backing_file: str) -> None:
    """Raise `InvalidImage` when the file that `image` is based on is not there.

    A name that is no path (`nbd:…`, `json:…`) is QEMU's to judge.
    """
    if "\0" in backing_file:
        raise InvalidImage(f"the image {image} has a broken header", hint="replace it with an intact copy")
    head, colon, _ = backing_file.partition(":")
    if (not colon or "/" in head) and not backing_path(image, backing_file).is_file():
        base = one_line(backing_file, limit=300)
        raise InvalidImage(f"the base image {base} is gone", hint="put it back, or delete the VM")


def missing_base(image: Path, backing_file: str) -> str | None:
    """What `require_base` raises in one line; None when it raises nothing."""
    try:
        require_base(image, backing_file)
    except InvalidImage as error:
        return str(error)
    return None
