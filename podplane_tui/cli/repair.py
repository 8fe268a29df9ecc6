"""The verbs that put right what is wrong with a VM: `repair` and `adopt`."""

from __future__ import annotations

from collections.abc import Iterable

import click

from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.vm.repair import RepairKind
from podplane_tui.backend.vm.verbs import Verb, missing
from podplane_tui.cli.acting import Act, acting_command
from podplane_tui.cli.context import Choices
from podplane_tui.cli.errors import FAILED
from podplane_tui.cli.options import force_option


@acting_command(Verb.REPAIR)
@force_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--leaks", is_flag=True, help="Also free space in the disk that nothing refers to (qemu-img check -r leaks)."
)
def repair(choices: Choices, *, yes: bool, leaks: bool) -> int:
    """Says first what it will do. No disk is removed or replaced; what is not what its name says is moved aside. Ends
    with 1 when something is left that only you can put right.

    \b
    Example: podplane-tui repair --id dev
    """
    act = Act(choices, Verb.REPAIR)
    cluster = act.cluster
    if cluster.status() is None:
        raise missing(cluster.files)
    plan = cluster.repair_plan()
    manual = [step.description for step in plan.steps if step.kind is RepairKind.MANUAL]
    steps = [step.description for step in plan.steps if step.kind is not RepairKind.MANUAL]
    if leaks:
        steps.append("free what the disk has lost")
    if not steps and not manual:
        act.done(f"nothing is wrong with {act.name}", repaired=[], left=[])
        return 0
    if steps:
        act.confirm(
            f"Repair {act.name}?",
            yes=yes,
            declined="nothing was changed",
            listed=["this will be done:", *_listed(steps)],
        )
        done = act.run(lambda control: cluster.repair(plan, fix_leaks=leaks, control=control))
        act.done("; ".join(done), lines=map(one_line, done), repaired=list(done), left=manual)
    else:
        lines = ["left to you:", *_listed(manual)]
        act.done(f"left to you: {'; '.join(manual)}", lines=lines, repaired=[], left=manual)
    return FAILED if manual else 0


@acting_command("adopt", "Write the PID file of a VM that runs without one")
def adopt(choices: Choices) -> None:
    """\b
    Example: podplane-tui adopt --id dev
    """
    act = Act(choices)
    pid = act.run(lambda control: act.cluster.adopt(control=control))
    act.done(f"{act.name} runs as process {pid}", pid=pid)


def _listed(lines: Iterable[str]) -> list[str]:
    return [f"  {one_line(line)}" for line in lines]
