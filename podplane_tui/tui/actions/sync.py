"""What is asked before a sync: what goes where, and, where something would be deleted, whether really."""

from dataclasses import replace

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.vm.remembered import read_settings
from podplane_tui.tui.actions.host import Asker
from podplane_tui.tui.actions.tasks import Workshop, sync_fault
from podplane_tui.tui.screens.preview import PreviewDialog
from podplane_tui.tui.screens.sync import SyncAnswer, SyncDialog
from podplane_tui.tui.threads import in_thread


async def ask_sync(host: Asker, workshop: Workshop, vm: VMStatus, *, watch: bool) -> SyncAnswer | None:
    """What to copy into `vm`; None when nothing. With `watch` the dialog begins with that switched on."""
    files = workshop.of(vm).files
    recent = (await in_thread(lambda: read_settings(files), name="settings")).syncs
    answer: SyncAnswer | None = None
    while True:
        dialog = SyncDialog(
            name=vm.label(host.arch),
            recent=recent,
            start=answer,
            watch=watch,
            check=lambda each: sync_fault(each.request),
        )
        answer = await host.push_screen_wait(dialog)
        if answer is None or not (answer.preview or answer.request.delete):
            return answer
        preview = PreviewDialog(name=vm.label(host.arch), look=workshop.preview_sync(vm, answer.request))
        if await host.push_screen_wait(preview):
            return replace(answer, request=replace(answer.request, force=bool(preview.system)))
        answer = replace(answer, preview=False)
