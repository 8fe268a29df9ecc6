"""The verbs that act on a running machine through QEMU: `pause`, `resume`, `reset`."""

from __future__ import annotations

import click

from podplane_tui.cli.context import Choices
from podplane_tui.cli.options import pass_choices, place_options
from podplane_tui.cli.progress import run_verb
from podplane_tui.cli.target import cluster_of


@click.command()
@place_options
@pass_choices
def pause(choices: Choices) -> None:
    """Freeze a running machine where it is.

    \b
    Example: podplane-tui pause --id dev
    """
    cluster = cluster_of(choices)
    run_verb(lambda control: cluster.pause(control=control))
    click.echo(f"{cluster.files.name} is paused")


@click.command()
@place_options
@pass_choices
def resume(choices: Choices) -> None:
    """Let a paused machine go on.

    \b
    Example: podplane-tui resume --id dev
    """
    cluster = cluster_of(choices)
    run_verb(lambda control: cluster.resume(control=control))
    click.echo(f"{cluster.files.name} goes on")


@click.command()
@place_options
@pass_choices
def reset(choices: Choices) -> None:
    """Press a machine's reset button.

    The guest starts anew at once: what it has not saved is lost.

    \b
    Example: podplane-tui reset --id dev
    """
    cluster = cluster_of(choices)
    run_verb(lambda control: cluster.reset(control=control))
    click.echo(f"{cluster.files.name} was reset")
