"""What is asked before a verb: the questions and dialogs, and the work that their answers make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from textual.content import Content

from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.format import format_duration
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.podplane import podplane_installed
from podplane_tui.backend.vm.repair import RepairKind
from podplane_tui.backend.vm.start import StartWay
from podplane_tui.backend.vm.verbs import VERBS, Verb
from podplane_tui.tui.actions import configure
from podplane_tui.tui.actions.host import Asker
from podplane_tui.tui.actions.tasks import Work, Workshop
from podplane_tui.tui.screens.delete import DeleteDialog, measure
from podplane_tui.tui.screens.dialog import Question
from podplane_tui.tui.screens.start import StartDialog
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.verbs import binding_id

Ask = Callable[[Asker, Workshop, VMStatus], Awaitable[Work | None]]
"""Asks what has to be asked before a verb and gives its work; None when the answer was no.

Raises `VMError` or `OSError` when it can't be asked.
"""


def _at_once(verb: Verb) -> Ask:
    async def ask(_host: Asker, workshop: Workshop, vm: VMStatus) -> Work | None:
        return workshop.plain(verb, vm)

    return ask


def _stopping(verb: Verb) -> Ask:
    async def ask(host: Asker, workshop: Workshop, vm: VMStatus) -> Work | None:
        title = VERBS[verb].title
        chain = await _ask_chain(host, workshop, vm, accept=title) if verb is Verb.RESTART else ()
        if chain is None:
            return None
        text = _stop_text(workshop.stop_timeouts, verb, host.key(binding_id(Verb.STOP)))
        question = Question(title=f"{title} {vm.label(host.arch)}?", text=text, accept=title)
        if not await host.push_screen_wait(question):
            return None
        return workshop.confirmed(vm, chain, workshop.plain(verb, vm))

    return ask


async def _ask_chain(host: Asker, workshop: Workshop, vm: VMStatus, *, accept: str) -> tuple[str, ...] | None:
    """The files that the guest may read through its disk, () for none besides its base; None when it may not."""
    chain = await in_thread(workshop.of(vm).unconfirmed_chain, name="chain")
    if not chain:
        return ()
    question = Question(
        title=f"{accept} {vm.label(host.arch)}?", text=chain_text(chain), accept="Allow", style="-dangerous"
    )
    return chain if await host.push_screen_wait(question) else None


def chain_text(chain: tuple[str, ...]) -> Content:
    """What there is to confirm about these files."""
    lines = Content("\n").join(Content.assemble(("  • ", "$text-accent"), file) for file in chain)
    return Content.assemble("Through its disk, the guest can read these files of this host:\n\n", lines)


async def _ask_reset(host: Asker, workshop: Workshop, vm: VMStatus) -> Work | None:
    text = Content("The guest restarts at once, as with a reset button: what it has not saved is lost.")
    question = Question(title=f"Reset {vm.label(host.arch)}?", text=text, accept="Reset", style="-dangerous")
    return workshop.plain(Verb.RESET, vm) if await host.push_screen_wait(question) else None


def _stop_text(timeouts: StopTimeouts, verb: Verb, stop_key: str) -> Content:
    steps = [
        (timeouts.powerdown, "the power button; the guest shuts down by itself"),
        (timeouts.terminate, "SIGTERM: QEMU writes its disk and ends"),
        (timeouts.kill, "SIGKILL"),
    ]
    lines = [
        Content.assemble((f"  {format_duration(seconds):>7}  ", "$text-accent"), words)
        for seconds, words in steps
        if seconds > 0
    ]
    tail = f"\n\nPress {stop_key} again while it stops to skip to the next step."
    if verb is Verb.RESTART:
        tail += "\nIt then starts with the CPUs, memory and kernel it has now."
    return Content.assemble("In this order, each for at most\n\n", Content("\n").join(lines), tail)


async def _ask_delete(host: Asker, workshop: Workshop, vm: VMStatus) -> Work | None:
    def look() -> tuple[tuple[Path, ...], DeleteDialog]:
        plan = workshop.of(vm).delete_plan()
        return plan, DeleteDialog(title=f"Delete {vm.label(host.arch)}?", files=measure(plan))

    plan, dialog = await in_thread(look, name="delete-plan")
    return workshop.delete(vm, plan) if await host.push_screen_wait(dialog) else None


async def _ask_start(host: Asker, workshop: Workshop, vm: VMStatus) -> Work | None:
    """A VM that podplane has nothing to do with is started without a question, if its disk has just a base image."""
    chain = await _ask_chain(host, workshop, vm, accept="Start")
    if chain is None:
        return None
    if not await in_thread(lambda: vm.files.made_by_podplane, name="start-look"):
        return workshop.confirmed(vm, chain, workshop.start(vm))
    way = await host.push_screen_wait(StartDialog(name=vm.cluster_id, installed=podplane_installed()))
    return None if way is None else workshop.confirmed(vm, chain, workshop.start(vm, vm_only=way is StartWay.VM_ONLY))


async def _ask_repair(host: Asker, workshop: Workshop, vm: VMStatus) -> Work | None:
    plan = await in_thread(workshop.of(vm).repair_plan, name="repair-plan")
    steps = [one_line(step.description) for step in plan.steps]
    if all(step.kind is RepairKind.MANUAL for step in plan.steps):
        raise VMError("; ".join(steps) or f"nothing is wrong with {vm.label(host.arch)}")
    lines = Content("\n").join(Content.assemble(("  • ", "$text-accent"), step) for step in steps)
    text = Content.assemble("This will be done, and no disk is lost by it:\n\n", lines)
    question = Question(title=f"Repair {vm.label(host.arch)}?", text=text, accept="Repair")
    return workshop.repair(vm, plan) if await host.push_screen_wait(question) else None


ASK: Mapping[Verb, Ask] = {
    Verb.START: _ask_start,
    Verb.STOP: _stopping(Verb.STOP),
    Verb.RESTART: _stopping(Verb.RESTART),
    Verb.PAUSE: _at_once(Verb.PAUSE),
    Verb.RESUME: _at_once(Verb.RESUME),
    Verb.RESET: _ask_reset,
    Verb.DELETE: _ask_delete,
    Verb.REPAIR: _ask_repair,
    Verb.CONFIGURE: configure.ask_settings,
    Verb.SNAPSHOT: configure.ask_snapshot,
}
"""What is asked before each verb that is about a VM, but for the copies, which `sync` asks about."""
