"""The files of this host that QEMU reads for a qcow2 image, besides the image itself: its guest can read them all.

A header is data that anybody may have written: a backing file called `../../.ssh/id_ed25519` puts that file into the
guest. So every file is found before QEMU opens any, and what can't be followed to its end is refused: names that are no
plain paths, formats that QEMU would have to guess from the content, and other formats than qcow2 and raw.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.errors import InvalidImage
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.images.qcow2 import (
    ImageInfo,
    backing_path,
    is_plain_path,
    read_image,
    require_base,
)

_LONGEST = 64
_QCOW2, _RAW, _DATA = "qcow2", "raw", "raw, data file"


class ChainFile(NamedTuple):
    """A file that QEMU reads, links resolved, and as what. `version` changes when the file does."""

    path: Path
    format: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{one_line(str(self.path), limit=1000)} ({self.format})"


def read_chain(image: Path) -> tuple[ChainFile, ...]:
    """The files that `image` brings along, in the order in which they are named; () for one that stands alone.

    Raises `InvalidImage` for a file that is missing, and for what can't be followed.
    """
    return tuple(_files(image))


def is_usual(chain: tuple[ChainFile, ...]) -> bool:
    """Whether this is the chain of a VM's disk as it is made here and by podplane: at most one base, a whole qcow2."""
    return not chain or (len(chain) == 1 and chain[0].format == _QCOW2)


def file_version(path: Path) -> tuple[int, ...]:
    """What differs as soon as the file at `path` is another one or was written to. Raises `OSError`."""
    info = path.stat()
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns


def _files(image: Path) -> Iterator[ChainFile]:
    seen: set[tuple[int, ...]] = set()
    while True:
        info = read_image(image)
        seen.add(_identity(image))
        if info.unknown_features:
            bits = ", ".join(map(str, info.unknown_features[:8]))
            raise InvalidImage(
                f"the image {image} uses unknown features (bits {bits})", hint="convert it with qemu-img convert"
            )
        if info.data_file is not None:
            yield _data_file(image, info.data_file)
        if info.backing_file is None:
            return
        base, kind = _base(image, info, info.backing_file)
        if _identity(base) in seen or len(seen) >= _LONGEST:
            raise InvalidImage(
                f"the image {image} has an endless chain of backing files", hint="replace it with an intact copy"
            )
        yield ChainFile(base.resolve(), kind, file_version(base))
        if kind == _RAW:
            return
        image = base


def _base(image: Path, info: ImageInfo, name: str) -> tuple[Path, str]:
    shown, here = one_line(name, limit=300), one_line(str(image), limit=300)
    if not is_plain_path(name):
        raise InvalidImage(
            f"the backing file of {here} is not a plain path: {shown}",
            hint="convert the image with qemu-img convert, so that it needs none",
        )
    require_base(image, name)
    if info.backing_format is None:
        raise InvalidImage(
            f"the image {here} does not say which format its backing file {shown} has",
            hint="set it with qemu-img rebase -u -F FORMAT -b BACKING_FILE IMAGE",
        )
    if info.backing_format not in {_QCOW2, _RAW}:
        raise InvalidImage(
            f"the backing file {shown} of {here} has the format {one_line(info.backing_format, limit=40)}",
            hint="convert it to qcow2 or raw",
        )
    return backing_path(image, name), info.backing_format


def _data_file(image: Path, name: str) -> ChainFile:
    path, shown = Path(name), one_line(name, limit=300) or "without a name"
    # QEMU looks for a relative one in its own working directory.
    if "\0" in name or not path.is_absolute():
        raise InvalidImage(
            f"the data file of {image} is not an absolute path: {shown}", hint="convert it with qemu-img convert"
        )
    if not path.is_file():
        raise InvalidImage(f"the data file {shown} of {image} is gone", hint="put it back, or delete the VM")
    return ChainFile(path.resolve(), _DATA, file_version(path))


def _identity(path: Path) -> tuple[int, ...]:
    try:
        info = path.stat()
    except OSError as error:
        raise InvalidImage(f"{path} can't be read: {error.strerror}", hint="check who owns it and its mode") from error
    if not stat.S_ISREG(info.st_mode):
        raise InvalidImage(f"{path} is not a regular file", hint="use a file")
    return info.st_dev, info.st_ino
