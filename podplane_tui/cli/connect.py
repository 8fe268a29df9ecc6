"""The verbs that reach into a running machine: `console`, `shell`, `wait`."""

from __future__ import annotations

import contextlib
import sys

import click

from podplane_tui.backend.console.claim import holder
from podplane_tui.backend.core.control import ShellOptions
from podplane_tui.backend.core.errors import CommandFailed, CommandTimedOut
from podplane_tui.backend.core.format import count
from podplane_tui.backend.core.status import Phase
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.cli.acting import Act, acting_command
from podplane_tui.cli.context import Choices
from podplane_tui.cli.errors import complain
from podplane_tui.cli.options import Seconds, pass_choices, place_options
from podplane_tui.cli.target import cluster_of

_GOALS = {"ssh": Phase.SSH, "cloud-init": Phase.CLOUD_INIT}


@click.command()
@click.option("--ask", is_flag=True, help="If somebody types into it, ask them to hand it over, for up to a minute.")
@place_options
@pass_choices
def console(choices: Choices, *, ask: bool) -> None:
    """Attach to a machine's serial console.

    Ctrl-] detaches. One program at a time can; logs --follow watches meanwhile.

    \b
    Example: podplane-tui console --id dev --ask
    """
    attach_console(cluster_of(choices), ask=ask)


def attach_console(cluster: Cluster, *, ask: bool = False) -> None:
    """Hand this terminal over to the serial console until Ctrl-] or the end of the machine."""
    held = holder(cluster.files) if ask else None
    if held is not None:
        click.echo(f"asking {held.who} for the console; Ctrl-C gives up", err=True)
    if sys.stdin.isatty() and cluster.qemu.running():
        click.echo(f"the console of {cluster.files.name}; Ctrl-] detaches", err=True)
    click.echo(cluster.console(ask=ask, untaken=_say_untaken).value, err=True)


def _say_untaken(size: int) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        complain(f"{count(size, 'byte')} {'was' if size == 1 else 'were'} not taken by the guest")


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--user", default="", metavar="NAME", help="Whom to log in as [default: as set for the cluster, debian].")
@click.option("--timeout", type=Seconds(min=0.1), metavar="SECONDS", help="Give COMMAND up after this long.")
@click.option("-n", "no_input", is_flag=True, help="Leave the standard input alone, as ssh -n does.")
@click.option(
    "--forget-host-key", is_flag=True, help="Forget the machine's host keys first, if you have made them anew."
)
@place_options
@pass_choices
def shell(
    choices: Choices,
    *,
    command: tuple[str, ...],
    user: str,
    timeout: float | None,
    no_input: bool,
    forget_host_key: bool,
) -> int:
    """Run a command in a machine over SSH, or open a shell there.

    podplane-tui's own options come before COMMAND, whose words reach the machine as they are: for pipes and variables
    of the machine's shell write sh -c '...'. COMMAND reads what is piped or redirected into podplane-tui. The exit code
    is the command's.

    \b
    Example: podplane-tui shell --id dev systemctl --failed
    """
    cluster = cluster_of(choices)
    if forget_host_key:
        cluster.forget_host_keys()
    if not command:
        if timeout is not None:
            raise click.UsageError("--timeout goes with a command: leave it out")
        target = cluster.ssh_target(user)
        code = ssh.interactive(target)
        if code == ssh.FAILED:
            ssh.connect(target).close()  # says in one line why, if it still can't
        return code
    given = None if no_input or sys.stdin is None or sys.stdin.isatty() else sys.stdin.fileno()
    options = ShellOptions(timeout=timeout, stdout=sys.stdout.buffer, stderr=sys.stderr.buffer, stdin=given)
    try:
        cluster.shell(command, options=options, user=user)
    except CommandTimedOut as error:
        complain(error)
        return error.exit_code
    except CommandFailed as error:
        return error.exit_code
    return 0


@acting_command("wait", "Wait until a VM can be logged in to, or until its cloud-init has ended")
@click.option(
    "--for", "goal", type=click.Choice(list(_GOALS)), default="ssh", show_default=True, help="What to wait for."
)
@click.option(
    "--timeout",
    type=Seconds(min=0),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Give up after this long.",
)
@click.option("--user", default="", metavar="NAME", help="Whom to log in as [default: as set for the cluster, debian].")
def wait(choices: Choices, *, goal: str, timeout: float, user: str) -> None:
    """Ends with 0 as soon as that is so, and with 1 after the timeout or when the VM does not run. A cloud-init that
    ended with an error also ends this with 1; one that is degraded (done, with errors it recovered from) is a warning.

    \b
    Example: podplane-tui wait --id dev --timeout 300
    """
    act = Act(choices)
    act.run(lambda control: act.cluster.wait(_GOALS[goal], timeout=timeout, user=user, control=control))
    if act.as_json:
        act.done(f"{act.name} has reached {goal}", reached=goal)
