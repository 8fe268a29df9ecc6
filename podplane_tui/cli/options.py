"""The options that every verb shares, before the verb or after it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from podplane_tui.cli.context import Choices

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Function = TypeVar("Function", bound=Callable[..., object])


pass_choices = click.make_pass_decorator(Choices, ensure=True)


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    choices = context.find_root().ensure_object(Choices)
    if value is not None and parameter.name is not None:
        setattr(choices, parameter.name, value)


def complete_cluster_id(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For a parameter that is the id of a cluster: those there are."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

    from podplane_tui.cli.directories import cluster_ids  # noqa: PLC0415

    found = cluster_ids(context.find_root().ensure_object(Choices))
    return [CompletionItem(cluster_id) for cluster_id in found if cluster_id.startswith(incomplete)]


class Seconds(click.FloatRange):
    """A number of seconds. `nan` and `inf` are numbers to Python, and no time that anybody can wait."""

    name = "seconds"

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{seconds} is not a number of seconds.", param, ctx)
        return seconds


force_option = click.option(
    "--force",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Go on where it can't be told whether another program uses the disk.",
)

backing_chain_option = click.option(
    "--allow-backing-chain",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Let the guest read the files that its disk or image names: they are listed.",
)


def _allow_insecure(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        from podplane_tui.backend.runtime.directories import INSECURE_VARIABLE  # noqa: PLC0415 - seldom needed

        os.environ[INSECURE_VARIABLE] = "1"  # also for the programs that this one starts


_DIRECTORY = click.Path(path_type=Path)

_OPTIONS = (
    click.option(
        "--id",
        "cluster_id",
        metavar="ID",
        expose_value=False,
        callback=_remember,
        shell_complete=complete_cluster_id,
        help="The cluster [default: default].",
    ),
    click.option(
        "--data-dir",
        type=_DIRECTORY,
        metavar="DIR",
        expose_value=False,
        callback=_remember,
        help="podplane's data directory [default: as podplane finds it].",
    ),
    click.option(
        "--runtime-dir",
        type=_DIRECTORY,
        metavar="DIR",
        expose_value=False,
        callback=_remember,
        help="podplane's runtime directory [default: as podplane finds it].",
    ),
    click.option(
        "--state-dir",
        type=_DIRECTORY,
        metavar="DIR",
        expose_value=False,
        callback=_remember,
        help="Our own state, recordings among it [default: XDG_STATE_HOME/podplane-tui].",
    ),
    click.option(
        "--arch",
        type=click.Choice(["amd64", "arm64"]),
        expose_value=False,
        callback=_remember,
        help="The machine's architecture [default: PODPLANE_ARCH, else this host's].",
    ),
    click.option(
        "--insecure-directories",
        is_flag=True,
        expose_value=False,
        callback=_allow_insecure,
        help="Go on where others may write to podplane's directories.",
    ),
)


def _remember_json(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    context.find_root().ensure_object(Choices).as_json = value  # errors are printed in the same way
    return value


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,
    callback=_remember_json,
    help="Print JSON (described in json_output.md).",
)
"""Hands a verb `as_json`; `cli.json_output` does the printing."""


def place_options(function: Function) -> Function:
    """Add the options of every verb: which VM, which of podplane's directories, which architecture."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
