"""Whether a QEMU is a VM's own. Proved by what it has open; its arguments and a PID file alone prove nothing.

A VM's own QEMU has the VM's disk open, and listens on the VM's console or control socket. Where its sockets can't be
seen, what the PID file recorded of it proves the same, if it may write to the disk: after a migration QEMU itself opens
that for reading only. So neither a QEMU that only reads the disk for something else, nor one that uses it as the disk
of another VM, through a link, is the VM's own.

Of a QEMU that has capabilities of its own the system does not tell what it has open. Then the proof is that it is the
one that answers on the VM's own socket, has the disk among its arguments, and that the disk is locked.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.paths import CONSOLE_SUFFIX, QMP_SUFFIX, VMFiles, parse_stem
from podplane_tui.backend.host.holders import Lock, Opened, answers_at, has_open, image_lock, opened_by
from podplane_tui.backend.qemu.process import (
    BOOT_ID_KEY,
    TICKS_KEY,
    Clock,
    QemuProcess,
    boot_id,
    listening,
    look,
    qemus,
)

SETTLING = 60.0
"""Seconds in which a QEMU that was started with a disk is taken to be about to open it, however busy the host."""


_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})

_QCOW2 = b"QFI\xfb"
"""What an image begins with."""


class Marks(NamedTuple):
    """What a VM's own QEMU is known by: the disk (device and inode; None without one), and both sockets."""

    image: Path
    disk: tuple[int, int] | None
    sockets: tuple[Path, Path]

    @classmethod
    def of(cls, files: VMFiles) -> Marks:
        """Those of the VM of `files` now. Raises `OSError` when its disk can't be looked at."""
        try:
            info = files.image.stat()
        except OSError as error:
            if error.errno not in _NO_FILE:
                raise
            return cls(files.image, None, (files.console, files.qmp))
        return cls(files.image, (info.st_dev, info.st_ino), (files.console, files.qmp))


def owns(process: QemuProcess, opened: Opened | None, marks: Marks, recorded: Mapping[str, str] | None) -> bool:
    """Whether `process`, which has `opened`, is the own QEMU of the VM with these marks.

    `recorded` is the data of the VM's PID file, if that names the process.
    """
    if opened is None:
        return False
    if listens_at(opened, marks.sockets):
        return _has_disk(opened, marks) or marks.disk in opened.reads
    return _has_disk(opened, marks) and not any(map(_is_of_a_vm, opened.listens)) and _is_recorded(process, recorded)


def own_qemu(files: VMFiles, named: int | None, recorded: Mapping[str, str] | None) -> QemuProcess | None:
    """The own QEMU of the VM of `files` now, found out afresh; None when it has none.

    `named` is the PID in its PID file, `recorded` the data there. Raises `OSError` when the system tells nothing.
    """
    marks, listeners = Marks.of(files), listening()

    def proved(process: QemuProcess | None) -> bool:
        if process is None:
            return False
        data = recorded if process.pid == named else None
        opened = opened_by(process.pid, listeners)
        return owns(process, opened, marks, data) if opened is not None else answers_as_own(process, files)

    first = None if named is None else look(named)
    return first if proved(first) else next(filter(proved, qemus()), None)


def answers_as_own(process: QemuProcess, files: VMFiles, *, polling: bool = False) -> bool:
    """Whether `process`, of which can't be told what it has open, is the own QEMU of the VM of `files`. It is asked.

    When `polling`, at the control socket alone: at the console it would be its only client for a moment.
    """
    if not process.names_disk(files.image) or image_lock(files.image) <= Lock.NONE:
        return False
    with contextlib.suppress(OSError):
        sockets = (files.qmp,) if polling else (files.qmp, files.console)
        return any(answers_at(path) == process.pid for path in sockets)
    return False


def is_settling(process: QemuProcess, files: VMFiles, clock: Clock) -> bool:
    """Whether `process` has only just been started with the disk of the VM of `files`: it may have opened little yet.

    One that has opened another disk, or this one for reading only, or another VM's sockets, is about to do something
    else. Raises `OSError`.
    """
    image = files.image
    if process.age(clock) >= SETTLING or not image.exists() or not process.names_disk(image):
        return False
    if not has_open(process.pid, _QCOW2):
        return True
    opened, info = opened_by(process.pid, listening()), image.stat()  # after that question: meanwhile it may have begun
    if opened is None:
        return False
    if any(map(_is_of_a_vm, opened.listens)) and not listens_at(opened, (files.console, files.qmp)):
        return False
    return (info.st_dev, info.st_ino) in opened.writes


def listens_at(opened: Opened, sockets: Collection[Path]) -> bool:
    """Whether one of the sockets it listens on is one of these, however their paths are spelled."""
    wanted = {os.path.normpath(path) for path in sockets}
    return any(os.path.normpath(path) in wanted or _is_same(path, sockets) for path in opened.listens)


def _has_disk(opened: Opened, marks: Marks) -> bool:
    if marks.disk is None:  # it was removed while the VM runs
        return os.path.realpath(marks.image) in opened.removed
    return marks.disk in opened.writes


def _is_same(path: str, sockets: Collection[Path]) -> bool:
    directory, name = os.path.split(path)
    for socket in sockets:
        if name == socket.name:
            try:
                return os.path.samefile(directory, socket.parent)  # noqa: PTH121 - a path that may be anything
            except (OSError, ValueError):
                continue
    return False


def _is_of_a_vm(path: str) -> bool:
    name = os.path.basename(path)  # noqa: PTH119
    return any(parse_stem(name, suffix) is not None for suffix in (CONSOLE_SUFFIX, QMP_SUFFIX))


def _is_recorded(process: QemuProcess, recorded: Mapping[str, str] | None) -> bool:
    known = recorded or {}
    return known.get(TICKS_KEY) == process.create_ticks and known.get(BOOT_ID_KEY) == boot_id()
