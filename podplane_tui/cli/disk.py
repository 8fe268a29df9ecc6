"""The verbs that change a machine for its next start: `set`, `grow` and `snapshot`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.vm.remembered import read_settings
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import no_such_vm
from podplane_tui.cli.inspect import iso_time
from podplane_tui.cli.options import pass_choices, place_options
from podplane_tui.cli.progress import run_verb
from podplane_tui.cli.target import cluster_of


@click.command("set")
@click.option("-c", "--cpus", metavar="N", help='Virtual CPUs; "" for the default.')
@click.option("-m", "--memory", metavar="SIZE", help='Memory, such as 512M or 8G; "" for the default.')
@click.option("--user-data", metavar="FILE", help='cloud-init user-data; "" for the cluster\'s own.')
@place_options
@pass_choices
def set_machine(choices: Choices, *, cpus: str | None, memory: str | None, user_data: str | None) -> None:
    """Choose what a machine is started with from its next start on; without an option, show it.

    A machine that runs takes it over with restart.

    \b
    Example: podplane-tui set --id dev --cpus 4 --memory 8G
    """
    cluster = cluster_of(choices)
    if not cluster.qemu.exists():
        raise no_such_vm(cluster.files)
    if user_data:
        user_data = os.path.abspath(user_data)  # noqa: PTH100
        cluster.user_data(Path(user_data))
    named = {"cpus": cpus, "memory": memory, "user_data": user_data}
    if changes := {name: value for name, value in named.items() if value is not None}:
        cluster.remember(**changes)
    kept = read_settings(cluster.files)
    for name in named:
        click.echo(f"{name.replace('_', '-'):<10} {one_line(getattr(kept, name)) or 'default'}")


@click.command()
@click.argument("size")
@place_options
@pass_choices
def grow(choices: Choices, *, size: str) -> None:
    """Grow the disk of a stopped machine to SIZE, such as 200G.

    The guest's partition grows at its next start where cloud-init does that.

    \b
    Example: podplane-tui grow --id dev 200G
    """
    cluster = cluster_of(choices)
    run_verb(lambda control: cluster.disk.grow(size, control=control))
    click.echo(f"the disk of {cluster.files.name} has {size} now")


@click.group()
@place_options
def snapshot() -> None:
    """Take, list, restore and delete snapshots of a stopped machine's disk.

    \b
    Example: podplane-tui snapshot take --id dev before-upgrade
    """


@snapshot.command()
@click.argument("name")
@place_options
@pass_choices
def take(choices: Choices, *, name: str) -> None:
    """Keep the disk as it is now under NAME."""
    cluster = cluster_of(choices)
    run_verb(lambda control: cluster.disk.take_snapshot(name, control=control))
    click.echo(f"took snapshot {name} of {cluster.files.name}")


@snapshot.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@place_options
@pass_choices
def list_snapshots(choices: Choices, *, as_json: bool) -> None:
    """List the snapshots, the oldest first."""
    cluster = cluster_of(choices)
    found = cluster.disk.snapshots()
    if as_json:
        rows = [{"name": item.name, "taken_at": iso_time(item.taken_at)} for item in found]
        click.echo(json.dumps(rows, indent=2))
    elif found:
        width = max(len(one_line(item.name)) for item in found)
        click.echo("\n".join(f"{one_line(item.name):<{width}}  {iso_time(item.taken_at)}" for item in found))
    else:
        click.echo(f"{cluster.files.name} has no snapshots: make one with podplane-tui snapshot take", err=True)


@snapshot.command()
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@place_options
@pass_choices
def restore(choices: Choices, *, name: str, yes: bool) -> None:
    """Make the disk again what it was when NAME was taken; what was written since is lost."""
    cluster = cluster_of(choices)
    _ask(f"Restore {name}? What was written to the disk of {cluster.files.name} since is lost.", yes=yes)
    run_verb(lambda control: cluster.disk.restore_snapshot(name, control=control))
    click.echo(f"the disk of {cluster.files.name} is that of snapshot {name} again")


@snapshot.command("delete")
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@place_options
@pass_choices
def delete_snapshot(choices: Choices, *, name: str, yes: bool) -> None:
    """Forget the snapshot NAME; the disk stays as it is."""
    cluster = cluster_of(choices)
    _ask(f"Delete snapshot {name} of {cluster.files.name} for good?", yes=yes)
    run_verb(lambda control: cluster.disk.delete_snapshot(name, control=control))
    click.echo(f"deleted snapshot {name} of {cluster.files.name}")


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask: give --yes to do it without a question")
    if not click.confirm(one_line(question), default=False):
        raise click.ClickException("nothing was changed")
