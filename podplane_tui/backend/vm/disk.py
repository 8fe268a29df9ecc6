"""A stopped machine's disk: growing it, snapshots inside it, and a copy of it for another machine.

Every verb holds the machine's lock and refuses while a QEMU has the disk open.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import (
    CorruptFile,
    CreateFailed,
    InvalidImage,
    InvalidInput,
    SnapshotNotFound,
    VMError,
    VMExists,
    VMNotFound,
)
from podplane_tui.backend.core.files import os_errors_as, private_directory, sync_directory, temporary_beside
from podplane_tui.backend.core.sizes import parse_disk_size
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.facts import require_program
from podplane_tui.backend.images.qcow2 import backing_path, read_image
from podplane_tui.backend.images.qemu_img import pinned, run_qemu_img
from podplane_tui.backend.runtime.leftovers import temporaries
from podplane_tui.backend.vm.backing import require_confirmed
from podplane_tui.backend.vm.in_use import Access, require_no_overlays
from podplane_tui.backend.vm.manager import Qemu

# qemu-img takes a number for a snapshot's id, so a name never begins with a digit.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot in a disk: `taken_at` in seconds since the epoch."""

    name: str
    taken_at: float


class Disk:
    """The disk of the machine `qemu` is for."""

    def __init__(self, qemu: Qemu) -> None:
        self._qemu = qemu
        self._image = qemu.files.image

    @contextlib.contextmanager
    def _stopped(self, verb: str, access: Access = Access.ALONE) -> Iterator[None]:
        """The lock, with the VM stopped and its disk there and free for `access`.

        Raises `Busy`, `AlreadyRunning`, `InUse`, `VMNotFound`, `UnconfirmedChain`.
        """
        with self._qemu.locked(verb):
            self._qemu.require_stopped(verb)
            if not os.path.lexists(self._image):
                raise VMNotFound(f"{self._qemu.vm_name} has no disk at {self._image}", hint="create it first")
            self._qemu.require_free(access)
            require_confirmed(self._qemu.files)
            yield

    def grow(self, size: str, *, control: Control | None = None) -> int:
        """Make the disk `size` large; give that in bytes. Raises `InvalidInput` for what would not grow it."""
        wanted = parse_disk_size(size)
        with self._stopped("grow"):
            now = read_image(self._image).virtual_bytes
            if wanted <= now:
                raise InvalidInput(
                    f"the disk of {self._qemu.vm_name} has {now / 2**30:g}G and can only grow",
                    hint="choose a larger size",
                )
            (control or Control()).report("growing the disk")
            run_qemu_img(["resize", "-q", "-f", "qcow2", str(self._image), str(wanted)], self._image, failed=VMError)
        return wanted

    def snapshots(self) -> tuple[Snapshot, ...]:
        """The snapshots in the disk, oldest first, of a running machine too. Raises `VMNotFound`, `InvalidImage`."""
        if not os.path.lexists(self._image):
            raise VMNotFound(f"{self._qemu.vm_name} has no disk at {self._image}", hint="create it first")
        if read_image(self._image).data_file is not None:  # qemu-img opens it
            require_confirmed(self._qemu.files)
        program = require_program("qemu-img")
        # -U: a running machine holds the image, and a look does no harm.
        command = [str(program), "info", "-U", "-f", "qcow2", "--output=json", str(self._image)]
        result = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if result.returncode:
            words = one_line(result.stderr)
            raise InvalidImage(f"the snapshots in {self._image} can't be read: {words}", hint="repair the VM")
        try:
            found = json.loads(result.stdout).get("snapshots", [])
            return tuple(Snapshot(str(item["name"]), item["date-sec"] + item["date-nsec"] / 1e9) for item in found)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptFile(
                f"what qemu-img prints about {self._image} can't be understood: {error}",
                hint="install another version of qemu-img",
            ) from error

    def take_snapshot(self, name: str, *, control: Control | None = None) -> None:
        """Keep the disk as it is now under `name`. Raises `InvalidInput`, `VMExists` when there is one of that name."""
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                f"invalid snapshot name {name[:40]!r}",
                hint="use a letter, then up to 63 letters, digits, . _ -",
            )
        with self._stopped("snapshot"):
            if any(snapshot.name == name for snapshot in self.snapshots()):
                raise VMExists(f"{self._qemu.vm_name} already has a snapshot {name!r}", hint="choose another name")
            (control or Control()).report(f"taking snapshot {name}")
            self._snapshot("-c", name)

    def restore_snapshot(self, name: str, *, control: Control | None = None) -> None:
        """Make the disk again what it was when `name` was taken: what was written since is lost."""
        with self._stopped("restore"):
            self._require_snapshot(name)
            require_no_overlays(self._qemu.files)
            (control or Control()).report(f"restoring snapshot {name}")
            self._snapshot("-a", name)

    def delete_snapshot(self, name: str, *, control: Control | None = None) -> None:
        """Forget the snapshot `name`; the disk stays as it is."""
        with self._stopped("snapshot"):
            self._require_snapshot(name)
            (control or Control()).report(f"deleting snapshot {name}")
            self._snapshot("-d", name)

    def _snapshot(self, action: str, name: str) -> None:
        run_qemu_img(["snapshot", "-q", action, name, *pinned(self._image)], self._image, failed=VMError)

    def _require_snapshot(self, name: str) -> None:
        """Raise unless qemu-img would take `name` for exactly one snapshot."""
        names = [snapshot.name for snapshot in self.snapshots()]
        if name not in names:
            hint = f"use one of {one_line(', '.join(names[:10]))}" if names else "take one first"
            raise SnapshotNotFound(f"{self._qemu.vm_name} has no snapshot {name!r}", hint=hint)
        if names.count(name) > 1 or name.isdigit():
            raise InvalidInput(
                f"the snapshot name {name!r} is ambiguous", hint="use qemu-img snapshot with the snapshot's ID"
            )

    def copy_to(self, target: Qemu, *, control: Control | None = None) -> None:
        """Make the disk of `target` and its UEFI variables as copies of this machine's, snapshots left out.

        The copy has the same base image and shares nothing else. Raises `VMExists`, `AlreadyRunning`, `CreateFailed`,
        `Cancelled`; after any of them there is nothing that was not there before.
        """
        control, files, source = control or Control(), target.files, self._qemu.files
        if files.image == source.image:
            raise InvalidInput("a VM can't be cloned from itself", hint="name another VM")
        with (
            self._stopped("clone", Access.READ),
            target.locked("create"),
            os_errors_as(CreateFailed, f"the disk of {target.vm_name} could not be made"),
        ):
            _require_no_disk(target)
            target.require_stopped("create")  # it may still run on a disk that was removed
            private_directory(files.image_dir)
            for path in temporaries(files):
                path.unlink(missing_ok=True)
            control.report(f"copying the disk of {self._qemu.vm_name}")
            disk, variables = temporary_beside(files.image), temporary_beside(files.efivars)
            put: list[Path] = []
            try:
                _convert(source.image, disk, control)
                _require_no_disk(target)  # podplane, which knows of no lock, may have made it: its variables stay
                if source.efivars.is_file():
                    shutil.copyfile(source.efivars, variables)
                    variables.chmod(0o600)
                    put.append(files.efivars)
                    variables.replace(files.efivars)
                else:
                    files.efivars.unlink(missing_ok=True)  # those of a disk there was before
                os.link(disk, files.image)  # last: with its disk there is a machine
                put.append(files.image)
                sync_directory(files.image_dir)
            except BaseException:
                for path in put:
                    path.unlink(missing_ok=True)
                raise
            finally:
                disk.unlink(missing_ok=True)
                variables.unlink(missing_ok=True)


def _require_no_disk(target: Qemu) -> None:
    if os.path.lexists(target.files.image):
        raise VMExists(f"{target.vm_name} already has a disk ({target.files.image})", hint="delete it first")


def _convert(source: Path, target: Path, control: Control) -> None:
    image = read_image(source)
    base: list[str] = []
    if image.backing_file is not None and image.backing_format is not None:
        base = ["-B", str(backing_path(source, image.backing_file)), "-F", image.backing_format]
    arguments = ["convert", "-q", "-f", "qcow2", "-O", "qcow2", *base, str(source), str(target)]
    run_qemu_img(arguments, source, cancel=control.cancel)
    with target.open("rb") as file:
        os.fsync(file.fileno())
