"""podplane's local server: whether it runs, starting it, its log."""

from __future__ import annotations

import json
import time

import click

from podplane_tui.backend.core.errors import VMNotFound
from podplane_tui.backend.runtime.local_server import LogTail, read_local_server
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import Place, place_of
from podplane_tui.cli.inspect import describe_server, say_server
from podplane_tui.cli.options import pass_choices, place_options
from podplane_tui.cli.progress import run_verb

_INTERVAL = 0.3
"""Seconds between two looks at a log that is followed."""


@click.command()
@click.argument("action", type=click.Choice(["status", "start", "log"]), default="status")
@click.option("-f", "--follow", is_flag=True, help="With log: go on until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@place_options
@pass_choices
def server(choices: Choices, *, action: str, follow: bool, as_json: bool) -> None:
    """Show podplane's local server, start it, or print its log.

    All local clusters share it. It is started detached, with podplane local server --background; podplane itself ends
    it at every stop of a cluster, and nothing here does. --json prints running, http_port, https_port, ca_cert_file,
    pid, ingress_https_port, log_file and problem.

    \b
    Example: podplane-tui server log --follow
    """
    place = place_of(choices)
    if action == "log":
        _log(place, follow=follow)
        return
    if follow:
        raise click.UsageError("--follow is for the log: podplane-tui server log --follow")
    if action == "start":
        # It brings half of the backend, which neither a look nor the log needs.
        from podplane_tui.backend.podplane import start_server  # noqa: PLC0415

        found = run_verb(
            lambda control: start_server(data_dir=place.data_dir, runtime_dir=place.runtime_dir, control=control)
        )
    else:
        found = read_local_server(place.runtime_dir)
    if as_json:
        click.echo(json.dumps(describe_server(found, place.data_dir), indent=2))
    else:
        click.echo(f"the local server is {say_server(found)}")


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
