"""What a qcow2 image says of itself, read from its header.

Source: the qcow2 specification of QEMU (`docs/interop/qcow2.txt`).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from podplane_tui.backend.core.errors import InvalidImage
from podplane_tui.backend.core.files import open_regular
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.images.url import display_path

# magic, version, backing file offset, backing file size, cluster bits, virtual size (qcow2 specification, big-endian)
_HEADER = struct.Struct(">4sIQIIQ")
_FEATURES = struct.Struct(">Q")  # at 72, version 3 on
_LENGTH = struct.Struct(">I")  # at 100, version 3 on
_EXTENSION = struct.Struct(">II")  # type, length; what follows is padded to a multiple of 8
_MAGIC = b"QFI\xfb"
_HEAD, _VERSION_2_HEAD = 104, 72
_MAX_CLUSTER_BITS = 21
_MAX_BACKING_OFFSET = 2**_MAX_CLUSTER_BITS  # the name stands in the first cluster, and none is larger
_MAX_EXTENSIONS = 1000  # QEMU writes five
_BACKING_FORMAT, _DATA_FILE = 0xE2792ACA, 0x44415441
_DATA_FILE_BIT, _KNOWN_BITS = 2, 5  # dirty, corrupt, data file, compression type, extended L2 entries


class ImageInfo(NamedTuple):
    """The size that the guest sees, in bytes, and the other files that the image refers to.

    `backing_format` is None when the image leaves it to QEMU to guess. `data_file` is "" when it has no name.
    `unknown_features` are the numbers of incompatible feature bits that the specification does not have.
    """

    virtual_bytes: int
    backing_file: str | None
    backing_format: str | None = None
    data_file: str | None = None
    unknown_features: tuple[int, ...] = ()


def read_image(path: Path | str) -> ImageInfo:
    """What the qcow2 image at `path` says of itself. Raises `InvalidImage` with the reason when it is not one."""
    try:
        with open_regular(path, follow_links=True) as file:
            return _read(path, file)
    except FileNotFoundError:
        raise InvalidImage(f"there is no image {display_path(path)}", hint="put it back, or delete the VM") from None
    except OSError as error:
        raise InvalidImage(
            f"the image {display_path(path)} can't be read: {error.strerror}", hint="make it a file that you may read"
        ) from error


def _read(path: Path | str, file: BinaryIO) -> ImageInfo:
    head = file.read(_HEAD)
    if len(head) < _HEADER.size or not head.startswith(_MAGIC):
        raise InvalidImage(
            f"{display_path(path)} is not a qcow2 image", hint="convert it with qemu-img convert -O qcow2"
        )
    _, version, offset, length, cluster_bits, virtual = _HEADER.unpack_from(head)
    head = head.ljust(_HEAD, b"\0")
    features, start = 0, _VERSION_2_HEAD
    if version >= 3:
        (features,) = _FEATURES.unpack_from(head, 72)
        start = max(_HEAD, *_LENGTH.unpack_from(head, 100))
    end = offset or 2 ** min(cluster_bits, _MAX_CLUSTER_BITS)
    if end > _MAX_BACKING_OFFSET or (offset and length > 1023):
        raise _broken(path)
    extensions = dict(_extensions(path, file, start, end))
    backing = None
    if offset and length:
        file.seek(offset)
        backing = os.fsdecode(file.read(length))
    data_file = os.fsdecode(extensions.get(_DATA_FILE, b"")) if features >> _DATA_FILE_BIT & 1 else None
    return ImageInfo(
        virtual,
        backing,
        extensions[_BACKING_FORMAT].decode("ascii", "replace") if _BACKING_FORMAT in extensions else None,
        data_file,
        tuple(bit for bit in range(_KNOWN_BITS, 64) if features >> bit & 1),
    )


def _extensions(path: Path | str, file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The header extensions between two offsets, by type. Of two of a type QEMU uses the last."""
    for _ in range(_MAX_EXTENSIONS):
        file.seek(start)
        head = file.read(_EXTENSION.size) if start < end else b""
        if len(head) < _EXTENSION.size:
            return
        kind, length = _EXTENSION.unpack(head)
        start += _EXTENSION.size
        if kind == 0:
            return
        if length > end - start:
            raise _broken(path)
        yield kind, file.read(length)
        start += (length + 7) // 8 * 8
    raise _broken(path)


def _broken(path: Path | str) -> InvalidImage:
    return InvalidImage(f"the image {display_path(path)} has a broken header", hint="replace it with an intact copy")


def require_standalone(image: Path, *, name: str = "") -> None:
    """Raise `InvalidImage` unless QEMU, given this image, reads no other file: for images that come from elsewhere.

    `name` is what to call it, by default as its file.
    """
    info = read_image(image)
    if info.backing_file is not None:
        fault = f"has a backing file ({one_line(info.backing_file, limit=200)})"
    elif info.data_file is not None:
        fault = f"has a data file ({one_line(info.data_file, limit=200)})"
    elif info.unknown_features:
        fault = f"uses unknown features (bits {', '.join(map(str, info.unknown_features[:8]))})"
    else:
        return
    raise InvalidImage(
        f"the downloaded image {name or display_path(image.name)} is refused: it {fault}",
        hint="use an image that needs no other file of this host",
    )


def backing_path(image: Path, backing_file: str) -> Path:
    """Where a backing file named in `image` stands: relative names are relative to the image."""
    return image.parent / backing_file


def is_plain_path(name: str) -> bool:
    """Whether QEMU takes a file's `name` for a path, and not for `json:…`, `nbd:…` or the like."""
    head, colon, _ = name.partition(":")
    return not colon or "/" in head


def require_base(image: Path, backing_file: str) -> None:
    """Raise `InvalidImage` when the file that `image` is based on is not there.

    A name that is no path (`nbd:…`, `json:…`) is QEMU's to judge.
    """
    if "\0" in backing_file:
        raise _broken(image)
    if is_plain_path(backing_file) and not backing_path(image, backing_file).is_file():
        base = one_line(display_path(backing_file), limit=300)
        raise InvalidImage(f"the base image {base} is gone", hint="put it back, or delete the VM")


def missing_base(image: Path, backing_file: str) -> str | None:
    """What `require_base` raises in one line; None when it raises nothing."""
    try:
        require_base(image, backing_file)
    except InvalidImage as error:
        return str(error)
    return None
