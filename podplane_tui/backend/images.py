"""Disk images: what a qcow2 header says, and the few `qemu-img` runs."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from podplane_tui.backend.advice import advice
from podplane_tui.backend.errors import Cancelled, CreateFailed, InvalidImage
from podplane_tui.backend.files import explain_os_error, open_regular, sync_directory, temporary_beside
from podplane_tui.backend.host import require_program
from podplane_tui.backend.text import one_line

VIRTUAL_SIZE = "128G"
"""The size podplane gives a machine's disk; it is sparse."""

# magic, version, backing file offset, backing file size, cluster bits, virtual size (qcow2 specification, big-endian)
_HEADER = struct.Struct(">4sIQIIQ")
_MAGIC = b"QFI\xfb"
_TICK = 0.1
_MAX_BACKING_OFFSET = 2 * 2**20  # the name stands in the first cluster, and none is larger


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """Sizes in bytes: what the file takes on this disk and what the guest sees; and the file it is based on."""

    disk_bytes: int
    virtual_bytes: int
    backing_file: str | None


def read_image(path: Path | str) -> ImageInfo:
    """What the qcow2 image at `path` says of itself. Raises `InvalidImage` with the reason when it is not one."""
    try:
        with open_regular(path, follow_links=True) as file:
            info = os.fstat(file.fileno())
            head = file.read(_HEADER.size)
            if len(head) < _HEADER.size or not head.startswith(_MAGIC):
                raise InvalidImage(f"{path} is not a qcow2 image: convert it with qemu-img convert -O qcow2")
            _, _, offset, length, _, virtual = _HEADER.unpack(head)
            backing = None
            if offset and length:
                if offset > _MAX_BACKING_OFFSET or length > 1023:
                    raise InvalidImage(f"the image {path} has a broken header: put a sound copy in its place")
                file.seek(offset)
                backing = os.fsdecode(file.read(length))
    except FileNotFoundError:
        raise InvalidImage(f"there is no image {path}: put it back, or delete the machine") from None
    except OSError as error:
        raise InvalidImage(f"the image {path} can't be read: {error.strerror}; see what stands there") from error
    return ImageInfo(info.st_blocks * 512, virtual, backing)


def backing_path(image: Path, backing_file: str) -> Path:
    """Where a backing file named in `image` stands: relative names are relative to the image."""
    return image.parent / backing_file


def missing_base(image: Path, backing_file: str) -> str | None:
    """What to say when the file that `image` is based on is not there; None when it is.

    A name that is no path (`nbd:…`, `json:…`) is QEMU's to judge.
    """
    if "\0" in backing_file:
        return f"the image {image} has a broken header: put a sound copy in its place"
    head, colon, _ = backing_file.partition(":")
    if (colon and "/" not in head) or backing_path(image, backing_file).is_file():
        return None
    return f"the base image {one_line(backing_file, limit=300)} is gone: put it back, or delete the machine"


def _qemu_img(arguments: Sequence[str], cancel: Event | None = None) -> tuple[int, str]:
    """Run `qemu-img` with these arguments; give its exit code and what it printed, on one line. Raises `Cancelled`."""
    command = [str(require_program("qemu-img")), *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while True:
            try:
                output, errors = process.communicate(timeout=None if cancel is None else _TICK)
                return process.returncode, one_line(errors.strip() or output)
            except subprocess.TimeoutExpired:
                if cancel is not None and cancel.is_set():
                    process.kill()
                    raise Cancelled(f"qemu-img {arguments[0]} was cancelled; nothing is left of it") from None
            except BaseException:
                process.kill()
                raise


def run_qemu_img(
    arguments: Sequence[str], *, failed: type[Exception] = CreateFailed, cancel: Event | None = None
) -> None:
    """Run `qemu-img` with these arguments; raises `failed` with its own words, `Cancelled` once `cancel` is set."""
    code, words = _qemu_img(arguments, cancel)
    if code:
        todo = advice(words, Path(arguments[-1])) or "see its words"
        raise failed(f"qemu-img {arguments[0]} failed: {words or f'exit code {code}'}; {todo}")


def check_image(image: Path, *, fix_leaks: bool = False) -> str:
    """Run `qemu-img check` on an image nobody uses and give its result in one line.

    With `fix_leaks` space that nothing refers to any more is freed; nothing else is ever changed. Raises `InvalidImage`
    when the image can't be checked or is corrupt; that is left as it is.
    """
    check = ["check", "-q", "-f", "qcow2"]
    code, words = _qemu_img([*check, str(image)])
    if code == 3 and fix_leaks:  # leaks only: of a corrupt image, even that would change more
        code, words = _qemu_img([*check, "-r", "leaks", str(image)])
        if code == 0:
            return f"{image.name} was checked: the space that was lost is free again, no errors are left"
    if code == 0:
        return f"{image.name} was checked: no errors"
    if code == 3:
        return f"{image.name} was checked: some space is lost and no data; repair with leaks fixed to free it"
    if code == 2:
        raise InvalidImage(
            f"the image {image} is corrupt ({words}): copy it away, then try qemu-img check -r all on the copy"
        )
    raise InvalidImage(f"the image {image} could not be checked: {words or f'exit code {code}'}")


def create_overlay(image: Path, base_image: Path | None, *, size: str = VIRTUAL_SIZE) -> None:
    """Make `image`, based on `base_image` or empty. Appears whole or not at all; never replaces an existing one.

    `size` is QEMU's spelling.
    Raises `InvalidImage` for a base that is not qcow2, `CreateFailed` with qemu-img's words (disk full, no permission).
    """
    source: list[str] = []
    if base_image is not None:
        base_image = base_image.resolve()
        read_image(base_image)
        source = ["-F", "qcow2", "-b", str(base_image)]
    partial = temporary_beside(image)
    try:
        run_qemu_img(["create", "-q", *source, "-f", "qcow2", str(partial), size])
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        # A hard link fails where a rename would silently replace what somebody else made meanwhile.
        os.link(partial, image)
        sync_directory(image.parent)
    except FileExistsError as error:
        raise CreateFailed(f"the disk {image} appeared while it was being made: it is left as it is") from error
    except OSError as error:
        raise CreateFailed(f"the disk {image} could not be made: {explain_os_error(error)}") from error
    finally:
        partial.unlink(missing_ok=True)
