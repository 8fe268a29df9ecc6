"""Repairing a VM: a plan that says beforehand what will be done, then exactly that. No disk is lost by it.

What is stale is removed; what is not what its name says is renamed to `<name>.broken-<UTC>` and never deleted; a disk
is only ever checked, and on request space in it that nothing refers to is freed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import CorruptFile, InvalidImage
from podplane_tui.backend.core.files import os_errors_as, set_aside
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.images.qcow2 import missing_base, read_image
from podplane_tui.backend.images.qemu_img import check_image
from podplane_tui.backend.runtime.leftovers import clear, is_foreign, temporaries
from podplane_tui.backend.runtime.ports import ports_of, read_state_file, write_state_file
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.vm.backing import require_confirmed
from podplane_tui.backend.vm.cloud_init import read_seed, write_seed
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.in_use import Access
from podplane_tui.backend.vm.remembered import claim, has_former
from podplane_tui.backend.vm.user_data import read_user_data


class RepairKind(StrEnum):
    """What a step does."""

    ADOPT = "adopt"
    CLEAR = "clear"
    SET_ASIDE = "set-aside"
    SEED = "seed"
    CHECK = "check"
    FORGET = "forget"
    MANUAL = "manual"
    """Nothing: what is wrong can only be put right by the user, and the description says how."""


@dataclass(frozen=True, slots=True)
class RepairStep:
    """One thing to do; `description` says it in one line, `path` is the file it is done to."""

    kind: RepairKind
    description: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What a repair will do, in this order."""

    steps: tuple[RepairStep, ...] = ()


def plan(context: Context) -> RepairPlan:
    """What is wrong with the machine and would be put right. Writes nothing."""
    with os_errors_as(CorruptFile, f"{context.qemu.vm_name} can't be examined"):
        return RepairPlan(tuple(_steps(context)))


def _steps(context: Context) -> Iterator[RepairStep]:
    files, qemu = context.files, context.qemu
    yield from _in_the_way(files)
    process = qemu.process()
    if process is not None:
        if is_foreign(files, files.state_file):
            yield _aside(files.state_file)
        if not qemu.is_named(process):
            if is_foreign(files, files.pid_file):
                yield _aside(files.pid_file)
            yield RepairStep(
                RepairKind.ADOPT, f"write the PID file of the running process {process.pid}", files.pid_file
            )
        return
    crashed = False
    for path in (files.pid_file, files.console, files.qmp):
        if is_foreign(files, path):
            yield _aside(path)
        elif os.path.lexists(path):
            crashed = crashed or path == files.pid_file
            yield RepairStep(RepairKind.CLEAR, f"remove {path.name}: QEMU is gone", path)
    # While the same cluster's machine of the other architecture runs, the state file is about that.
    if is_foreign(files, files.state_file):
        yield _aside(files.state_file)
    elif crashed and os.path.lexists(files.state_file) and not context.other_runs():
        yield RepairStep(
            RepairKind.CLEAR, f"remove {files.state_file.name}: its ports are not in use", files.state_file
        )
    for path in temporaries(files):
        yield RepairStep(RepairKind.CLEAR, f"remove {path.name}: a write that was broken off", path)
    if has_former(files):
        yield RepairStep(
            RepairKind.FORGET, "forget the settings, host keys and recordings of the disk there was before"
        )
    yield from _disk_steps(files, crashed=crashed)


def _in_the_way(files: VMFiles) -> Iterator[RepairStep]:
    """What stands where the lock, or the folders of the runtime files, have to be."""
    for path in (files.pid_dir, files.state_file.parent):
        if os.path.lexists(path) and not path.is_dir():
            yield _aside(path)
    if files.pid_dir.is_dir() and is_foreign(files, files.lock):
        yield _aside(files.lock)


def _aside(path: Path) -> RepairStep:
    return RepairStep(RepairKind.SET_ASIDE, f"move {path.name} aside: it is not what its name says", path)


def _disk_steps(files: VMFiles, *, crashed: bool) -> Iterator[RepairStep]:
    try:
        backing = read_image(files.image).backing_file
    except InvalidImage as error:
        yield RepairStep(RepairKind.MANUAL, str(error), files.image)
        return
    gone = missing_base(files.image, backing) if backing is not None else None
    if gone is not None:
        yield RepairStep(RepairKind.MANUAL, gone, files.image)
    if os.path.lexists(files.efivars) and not (files.efivars.is_file() and files.efivars.stat().st_size):
        yield _aside(files.efivars)
    if files.seed.is_symlink() or files.seed.is_dir():
        yield _aside(files.seed)
    if _seed_is_broken(files):
        yield RepairStep(RepairKind.SEED, f"write the seed {files.seed.name} anew from the cluster's data", files.seed)
    if crashed and gone is None:
        yield _check_step(files)


def _check_step(files: VMFiles) -> RepairStep:
    return RepairStep(RepairKind.CHECK, f"check the disk {files.image.name} for errors", files.image)


def _seed_is_broken(files: VMFiles) -> bool:
    """Whether the seed can't be read, or is missing though the machine has run before: each start writes one."""
    if not os.path.lexists(files.seed):
        return files.efivars.exists() or files.cluster_config.exists()
    if not files.seed.is_file():
        return True
    try:
        read_seed(files.seed)
    except CorruptFile:
        return True
    return False


def carry_out(context: Context, steps: RepairPlan, *, fix_leaks: bool, control: Control) -> tuple[str, ...]:
    """Do the steps that still apply; give what was done, one line each."""
    done: list[str] = []
    with os_errors_as(CorruptFile, f"{context.qemu.vm_name} can't be repaired"):
        # What stands in the lock's place has to go before the lock can be taken.
        for step in _in_the_way(context.files):
            if step in steps.steps and step.path is not None:
                control.report(step.description)
                done.append(_moved(step.path, set_aside(step.path)))
        with context.qemu.locked("repair"):
            todo = [step for step in _steps(context) if step in steps.steps]
            running = context.qemu.running()
            if fix_leaks and not running and not any(step.kind is RepairKind.CHECK for step in todo):
                todo.append(_check_step(context.files))
            if todo and not running:
                context.qemu.require_free(Access.WRITE)
            for step in todo:
                control.report(step.description)
                done.append(_do(context, step, fix_leaks=fix_leaks, control=control))
    return tuple(done)


def _moved(path: Path, target: Path) -> str:
    return f"{path.name} was moved aside to {target.name}"


def _do(context: Context, step: RepairStep, *, fix_leaks: bool, control: Control) -> str:
    files, path = context.files, step.path
    if step.kind is RepairKind.ADOPT:
        return f"process {adopt(context, control)} has its PID file again"
    if step.kind is RepairKind.SEED:
        _write_seed(context)
        return f"{files.seed.name} was written anew"
    if step.kind is RepairKind.CHECK:
        require_confirmed(files)  # qemu-img opens them all
        return check_image(files.image, fix_leaks=fix_leaks)
    if step.kind is RepairKind.FORGET:
        claim(files)
        return "what was kept of the disk there was before was removed"
    if step.kind is RepairKind.MANUAL or path is None:
        return f"left to you: {step.description}"
    if step.kind is RepairKind.SET_ASIDE:
        return _moved(path, set_aside(path))
    target = clear(files, path)
    return f"{path.name} was removed" if target is None else _moved(path, target)


def adopt(context: Context, control: Control) -> int:
    """See `Cluster.adopt`."""
    control.report("writing the PID file")
    files = context.files
    with context.qemu.locked("adopt"):
        pid = context.qemu.adopt()
        process = context.qemu.process()
        ports = ports_of(process.arguments) if process is not None else Ports()
        if any(ports.items()) and _known_ports(files) != ports:
            with os_errors_as(CorruptFile, f"the state file of {context.qemu.vm_name} can't be written"):
                clear(files, files.state_file)
                write_state_file(files.state_file, files.cluster_id, ports)
        return pid


def _known_ports(files: VMFiles) -> Ports:
    try:
        return read_state_file(files.state_file)
    except CorruptFile:
        return Ports()


def _write_seed(context: Context) -> None:
    files = context.files
    key = ssh.ensure_identity(files.identity) if files.identity.exists() else ""
    write_seed(
        files.seed,
        cluster_id=files.cluster_id,
        arch=files.arch,
        user_data=read_user_data(files),
        ssh_authorized_key=key,
    )
