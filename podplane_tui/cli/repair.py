"""The verbs that put right what is wrong with a machine: `repair` and `adopt`."""

from __future__ import annotations

import sys

import click

from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.vm.repair import RepairKind
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import no_such_vm
from podplane_tui.cli.errors import FAILED
from podplane_tui.cli.options import pass_choices, place_options
from podplane_tui.cli.progress import run_verb
from podplane_tui.cli.target import cluster_of


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--leaks", is_flag=True, help="Also free space in the disk that nothing refers to (qemu-img check -r leaks)."
)
@place_options
@pass_choices
def repair(choices: Choices, *, yes: bool, leaks: bool) -> int:
    """Mend a broken, crashed or orphaned machine.

    Says first what it will do. No disk is removed or replaced; what is not what its name says is moved aside. Ends
    with 1 when something is left that only you can put right.

    \b
    Example: podplane-tui repair --id dev
    """
    cluster = cluster_of(choices)
    if cluster.status() is None:
        raise no_such_vm(cluster.files)
    plan = cluster.repair_plan()
    if not plan.steps and not leaks:
        click.echo(f"nothing is wrong with {cluster.files.name}")
        return 0
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask: give --yes to repair without a question")
    manual = [step.description for step in plan.steps if step.kind is RepairKind.MANUAL]
    steps = [step.description for step in plan.steps if step.kind is not RepairKind.MANUAL]
    if leaks:
        steps.append("free what the disk has lost")
    if steps:
        click.echo("\n".join(["this will be done:", *(f"  {one_line(step)}" for step in steps)]))
        if not yes and not click.confirm(f"Repair {cluster.files.name}?", default=False):
            raise click.ClickException("nothing was changed")
        done = run_verb(lambda control: cluster.repair(plan, fix_leaks=leaks, control=control))
        click.echo("\n".join(one_line(line) for line in done))
    else:
        click.echo("\n".join(["left to you:", *(f"  {one_line(line)}" for line in manual)]))
    return FAILED if manual else 0


@click.command()
@place_options
@pass_choices
def adopt(choices: Choices) -> None:
    """Write the PID file of a machine that runs without one.

    \b
    Example: podplane-tui adopt --id dev
    """
    cluster = cluster_of(choices)
    pid = run_verb(lambda control: cluster.adopt(control=control))
    click.echo(f"{cluster.files.name} runs as process {pid}")
