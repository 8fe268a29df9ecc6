"""The verbs, and what stands before one.

Every verb stands in a module of its group that is imported when the verb is called, so that a quick verb stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from podplane_tui import __version__
from podplane_tui.cli import PROGRAM, open_dashboard, require_supported_system
from podplane_tui.cli.context import Choices
from podplane_tui.cli.options import place_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

VERBS = {
    # verb: the module in this package and the command in it
    "list": ("inspect", "list_machines"),
    "status": ("inspect", "status"),
    "watch": ("watch", "watch"),
    "create": ("lifecycle", "create"),
    "start": ("lifecycle", "start"),
    "restart": ("lifecycle", "restart"),
    "stop": ("lifecycle", "stop"),
    "pause": ("power", "pause"),
    "resume": ("power", "resume"),
    "reset": ("power", "reset"),
    "repair": ("repair", "repair"),
    "adopt": ("repair", "adopt"),
    "set": ("disk", "set_vm"),
    "grow": ("disk", "grow"),
    "snapshot": ("disk", "snapshot"),
    "delete": ("lifecycle", "delete"),
    "console": ("connect", "console"),
    "logs": ("logs", "logs"),
    "boot": ("logs", "boot"),
    "shell": ("connect", "shell"),
    "wait": ("connect", "wait"),
    "sync": ("sync", "sync"),
    "server": ("server", "server"),
    "serve": ("serve", "serve"),
    "doctor": ("doctor", "doctor"),
    "keys": ("keys", "keys"),
    "demo": ("demo", "demo"),
    "completion": ("completion", "completion"),
}


class _VerbGroup(click.Group):
    """A group that imports a verb when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, name = VERBS[cmd_name]
        command = getattr(import_module(f"{__package__}.{module}"), name)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above and the modules agree, a test sees to it
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            verb = ctx.invoked_subcommand
            command = self.get_command(ctx, verb) if verb else None
            if error.ctx is None and command is not None:  # click's parser does not say whose option lacks its value
                error.ctx = click.Context(command, info_name=verb, parent=ctx)
            raise

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names alone: what verbs say about themselves would take importing them all, at a key press."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

        verbs = [CompletionItem(verb) for verb in VERBS if verb.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(cls=_VerbGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
@place_options
@click.pass_context
def cli(context: click.Context) -> int | None:
    """Watch and drive the QEMU virtual machines (VMs) of local Podplane clusters.

    Without a verb the dashboard opens. The options below may also stand after a verb.
    """
    if context.invoked_subcommand is None:
        return open_dashboard(context.ensure_object(Choices))
    require_supported_system()
    return None
