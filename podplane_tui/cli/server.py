"""podplane's local server: whether it runs, starting it, its log."""

from __future__ import annotations

import time

import click

from podplane_tui.backend.core.errors import VMNotFound
from podplane_tui.backend.runtime.local_server import LogTail, read_local_server
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import Place, place_of
from podplane_tui.cli.inspect import describe_server, say_server
from podplane_tui.cli.json_output import json_line, print_document
from podplane_tui.cli.options import json_option, pass_choices, place_options
from podplane_tui.cli.progress import JSONLines, run_verb

_INTERVAL = 0.3
"""Seconds between two looks at a log that is followed."""


@click.command()
@click.argument("action", type=click.Choice(["status", "start", "log"]), default="status")
@click.option("-f", "--follow", is_flag=True, help="With log: go on until Ctrl-C.")
@json_option
@place_options
@pass_choices
def server(choices: Choices, *, action: str, follow: bool, as_json: bool) -> None:
    """Show podplane's local server, start it, or print its log.

    All local clusters share it. It is started detached, with podplane local server --background; podplane itself ends
    it at every stop of a cluster, and nothing here does.

    \b
    Example: podplane-tui server log --follow
    """
    place = place_of(choices)
    if action == "log":
        if as_json:
            raise click.UsageError("--json works with status and start, not with log")
        _log(place, follow=follow)
        return
    if follow:
        raise click.UsageError("--follow is for the log: podplane-tui server log --follow")
    if action == "start":
        _start(place, as_json=as_json)
        return
    found = read_local_server(place.runtime_dir)
    if as_json:
        print_document(describe_server(found, place.data_dir))
    else:
        click.echo(f"the local server is {say_server(found)}")


def _start(place: Place, *, as_json: bool) -> None:
    # It brings half of the backend, which neither a look nor the log needs.
    from podplane_tui.backend.podplane import start_server  # noqa: PLC0415

    found = run_verb(
        lambda control: start_server(data_dir=place.data_dir, runtime_dir=place.runtime_dir, control=control),
        output=JSONLines() if as_json else None,
    )
    message = f"the local server is {say_server(found)}"
    if as_json:
        server = describe_server(found, place.data_dir)
        click.echo(json_line({"result": {"verb": "server start", "message": message, "server": server}}))
    else:
        click.echo(message)


def _log(place: Place, *, follow: bool) -> None:
    path = read_local_server(place.runtime_dir).log
    tail = LogTail(path)
    try:
        while True:
            for line in tail.read():
                click.echo(line)
            if not follow:
                break
            time.sleep(_INTERVAL)
    except FileNotFoundError as error:
        raise VMNotFound(f"there is no log {path}", hint="start the local server first") from error
    rest = tail.remainder()
    if rest:
        click.echo(rest)
