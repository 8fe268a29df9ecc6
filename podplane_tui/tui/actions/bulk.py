"""One verb for many VMs: which of them it makes sense for, and the one question before it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.content import Content

from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.format import count
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.vm.repair import RepairKind
from podplane_tui.backend.vm.verbs import VERBS, Verb, refusal
from podplane_tui.tui.actions.tasks import Work, Workshop
from podplane_tui.tui.screens.delete import DeleteDialog, measure
from podplane_tui.tui.screens.dialog import Dialog, Question
from podplane_tui.tui.verbs import KeyNamer, hint

_LISTED = 5
"""VMs a question names; the others it counts."""

_STYLES = {Verb.RESET: "-large -dangerous"}


@dataclass(frozen=True, slots=True)
class Selection:
    """The VMs a verb will be done to, those left out with the reason, and how many of them the filter hides."""

    able: tuple[VMStatus, ...]
    left_out: tuple[tuple[str, str], ...]
    hidden: int
    arch: str


def select(
    verb: Verb, vms: Iterable[VMStatus], *, busy: Collection[str], hidden: Collection[str], key: KeyNamer, arch: str
) -> Selection:
    """Sort the marked VMs by whether `verb` makes sense for them; `busy` and `hidden` are keys.

    Names of VMs of another architecture than `arch` say so.
    """
    able: list[VMStatus] = []
    left_out: list[tuple[str, str]] = []
    for vm in vms:
        refused = refusal(verb, vm)
        if vm.key in busy:
            left_out.append((one_line(vm.label(arch)), "is busy"))
        elif refused is not None:
            left_out.append((refused.name, str(VMError(refused.what, hint=hint(refused, key)))))
        else:
            able.append(vm)
    return Selection(tuple(able), tuple(left_out), sum(vm.key in hidden for vm in able), arch)


@dataclass(frozen=True, slots=True)
class Plan:
    """The work for each VM, those left out with the reason, and the one question before it."""

    tasks: tuple[tuple[VMStatus, Work], ...]
    left_out: tuple[tuple[str, str], ...]
    question: Dialog[bool]


def plan(verb: Verb, selection: Selection, workshop: Workshop) -> Plan:
    """What would be done. Looks at the disk for what a delete or a repair has to list."""
    tasks: list[tuple[VMStatus, Work]] = []
    left_out = list(selection.left_out)
    about: list[tuple[str, str]] = []
    doomed: list[Path] = []
    chains: list[tuple[str, tuple[str, ...]]] = []
    for vm in selection.able:
        name, words = one_line(vm.label(selection.arch)), vm.told_state
        try:
            cluster = workshop.of(vm)
            if verb is Verb.DELETE:
                paths = cluster.delete_plan()
                doomed += paths
                tasks.append((vm, workshop.delete(vm, paths)))
            elif verb is Verb.REPAIR:
                mending = cluster.repair_plan()
                words = "; ".join(one_line(step.description) for step in mending.steps)
                if all(step.kind is RepairKind.MANUAL for step in mending.steps):
                    left_out.append((name, words or "needs no repair"))
                    continue
                tasks.append((vm, workshop.repair(vm, mending)))
            elif verb in {Verb.START, Verb.RESTART}:
                work = workshop.start(vm) if verb is Verb.START else workshop.plain(verb, vm)
                if chain := cluster.unconfirmed_chain():
                    chains.append((name, chain))
                tasks.append((vm, workshop.confirmed(vm, chain, work)))
            else:
                tasks.append((vm, workshop.plain(verb, vm)))
        except (VMError, OSError) as error:
            left_out.append((name, one_line(str(error))))
            continue
        about.append((name, words))
    title = f"{VERBS[verb].title} {count(len(tasks), 'VM')}?"
    text = _text(about, left_out, selection.hidden)
    question: Dialog[bool]
    if verb is Verb.DELETE:
        question = DeleteDialog(title=title, files=measure(doomed), text=text)
    elif chains:
        text = Content.assemble(_chains_text(chains), "\n\n", text)
        question = Question(title=title, text=text, accept="Allow", style="-large -dangerous")
    else:
        question = Question(title=title, text=text, accept=VERBS[verb].title, style=_STYLES.get(verb, "-large"))
    return Plan(tuple(tasks), tuple(left_out), question)


def _chains_text(chains: Sequence[tuple[str, tuple[str, ...]]]) -> Content:
    """What there is to confirm: all the files, for none may be allowed unseen."""
    lines = [Content("Through their disks, these guests can read files of this host:")]
    for name, chain in chains:
        lines += [Content.styled(name, "bold")]
        lines += [Content.assemble(("  • ", "$text-accent"), file) for file in chain]
    return Content("\n").join(lines)


def _text(about: Sequence[tuple[str, str]], left_out: Sequence[tuple[str, str]], hidden: int) -> Content:
    lines = listed(about)
    if hidden:
        lines.append(Content.styled(f"  ({hidden} of them hidden by the filter)", "$text-warning"))
    if left_out:
        lines += [Content(""), Content.styled("Left out:", "$foreground 60%"), *listed(left_out)]
    return Content("\n").join(lines)


def listed(pairs: Sequence[tuple[str, str]]) -> list[Content]:
    """A line for each of the first few, and how many more there are."""
    lines = [
        Content.assemble(("  • ", "$text-accent"), (name, "bold"), (f"  {words}", "$foreground 60%"))
        for name, words in pairs[:_LISTED]
    ]
    if len(pairs) > _LISTED:
        lines.append(Content.styled(f"    and {len(pairs) - _LISTED} more", "$foreground 60%"))
    return lines
