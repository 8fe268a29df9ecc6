"""The command line: `podplane-tui` opens the dashboard, `podplane-tui VERB` does one thing and ends.

Every verb stands in a module of its group that is imported when the verb is called, so that a quick verb stays quick.
What lives here: options, plain text, exit codes. What may not: knowledge of machines; that is the backend's.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted; `shell COMMAND` passes on the command's own.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from podplane_tui import __version__
from podplane_tui.cli.options import Choices, place_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PROGRAM = "podplane-tui"

VERBS = {
    # verb: the module in this package and the command in it
    "list": ("look", "list_machines"),
    "status": ("look", "status"),
    "watch": ("watch", "watch"),
    "create": ("lifecycle", "create"),
    "start": ("lifecycle", "start"),
    "restart": ("lifecycle", "restart"),
    "stop": ("lifecycle", "stop"),
    "pause": ("control", "pause"),
    "resume": ("control", "resume"),
    "reset": ("control", "reset"),
    "repair": ("mend", "repair"),
    "adopt": ("mend", "adopt"),
    "set": ("disk", "set_machine"),
    "grow": ("disk", "grow"),
    "snapshot": ("disk", "snapshot"),
    "delete": ("lifecycle", "delete"),
    "console": ("reach", "console"),
    "logs": ("logs", "logs"),
    "boot": ("logs", "boot"),
    "shell": ("reach", "shell"),
    "wait": ("reach", "wait"),
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
        command = getattr(import_module(f"{__name__}.{module}"), name)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above and the modules agree, a test sees to it
        return command

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
    """Watch and drive the QEMU virtual machines of local Podplane clusters.

    Without a verb the dashboard opens. The options below may also stand after a verb.
    """
    if sys.platform == "win32":
        raise click.ClickException("Windows is not supported: use it inside WSL 2")
    if context.invoked_subcommand is not None:
        return None
    # Nothing of what is made from here to the first picture goes away again: collecting it would only take time.
    gc.disable()
    return int(import_module(f"{__name__}.dashboard").open_dashboard(context.ensure_object(Choices)))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code. Errors become one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 still gets everything else
    try:
        code = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:
        return int(import_module(f"{__name__}.failure").report(error))
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """The console script."""
    code = run()
    gc.freeze()  # the system takes all memory back at once: looking for cycles in it first takes longer than many verbs
    sys.exit(code)
