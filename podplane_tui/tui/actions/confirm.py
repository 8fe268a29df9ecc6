"""What is asked before a verb: the questions and dialogs, and the work that their answers make."""

from __future__ import annotations

from pathlib import Path

from textual.content import Content

from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.format import format_duration
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.podplane import podplane_installed
from podplane_tui.backend.vm.repair import RepairKind
from podplane_tui.tui.actions import configure
from podplane_tui.tui.actions.host import Asker
from podplane_tui.tui.actions.tasks import Work, Workshop
from podplane_tui.tui.screens.delete import DeleteDialog, measure
from podplane_tui.tui.screens.dialog import Question
from podplane_tui.tui.screens.start import StartDialog, StartWay
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.verbs import WORDING, Verb


async def ask(host: Asker, workshop: Workshop, vm: VMStatus, verb: Verb) -> Work | None:
    """The work of `verb`, after whatever has to be asked first; None when the answer was no.

    Raises `VMError` or `OSError` when it can't be asked.
    """
    name = vm.cluster_id
    match verb:
        case Verb.STOP | Verb.RESTART:
            question = Question(
                title=f"{WORDING[verb].title} {name}?",
                text=_stop_text(workshop.stop_timeouts, verb, host.key("vm.stop")),
                accept=WORDING[verb].title,
            )
            return workshop.plain(verb, vm) if await host.push_screen_wait(question) else None
        case Verb.RESET:
            text = Content("The guest restarts at once, as with a reset button: what it has not saved is lost.")
            question = Question(title=f"Reset {name}?", text=text, accept="Reset", style="-dangerous")
            return workshop.plain(verb, vm) if await host.push_screen_wait(question) else None
        case Verb.START:
            return await _ask_start(host, workshop, vm)
        case Verb.DELETE:
            return await _ask_delete(host, workshop, vm)
        case Verb.REPAIR:
            return await _ask_repair(host, workshop, vm)
        case Verb.CONFIGURE:
            return await configure.ask_settings(host, workshop, vm)
        case Verb.SNAPSHOT:
            return await configure.ask_snapshot(host, workshop, vm)
        case _:
            return workshop.plain(verb, vm)


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
        plan = workshop.cluster(vm.cluster_id, vm.arch).delete_plan()
        return plan, DeleteDialog(title=f"Delete {vm.cluster_id}?", files=measure(plan))

    plan, dialog = await in_thread(look, name="delete-plan")
    return workshop.delete(vm, plan) if await host.push_screen_wait(dialog) else None


async def _ask_start(host: Asker, workshop: Workshop, vm: VMStatus) -> Work | None:
    if not await in_thread(lambda: vm.files.made_by_podplane, name="start-look"):
        return workshop.plain(Verb.START, vm)
    way = await host.push_screen_wait(StartDialog(name=vm.cluster_id, installed=podplane_installed()))
    if way is None:
        return None
    return workshop.plain(Verb.START, vm) if way is StartWay.PODPLANE else workshop.start_alone(vm)


async def _ask_repair(host: Asker, workshop: Workshop, vm: VMStatus) -> Work | None:
    plan = await in_thread(workshop.cluster(vm.cluster_id, vm.arch).repair_plan, name="repair-plan")
    steps = [one_line(step.description) for step in plan.steps]
    if all(step.kind is RepairKind.MANUAL for step in plan.steps):
        raise VMError(" ".join(steps) or f"{vm.cluster_id} is {vm.state}: there is nothing to repair")
    lines = Content("\n").join(Content.assemble(("  • ", "$text-accent"), step) for step in steps)
    text = Content.assemble("This will be done, and no disk is lost by it:\n\n", lines)
    question = Question(title=f"Repair {vm.cluster_id}?", text=text, accept="Repair")
    return workshop.repair(vm, plan) if await host.push_screen_wait(question) else None
