"""Whether anybody uses a VM's disk: asked before anything is done to it, and what refuses a verb in words.

The VM's own QEMU is not meant: a verb that needs the VM stopped looks for that first. What is found here is somebody
else's, or a QEMU that hides its disk: another user's, one in a container, `qemu-nbd`, `qemu-img`, a backup.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.errors import InUse, InvalidImage
from podplane_tui.backend.core.files import os_errors_as
from podplane_tui.backend.core.paths import IMAGE_SUFFIX, VMFiles, parse_stem
from podplane_tui.backend.core.status import Problem
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.holders import Holder, Lock, answers_at, holders, image_lock
from podplane_tui.backend.images.qcow2 import backing_path, read_image
from podplane_tui.backend.qemu.arguments import read_machine
from podplane_tui.backend.qemu.ownership import is_settling
from podplane_tui.backend.qemu.process import Clock, QemuProcess, look, qemus

MOMENT = 0.1
"""Seconds between two looks at a disk that somebody has open: who reads a header has let go of it by then."""

_AGAIN, _END = "try again in a minute", "end that process first"
_LOOKS = 5
_LONGEST_CHAIN = 64
_LOCKS_TELL = sys.platform == "linux"
"""Elsewhere no image can be locked, and the open descriptors decide alone."""


class Access(Enum):
    """What a verb does with the disk: read it; write to it, or act as if nobody else did; take it from all others."""

    READ = "read"
    WRITE = "write"
    ALONE = "alone"


class Use(NamedTuple):
    """Who uses a disk: what the locks say, and the processes seen to have it open.

    `place` is where the console of the first of them is, when that is a QEMU of this user, else empty.
    """

    lock: Lock
    holders: tuple[Holder, ...] = ()
    place: str = ""

    def forbids(self, access: Access) -> bool:
        """Whether somebody is known to use the disk in a way that `access` can't go with."""
        writer = self.lock is Lock.WRITER or any(holder.writes for holder in self.holders)
        if access is Access.READ:
            return writer
        if access is Access.WRITE:
            return writer or self.lock is Lock.READER
        return writer or self.lock is Lock.READER or bool(self.holders)

    @property
    def words(self) -> str:
        """Who that is: `qemu-nbd (process 4711) has its disk open`."""
        if not self.holders:
            return "a program that can't be seen from here, of another user or in a container, has its disk open"
        first, *others = sorted(self.holders, key=_rank)
        more = f", and {len(others)} more," if others else ""
        where = f"; its console is {one_line(self.place)}" if self.place else ""
        return f"{one_line(first.program) or 'a program'} (process {first.pid}){more} has its disk open{where}"


def use_of(image: Path, lock: Lock | None = None) -> Use:
    """Who uses the disk at `image` now; `lock` is what its locks say, if known. Raises `OSError`.

    Looks at every process: see `holders`.
    """
    lock = image_lock(image) if lock is None else lock
    found = holders(image)
    process = look(min(found, key=_rank).pid) if found else None
    console = None if process is None else read_machine(process.arguments).console
    return Use(lock, found, "" if console is None else str(console))


def _rank(holder: Holder) -> tuple[bool, int]:
    """Who writes comes first."""
    return (not holder.writes, holder.pid)


def require_free(files: VMFiles, access: Access, *, force: bool = False) -> None:
    """Raise `InUse` unless nobody uses the VM's disk in a way that `access` can't go with, nor answers on its sockets.

    For use under the VM's lock, when its own QEMU does not run. Whoever has the disk open only for a moment is waited
    for. Where the locks can't be asked, that nobody is seen proves nothing: then `force` is needed.
    """
    with os_errors_as(InUse, f"can't tell whether {files.name} is in use"):
        _require_silence(files)
        use = use_of(files.image)
        for _ in range(_LOOKS - 1):
            if not use.forbids(access):
                break
            time.sleep(MOMENT)
            use = use_of(files.image)
        _require_nobody_starting(files, use)
    if use.forbids(access):
        raise _used(files, use)
    if use.lock is Lock.UNKNOWN and _LOCKS_TELL and not force:
        raise InUse(
            f"can't tell whether {files.name} is in use: the locks of its disk can't be read",
            hint="make sure that no program uses it, then add --force",
        )


def require_not_elsewhere(files: VMFiles) -> None:
    """Raise `InUse` when the VM, which does not run here, runs or is used elsewhere: that says where."""
    with os_errors_as(InUse, f"can't tell whether {files.name} is in use"):
        _require_silence(files)
        use = use_of(files.image)
    if use.forbids(Access.WRITE):
        raise _used(files, use)


def _used(files: VMFiles, use: Use) -> InUse:
    return InUse(f"{files.name} is in use: {use.words}", hint=way_there(files, use))


def way_there(files: VMFiles, use: Use) -> str:
    """What to do: where the VM runs with another runtime directory, to say so."""
    console = Path(use.place)
    if console.name == files.console.name and console.parent.name == files.pid_dir.name:
        return f"act on it with --runtime-dir {one_line(str(console.parent.parent))}"
    return "end that program, then try again"


def _require_silence(files: VMFiles) -> None:
    """Raise `InUse` when somebody answers on the VM's sockets: one that answers is not left over."""
    for path in (files.qmp, files.console):
        pid = answers_at(path)
        if pid is not None:
            stranger = stranger_of(files, pid, look(pid) if pid else None)
            raise InUse(f"{files.name} is in use: {stranger.problem} answers on {path.name}", hint=stranger.hint)


def stranger_of(files: VMFiles, pid: int, process: QemuProcess | None) -> Problem:
    """Who answers on the VM's sockets in the place of its own QEMU, and what to do; `process` is that one if a QEMU."""
    if not pid:
        return Problem("a process that can't be seen from here", _END)
    disk = next(iter(process.disks), None) if process is not None else None
    if disk is None:
        return Problem(f"process {pid}", _END)
    hint = _END
    if disk.name == files.image.name and disk.parent.name == files.image_dir.name and disk != files.image:
        hint = f"act on it with --data-dir {one_line(str(disk.parent.parent))}"
    return Problem(f"process {pid}, which has the disk {one_line(str(disk))},", hint)


def _require_nobody_starting(files: VMFiles, use: Use) -> None:
    """Raise `InUse` when a QEMU has just been started with the disk, by podplane say, and does not have it open yet."""
    known = {holder.pid for holder in use.holders}
    starting = (each for each in qemus() if each.pid not in known and is_settling(each, files, Clock()))
    process = next(starting, None)
    if process is not None:
        raise InUse(f"{files.name} is in use: process {process.pid} has just been started with its disk", hint=_AGAIN)


def overlays(files: VMFiles) -> tuple[str, ...]:
    """The IDs of the VMs whose disks are based on this VM's disk, directly or by way of others."""
    found = []
    try:
        own = files.image.stat()
        disks = sorted(files.image_dir.iterdir())
    except OSError:
        return ()
    for disk in disks:
        key = parse_stem(disk.name, IMAGE_SUFFIX)
        if (
            disk != files.image
            and key is not None
            and any((base.st_dev, base.st_ino) == (own.st_dev, own.st_ino) for base in _bases(disk))
        ):
            found.append(key[0])
    return tuple(dict.fromkeys(found))


def _bases(disk: Path) -> Iterator[os.stat_result]:
    """The files that `disk` is based on, the nearest first, as far as they can be read."""
    for _ in range(_LONGEST_CHAIN):
        try:
            backing = read_image(disk).backing_file
            if backing is None:
                return
            disk = backing_path(disk, backing)
            yield disk.stat()
        except (InvalidImage, OSError, ValueError):
            return


def require_no_overlays(files: VMFiles) -> None:
    """Raise `InUse` when other VMs' disks are based on this one: they would lose their data with it."""
    if names := overlays(files):
        listed = ", ".join(map(one_line, names[:5])) + (", …" if len(names) > 5 else "")
        raise InUse(f"the disk of {files.name} is the base of other VMs: {listed}", hint="delete those first")
