"""The verbs that change a VM for its next start: `set`, `grow` and `snapshot`."""

from __future__ import annotations

import os

import click

from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.vm.remembered import read_settings
from podplane_tui.backend.vm.verbs import Verb, missing
from podplane_tui.cli.acting import Act, acting_command
from podplane_tui.cli.context import Choices
from podplane_tui.cli.inspect import iso_time
from podplane_tui.cli.json_output import print_document
from podplane_tui.cli.options import force_option, json_option, pass_choices, place_options
from podplane_tui.cli.target import cluster_of


@acting_command("set", "Choose what a VM is started with from its next start on; without an option, show it")
@click.option("-c", "--cpus", metavar="N", help='Virtual CPUs; "" for the default.')
@click.option("-m", "--memory", metavar="SIZE", help='Memory, such as 512M or 8G; "" for the default.')
@click.option("--user-data", metavar="FILE", help='cloud-init user-data; "" for the cluster\'s own.')
def set_vm(choices: Choices, *, cpus: str | None, memory: str | None, user_data: str | None) -> None:
    """A running VM uses them after a restart.

    \b
    Example: podplane-tui set --id dev --cpus 4 --memory 8G
    """
    act = Act(choices, Verb.CONFIGURE)
    cluster = act.cluster
    if not cluster.qemu.exists():
        raise missing(cluster.files)
    if user_data:
        user_data = os.path.abspath(user_data)  # noqa: PTH100
    named = {"cpus": cpus, "memory": memory, "user_data": user_data}
    if changes := {name: value for name, value in named.items() if value is not None}:
        cluster.remember(**changes)
    kept = read_settings(cluster.files)
    settings = {name: getattr(kept, name) for name in named}
    shown = [(name.replace("_", "-"), one_line(value) or "default") for name, value in settings.items()]
    message = ", ".join(f"{name}: {value}" for name, value in shown)
    act.done(message, lines=[f"{name:<10} {value}" for name, value in shown], settings=settings)


@acting_command("grow", "Grow the disk of a stopped VM")
@force_option
@click.argument("size")
def grow(choices: Choices, *, size: str) -> None:
    """SIZE is the new size, such as 200G. The guest's partition grows at its next start where cloud-init does that.

    \b
    Example: podplane-tui grow --id dev 200G
    """
    act = Act(choices)
    act.run(lambda control: act.cluster.disk.grow(size, control=control))
    act.done(f"the disk of {act.name} has {size} now")


@click.group()
@place_options
def snapshot() -> None:
    """Take, list, restore and delete snapshots of a stopped VM's disk.

    \b
    Example: podplane-tui snapshot take --id dev before-upgrade
    """


@acting_command("take", "Take a snapshot of the disk and call it NAME")
@force_option
@click.argument("name")
def take(choices: Choices, *, name: str) -> None:
    """\b
    Example: podplane-tui snapshot take --id dev before-upgrade
    """
    act = Act(choices, Verb.SNAPSHOT)
    act.run(lambda control: act.cluster.disk.take_snapshot(name, control=control))
    act.done(f"took snapshot {name} of {act.name}", snapshot=name)


@snapshot.command("list")
@json_option
@place_options
@pass_choices
def list_snapshots(choices: Choices, *, as_json: bool) -> None:
    """List the snapshots, the oldest first."""
    cluster = cluster_of(choices)
    found = cluster.disk.snapshots()
    if as_json:
        snapshots = [{"name": item.name, "taken_at": iso_time(item.taken_at)} for item in found]
        print_document({"id": cluster.files.cluster_id, "arch": cluster.files.arch, "snapshots": snapshots})
    elif found:
        width = max(len(one_line(item.name)) for item in found)
        click.echo("\n".join(f"{one_line(item.name):<{width}}  {iso_time(item.taken_at)}" for item in found))
    else:
        click.echo(f"{cluster.files.name} has no snapshots: make one with podplane-tui snapshot take", err=True)


@acting_command("restore", "Restore the disk to snapshot NAME; what was written since is lost")
@force_option
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def restore(choices: Choices, *, name: str, yes: bool) -> None:
    """\b
    Example: podplane-tui snapshot restore --id dev before-upgrade
    """
    act = Act(choices, Verb.SNAPSHOT)
    question = f"Restore {name}? What was written to the disk of {act.name} since is lost."
    act.confirm(question, yes=yes, declined="nothing was changed")
    act.run(lambda control: act.cluster.disk.restore_snapshot(name, control=control))
    act.done(f"the disk of {act.name} is that of snapshot {name} again", snapshot=name)


@acting_command("delete", "Delete snapshot NAME; the disk stays as it is")
@force_option
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete_snapshot(choices: Choices, *, name: str, yes: bool) -> None:
    """\b
    Example: podplane-tui snapshot delete --id dev before-upgrade
    """
    act = Act(choices, Verb.SNAPSHOT)
    act.confirm(f"Delete snapshot {name} of {act.name} for good?", yes=yes, declined="nothing was changed")
    act.run(lambda control: act.cluster.disk.delete_snapshot(name, control=control))
    act.done(f"deleted snapshot {name} of {act.name}", snapshot=name)


for _command in (take, restore, delete_snapshot):
    snapshot.add_command(_command)
