"""Opening the dashboard: imported only when it opens, since Textual takes a while to load."""

from __future__ import annotations

import asyncio
import signal
import sys

import click

from podplane_tui.backend.config import load_config
from podplane_tui.cli.options import Choices
from podplane_tui.cli.place import cluster_id_of, place_of
from podplane_tui.tui.app import PodplaneApp

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def require_terminal() -> None:
    """Raise a usage error where no dashboard can be shown."""
    # Textual reads stdin and draws on stderr.
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise click.UsageError("the dashboard needs a terminal: use list, status and the other verbs in scripts")


def open_dashboard(choices: Choices) -> int:
    """Show the dashboard until it is left; with an id, that machine is selected. Gives the exit code."""
    require_terminal()
    place = place_of(choices)
    select = None if choices.cluster_id is None else cluster_id_of(choices)
    return show(
        PodplaneApp(
            data_dir=place.data_dir,
            runtime_dir=place.runtime_dir,
            state_dir=place.state_dir,
            arch=place.arch,
            stop_timeouts=load_config().stop,
            select=select,
        )
    )


def show(app: PodplaneApp) -> int:
    """Run the app and give the exit code. A signal ends it as a key does, so that the terminal is put right again."""
    received: list[int] = []

    def leave(number: int) -> None:
        received.append(number)
        app.exit()

    async def supervise() -> None:
        for number in _ENDING_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, leave, number)
        await app.run_async()

    asyncio.run(supervise())
    return 128 + received[0] if received else app.return_code or 0
