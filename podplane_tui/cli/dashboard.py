"""Opening the dashboard: imported only when it opens, since Textual takes a while to load."""

from __future__ import annotations

import sys

import click

from podplane_tui.cli.options import Choices
from podplane_tui.cli.place import cluster_id_of, place_of
from podplane_tui.tui.app import PodplaneApp


def require_terminal() -> None:
    """Raise a usage error where no dashboard can be shown."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the dashboard needs a terminal: use list, status and the other verbs in scripts")


def open_dashboard(choices: Choices) -> None:
    """Show the dashboard until it is left; with an id, that machine is selected."""
    require_terminal()
    place = place_of(choices)
    select = None if choices.cluster_id is None else cluster_id_of(choices)
    PodplaneApp(data_dir=place.data_dir, runtime_dir=place.runtime_dir, arch=place.arch, select=select).run()
