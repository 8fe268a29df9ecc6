"""The dashboard of one browser tab, with pipes where the terminal would be: `serve` starts it, nobody else does."""

from __future__ import annotations

import os
import stat
import sys

import click

from podplane_tui.cli.context import Choices
from podplane_tui.cli.dashboard import make_app, show
from podplane_tui.cli.errors import report
from podplane_tui.cli.options import pass_choices, place_options
from podplane_tui.tui.web_driver import PipeDriver


@click.command()
@place_options
@pass_choices
def dashboard(choices: Choices) -> int:
    """Show the dashboard in the browser tab that is behind the pipes."""
    if not all(stat.S_ISFIFO(os.fstat(number).st_mode) for number in (0, 1)):
        raise click.UsageError("this is what podplane-tui serve starts for a browser: start that")
    app = make_app(choices, in_terminal=False)
    app.driver_class = PipeDriver
    return show(app)


if __name__ == "__main__":
    try:
        sys.exit(dashboard.main(standalone_mode=False))
    except Exception as error:
        sys.exit(report(error))
