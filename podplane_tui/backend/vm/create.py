"""How a cluster's VM is made: with a disk based on an image, or as a copy of another VM."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.config.fields import FieldFault, field_fault
from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import CreateFailed, InvalidImage, InvalidInput, UnconfirmedChain, VMError
from podplane_tui.backend.core.files import os_errors_as
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.sizes import parse_disk_size
from podplane_tui.backend.images.cache import choose_image, find_local, require_default
from podplane_tui.backend.images.chain import ChainFile, file_version, read_chain
from podplane_tui.backend.images.digest import digest_fault
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.images.qemu_img import VIRTUAL_SIZE
from podplane_tui.backend.images.url import display_path, is_url
from podplane_tui.backend.vm.backing import OPTION, confirm_chain, in_words
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.disk import Disk
from podplane_tui.backend.vm.user_data import keep_user_data, read_user_data, user_data_fault

EMPTY_IMAGE = "empty"
"""The image that is none: a disk with nothing on it."""


@dataclass(frozen=True, slots=True)
class CreateSpec:
    """What to make; "" stands for the default of each.

    `image` is the path of a qcow2 file, a URL with its `digest`, the name of an image in podplane's cache, or
    `EMPTY_IMAGE`; by default the image of podplane's manifest. `source` is the id of a stopped VM of the same
    architecture whose disk is copied, in place of image and size. `disk_size` and `max_size`, the most that is
    downloaded, are written like `40G`. `cpus`, `memory` (QEMU's spellings) and `user_data` (an absolute path) are
    remembered for its starts. `confirmed_chain` are the files that the user lets the image make QEMU read, as
    `Cluster.image_chain` gives them.
    """

    image: str = ""
    digest: str = ""
    disk_size: str = ""
    cpus: str = ""
    memory: str = ""
    user_data: str = ""
    source: str = ""
    max_size: str = ""
    confirmed_chain: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is to be nothing on the disk."""
        return self.image.lower() == EMPTY_IMAGE


EMPTY_DISK = CreateSpec(image=EMPTY_IMAGE)
"""A VM with an empty disk of the usual size."""


class _Base(NamedTuple):
    """A base image as it was at some time: what changes with it, and the files it brings along."""

    version: tuple[int, ...]
    chain: tuple[ChainFile, ...]


def create_fault(files: VMFiles, spec: CreateSpec) -> FieldFault | None:
    """What is known to be wrong with `spec` before anything is done; None when nothing is.

    It looks at the files that `spec` names, not at the network.
    """
    return spec_fault(spec) or _image_fault(spec, files.arch) or user_data_fault(files, spec.user_data)


def spec_fault(spec: CreateSpec) -> FieldFault | None:
    """The same without a look at any file."""
    if spec.source and (spec.image or spec.digest or spec.disk_size):
        error = InvalidInput(
            "a copy has the image and the size of the other VM", hint="leave image, digest and disk size out"
        )
        return FieldFault("source", error)
    if fault := digest_fault(spec.image, spec.digest):
        return FieldFault("digest", fault)
    return field_fault(
        digest=spec.digest, disk_size=spec.disk_size, max_size=spec.max_size, cpus=spec.cpus, memory=spec.memory
    )


def _image_fault(spec: CreateSpec, arch: str) -> FieldFault | None:
    path = Path(spec.image)
    try:
        if not spec.image and not spec.source:
            require_default(arch)
        elif path.is_absolute():  # neither a URL nor the name of an image
            if not os.path.lexists(path):
                raise InvalidImage(f"there is no file {path}", hint="check the path")
            read_chain(path.resolve())
    except VMError as error:
        return FieldFault("image", error)
    return None


def image_chain(files: VMFiles, spec: CreateSpec) -> tuple[str, ...]:
    """See `Cluster.image_chain`."""
    if spec.source or spec.empty or is_url(spec.image) or (image := find_local(spec.image, files.arch)) is None:
        return ()
    return in_words(read_chain(image))


def create_vm(context: Context, spec: CreateSpec, control: Control) -> None:
    """See `Cluster.create`."""
    files = context.files
    if fault := create_fault(files, spec):
        raise fault.error
    image = None
    if not spec.source and not spec.empty:
        image = choose_image(spec.image, files.arch, control, digest=spec.digest, max_size=spec.max_size)
        image = image.resolve()  # what the overlay names
    with context.qemu.locked("create"):
        source, made = None, [files.image]
        if spec.source:
            source = Context.of(files._replace(cluster_id=spec.source), force=context.qemu.force)
            Disk(source.qemu).copy_to(context.qemu, control=control)
            made = [files.settings, files.kept_user_data, files.efivars, files.image]  # the disk goes last
        else:
            _make(context, image, spec, control)
        try:
            _remember(context, spec, source, control)
        except BaseException:
            for path in made:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            raise


def _make(context: Context, image: Path | None, spec: CreateSpec, control: Control) -> None:
    """Make the disk on top of `image`, or an empty one."""
    size = spec.disk_size or VIRTUAL_SIZE
    before = _confirmed_base(image, spec, control)
    wanted, least = parse_disk_size(size), 0 if image is None else read_image(image).virtual_bytes
    if wanted < least:
        raise InvalidInput(
            f"a disk of {size} is smaller than its base image, which has {least / 2**30:g}G",
            hint="choose a larger size",
        )
    control.report("making the disk")
    context.qemu.create(image, size=size)
    try:
        if image is not None and _base_as_it_is(image) != before:
            raise CreateFailed(f"the image {display_path(image)} was changed while the disk was made", hint="try again")
    except BaseException:
        context.files.image.unlink(missing_ok=True)
        raise


def _confirmed_base(image: Path | None, spec: CreateSpec, control: Control) -> _Base | None:
    """The base as it is now. Raises `UnconfirmedChain` for files that it brings along and nobody has confirmed."""
    if image is None:
        return None
    base = _base_as_it_is(image)
    if words := in_words(base.chain):
        if words != spec.confirmed_chain:
            raise UnconfirmedChain(
                f"the image {display_path(image)} names files that QEMU would read: {' → '.join(words)}",
                chain=words,
                hint=f"check them, then add {OPTION}",
            )
        control.warn(f"the guest can read {', '.join(words)}")
    return base


def _base_as_it_is(image: Path) -> _Base:
    with os_errors_as(InvalidImage, f"the image {display_path(image)} can't be read"):
        return _Base(file_version(image), read_chain(image))


def _remember(context: Context, spec: CreateSpec, source: Context | None, control: Control) -> None:
    """Remember how it is to be started: as its source is, but for what `spec` says."""
    context.claim(control, new=True)
    if source is not None:
        _start_as(context, source)
    elif spec.confirmed_chain:
        confirm_chain(context.files, in_words(read_chain(context.files.image)))
    named = {"cpus": spec.cpus, "memory": spec.memory, "user_data": spec.user_data}
    if changes := {name: value for name, value in named.items() if value}:
        context.remember(**changes)


def _start_as(context: Context, source: Context) -> None:
    """Remember the settings of `source` for the copy."""
    remembered = source.remembered()
    user_data, kept = remembered.user_data, str(source.files.kept_user_data)
    if user_data in {"", kept} and (text := read_user_data(source.files, Path(user_data) if user_data else None)):
        keep_user_data(context.files, text)
        user_data = str(context.files.kept_user_data)
    if remembered.backing_chain:
        confirm_chain(context.files, remembered.backing_chain)
    context.remember(cpus=remembered.cpus, memory=remembered.memory, user=remembered.user, user_data=user_data)
