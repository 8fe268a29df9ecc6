"""Completion in shells: the verb that prints the script for one, and the names only this program knows."""

from __future__ import annotations

import os

import click
from click.shell_completion import CompletionItem, get_completion_class

from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.paths import IMAGE_SUFFIX, parse_stem
from podplane_tui.cli import COMPLETION_VARIABLE
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import directories_of
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


def cluster_ids(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """The clusters that have a disk and whose name begins so: one listing, for it happens at a key press."""
    try:
        vms = directories_of(context.find_root().ensure_object(Choices)).data / "vms"
        names = os.listdir(vms)  # noqa: PTH208 - names are all that is needed
    except (OSError, VMError):
        return []
    ids = {parsed[0] for name in names if (parsed := parse_stem(name, IMAGE_SUFFIX))}
    return [CompletionItem(cluster_id) for cluster_id in sorted(ids) if cluster_id.startswith(incomplete)]
