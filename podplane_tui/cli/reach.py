"""The verbs that reach into a running machine: `console`, `shell`, `sync`."""

from __future__ import annotations

import sys

import click

from podplane_tui.backend import qmp, ssh
from podplane_tui.backend.cluster import Cluster
from podplane_tui.backend.errors import CommandFailed, ConsoleError, QMPError
from podplane_tui.backend.interface import ShellOptions
from podplane_tui.cli.machine import cluster_of
from podplane_tui.cli.options import Choices, pass_choices, place_options
from podplane_tui.cli.progress import run_verb


@click.command()
@place_options
@pass_choices
def console(choices: Choices) -> None:
    """Attach to a machine's serial console.

    Ctrl-] detaches.
    """
    attach_console(cluster_of(choices))


def attach_console(cluster: Cluster) -> None:
    """Hand this terminal over to the serial console until Ctrl-] or the end of the machine."""
    machine = cluster.qemu.machine()
    if machine.qmp is not None and machine.console is not None:
        try:
            taken = qmp.console_client_connected(machine.qmp, machine.console)
        except QMPError:
            taken = False  # nobody can tell: then attaching shows it
        if taken:
            raise ConsoleError(
                f"another program is attached to the console of {cluster.files.name}, and it serves one at a time:"
                " detach there first"
            )
    if sys.stdin.isatty():
        click.echo(f"attached to {cluster.files.name}; Ctrl-] detaches", err=True)
    cluster.qemu.console()


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@place_options
@pass_choices
def shell(choices: Choices, *, command: tuple[str, ...]) -> int:
    """Run a command in a machine over SSH, or open a shell there.

    podplane-tui's own options come before COMMAND. The exit code is the command's.
    """
    cluster = cluster_of(choices)
    if not command:
        return ssh.interactive(cluster.ssh_target())
    try:
        cluster.shell(command, options=ShellOptions(stdout=sys.stdout.buffer, stderr=sys.stderr.buffer))
    except CommandFailed as error:
        return error.exit_code
    return 0


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("destination", metavar="TO")
@click.option("--chown", default="", metavar="USER:GROUP", help="Who owns the files in the machine.")
@click.option("--exclude", "excludes", multiple=True, metavar="PATTERN", help="Leave these out; may be given often.")
@place_options
@pass_choices
def sync(choices: Choices, *, source: str, destination: str, chown: str, excludes: tuple[str, ...]) -> None:
    """Copy files into a machine with rsync, as root there."""
    cluster = cluster_of(choices)
    cluster.qemu.set_output(sys.stdout)
    run_verb(lambda control: cluster.sync(source, destination, chown=chown, excludes=excludes, control=control))
