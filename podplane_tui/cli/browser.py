"""The dashboard of one browser tab, with pipes where the terminal would be: `serve` starts it, nobody else does."""

from __future__ import annotations

import contextlib
import os
import stat
import sys

import click
from textual import events, messages
from textual.drivers.web_driver import WebDriver

from podplane_tui.cli.choices import Choices
from podplane_tui.cli.dashboard import make_app, show
from podplane_tui.cli.failure import report
from podplane_tui.cli.options import pass_choices, place_options


class PipeDriver(WebDriver):
    """Textual's driver for browsers, with the focus from the start, and leaving when the server does."""

    def start_application_mode(self) -> None:
        """Start with the focus, for the page takes it. Textual's driver waits to be told, which may come before it."""
        super().start_application_mode()
        self._app.call_later(self._app.post_message, events.AppFocus())

    def run_input_thread(self) -> None:
        """Read until the end of the input: after it nobody could say any more that this should end."""
        super().run_input_thread()
        self._app.post_message(messages.ExitApp())

    def write(self, data: str) -> None:
        """Write what is shown; when nobody is there to read it, nothing is lost by it."""
        with contextlib.suppress(BrokenPipeError):
            super().write(data)

    def write_meta(self, data: dict[str, object]) -> None:
        """Write something about the dashboard."""
        with contextlib.suppress(BrokenPipeError):
            super().write_meta(data)


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
