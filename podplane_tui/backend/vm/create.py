"""How a cluster's VM is made: with a disk based on an image, or as a copy of another VM."""

from __future__ import annotations

import contextlib
from pathlib import Path

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.sizes import parse_disk_size
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.vm.access import forget_host_keys
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.disk import Disk
from podplane_tui.backend.vm.user_data import keep_user_data, read_user_data


def create(context: Context, image: Path | None, *, size: str, control: Control) -> None:
    """See `Cluster.create`."""
    wanted, least = parse_disk_size(size), 0 if image is None else read_image(image).virtual_bytes
    if wanted < least:
        raise InvalidInput(
            f"a disk of {size} is smaller than its base image, which has {least / 2**30:g}G",
            hint="choose a larger size",
        )
    control.report("making the disk")
    context.qemu.create(image, size=size)
    forget_host_keys(context.files)  # those of a disk there was before


def clone(context: Context, source: Context, control: Control) -> None:
    """See `Cluster.clone`."""
    files = context.files
    with context.qemu.locked("create"):
        Disk(source.qemu).copy_to(context.qemu, control=control)
        try:
            _start_as(context, source)
        except BaseException:
            for path in (files.settings, files.kept_user_data, files.efivars, files.image):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            raise


def _start_as(context: Context, source: Context) -> None:
    """Remember the settings of `source` for the copy."""
    forget_host_keys(context.files)
    remembered = source.remembered()
    user_data, kept = remembered.user_data, str(source.files.kept_user_data)
    if user_data in {"", kept} and (text := read_user_data(source.files, Path(user_data) if user_data else None)):
        keep_user_data(context.files, text)
        user_data = str(context.files.kept_user_data)
    context.remember(cpus=remembered.cpus, memory=remembered.memory, user=remembered.user, user_data=user_data)
