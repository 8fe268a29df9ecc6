"""`completion`: the verb that prints a shell's completion script."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from podplane_tui.cli import COMPLETION_VARIABLE
from podplane_tui.cli.options import place_options


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@place_options
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print the script that completes verbs, options and cluster names in a shell.

    \b
    bash, in ~/.bashrc:  eval "$(podplane-tui completion bash)"
    zsh, in ~/.zshrc:    eval "$(podplane-tui completion zsh)"
    fish:                podplane-tui completion fish > ~/.config/fish/completions/podplane-tui.fish
    """
    root = context.find_root()
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click brings those three
    click.echo(found(root.command, {}, root.info_name or "", COMPLETION_VARIABLE).source())
