"""What is asked before a VM's settings, disk or snapshots change, and the work that follows."""

from __future__ import annotations

from functools import partial

from textual.content import Content

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.format import format_size
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.vm.remembered import read_settings
from podplane_tui.tui.actions.host import Asker
from podplane_tui.tui.actions.tasks import Work, Workshop
from podplane_tui.tui.screens.dialog import Question
from podplane_tui.tui.screens.vm_settings import MachineDialog, MachineSettings, SnapshotDialog, SnapshotRequest
from podplane_tui.tui.threads import in_thread


async def ask_settings(host: Asker, workshop: Workshop, vm: VMStatus) -> Work | None:
    """The work of changing what `vm` is started with; None when nothing is to change."""
    settings = await in_thread(lambda: read_settings(vm.files), name="settings")
    dialog = MachineDialog(
        name=vm.label(host.arch),
        settings=settings,
        running=vm.live,
        disk=format_size(vm.disk_virtual_bytes),
        check=lambda answer: workshop.user_data_fault(vm, answer.user_data),
    )
    answer = await host.push_screen_wait(dialog)
    return None if answer is None else partial(_configure, workshop, vm, answer, host.key("vm.restart"))


def _configure(workshop: Workshop, vm: VMStatus, answer: MachineSettings, restart_key: str, control: Control) -> str:
    cluster = workshop.of(vm)
    cluster.remember(cpus=answer.cpus, memory=answer.memory, user_data=answer.user_data, user=answer.user)
    if answer.grow_to:
        cluster.disk.grow(answer.grow_to, control=control)
    return f"press {restart_key} to restart it with them" if vm.live else "from its next start on"


async def ask_snapshot(host: Asker, workshop: Workshop, vm: VMStatus) -> Work | None:
    """The work of taking, restoring or deleting a snapshot of `vm`; None when there is none to do.

    Raises `VMError` when its snapshots can't be read.
    """
    disk = workshop.of(vm).disk
    found = await in_thread(disk.snapshots, name="snapshots")
    request = await host.push_screen_wait(SnapshotDialog(name=vm.label(host.arch), snapshots=found))
    if request is None:
        return None
    if request.what != "take":
        texts = {
            "restore": f"The disk becomes again what it was in {request.name}; what was written since is lost.",
            "delete": f"{request.name} can't be gone back to any more. The disk stays as it is.",
        }
        question = Question(
            title=f"{request.what.title()} {request.name}?",
            text=Content(texts[request.what]),
            accept=request.what.title(),
            style="-dangerous",
        )
        if not await host.push_screen_wait(question):
            return None
    return partial(_snapshot, workshop, vm, request)


def _snapshot(workshop: Workshop, vm: VMStatus, request: SnapshotRequest, control: Control) -> str:
    disk = workshop.of(vm).disk
    match request.what:
        case "take":
            disk.take_snapshot(request.name, control=control)
            return f"took {request.name}"
        case "restore":
            disk.restore_snapshot(request.name, control=control)
            return f"restored {request.name}"
        case "delete":
            disk.delete_snapshot(request.name, control=control)
            return f"deleted {request.name}"
    raise VMError(f"{request.what} is nothing that can be done with a snapshot")
