"""The verbs that reach into a running machine: `console`, `shell`."""

from __future__ import annotations

import sys

import click

from podplane_tui.backend import ssh
from podplane_tui.backend.cluster import Cluster
from podplane_tui.backend.console_holder import holder
from podplane_tui.backend.errors import CommandFailed
from podplane_tui.backend.interface import ShellOptions
from podplane_tui.cli.machine import cluster_of
from podplane_tui.cli.options import Choices, pass_choices, place_options

_SSH_FAILED = 255
"""OpenSSH's exit code for its own failure."""


@click.command()
@click.option("--ask", is_flag=True, help="If somebody types into it, ask them to hand it over, for up to a minute.")
@place_options
@pass_choices
def console(choices: Choices, *, ask: bool) -> None:
    """Attach to a machine's serial console.

    Ctrl-] detaches. One program at a time can; logs --follow watches meanwhile.
    """
    attach_console(cluster_of(choices), ask=ask)


def attach_console(cluster: Cluster, *, ask: bool = False) -> None:
    """Hand this terminal over to the serial console until Ctrl-] or the end of the machine."""
    held = holder(cluster.files) if ask else None
    if held is not None:
        click.echo(f"asking {held.who} for the console; Ctrl-C gives up", err=True)
    if sys.stdin.isatty() and cluster.qemu.running():
        click.echo(f"the console of {cluster.files.name}; Ctrl-] detaches", err=True)
    click.echo(cluster.console(ask=ask).value, err=True)


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@place_options
@pass_choices
def shell(choices: Choices, *, command: tuple[str, ...]) -> int:
    """Run a command in a machine over SSH, or open a shell there.

    podplane-tui's own options come before COMMAND, whose words reach the machine as they are: for pipes and variables
    of the machine's shell write sh -c '...'. The exit code is the command's.
    """
    cluster = cluster_of(choices)
    if not command:
        target = cluster.ssh_target()
        code = ssh.interactive(target)
        if code == _SSH_FAILED:
            ssh.connect(target).close()  # says in one line why, if it still can't
        return code
    try:
        cluster.shell(command, options=ShellOptions(stdout=sys.stdout.buffer, stderr=sys.stderr.buffer))
    except CommandFailed as error:
        return error.exit_code
    return 0
