"""Opening the dashboard. What that takes, Textual above all, is imported while a thread looks at the machines."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

from podplane_tui.backend.config.model import Config, config_path, load_config
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.vm.inventory import Inventory
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import Place, cluster_id_of, place_of

if TYPE_CHECKING:
    from podplane_tui.tui.app import PodplaneApp

_FIRST_LOOK = 0.2
"""Seconds the first look at the machines may be waited for; the dashboard then opens without."""

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)


def require_terminal() -> None:
    """Raise a usage error where no dashboard can be shown."""
    # Textual reads stdin and draws on stderr.
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        from click import UsageError  # noqa: PLC0415 - whoever has a terminal needs nothing of click

        raise UsageError("the dashboard needs a terminal: use list, status and the other verbs in scripts")


def open_dashboard(choices: Choices) -> int:
    """Show the dashboard until it is left; with an id, that machine is selected. Gives the exit code."""
    require_terminal()
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)  # where a shell exports them, Textual would never learn of another size
    return show(make_app(choices, in_terminal=True))


def make_app(choices: Choices, *, in_terminal: bool) -> PodplaneApp:
    """The dashboard of the place chosen, its first look at the machines begun. Raises `InvalidInput`.

    In a terminal it has a theme that can be seen there.
    """
    place = place_of(choices)
    select = None if choices.cluster_id is None else cluster_id_of(choices)
    config = load_config()
    first = _FirstLook(place)
    from podplane_tui.tui.app import PodplaneApp  # noqa: PLC0415 - after the look has begun
    from podplane_tui.tui.theme import theme_for_terminal  # noqa: PLC0415

    app = PodplaneApp(
        data_dir=place.data_dir,
        runtime_dir=place.runtime_dir,
        state_dir=place.state_dir,
        arch=place.arch,
        config=config,
        config_path=config_path(),
        theme=theme_for_terminal(config.dashboard.theme) if in_terminal else "",
        select=select,
        inventory=first.inventory(),
        welcome=True,
    )
    check_config(app, config)
    gc.freeze()
    return app


def check_config(app: PodplaneApp, config: Config) -> None:
    """Raise `InvalidInput` for what the configuration says about the dashboard and can't be."""
    if config.path is not None:
        from podplane_tui.tui.keys.keymap import check  # noqa: PLC0415 - most people have nothing to check

        check(config, app.available_themes)


class _FirstLook:
    """Looks at the machines in a thread of its own, from the moment it is made."""

    def __init__(self, place: Place) -> None:
        self._inventory = Inventory(place.data_dir, place.runtime_dir, state_dir=place.state_dir)
        self._found: tuple[VMStatus, ...] = ()
        self._thread = threading.Thread(target=self._look, name="first-look", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        self._found = self._inventory.statuses()

    def inventory(self) -> tuple[Inventory, tuple[VMStatus, ...]] | None:
        """The inventory and what it saw; None when that takes long, for an inventory belongs to one thread."""
        self._thread.join(_FIRST_LOOK)
        return None if self._thread.is_alive() else (self._inventory, self._found)


def show(app: PodplaneApp) -> int:
    """Run the app and give the exit code. A signal ends it as a key does, so that the terminal is put right again."""
    received: list[int] = []

    def leave(number: int) -> None:
        received.append(number)
        app.exit()

    async def supervise() -> None:
        loop = asyncio.get_running_loop()
        for number in _ENDING_SIGNALS:
            loop.add_signal_handler(number, leave, number)

        def hang_up(number: int, _frame: FrameType | None) -> None:
            # At once, before SIGCONT, which comes with it, has Textual take up the terminal that is gone: its writer
            # would die of that, and whoever writes next would wait for it for ever. An app that is ending already would
            # begin to read and write again, and never end.
            _let_go_of_terminal()
            signal.signal(signal.SIGCONT, _stay)
            loop.call_soon_threadsafe(leave, number)

        signal.signal(signal.SIGHUP, hang_up)
        await app.run_async()

    try:
        asyncio.run(supervise())
    finally:
        for number in (signal.SIGTSTP, signal.SIGCONT):
            signal.signal(number, signal.SIG_DFL)  # Textual leaves its own, which would bring the app back
    words = [f"podplane-tui: {said}" for said in app.parting_words]
    words += [f"podplane-tui ends when this is done: {doing}" for doing in app.finishing]
    for line in words:
        from click import echo  # noqa: PLC0415 - seldom is there anything to say

        echo(line, err=True)
    return 128 + received[0] if received else app.return_code or 0


def _stay(_number: int, _frame: FrameType | None) -> None:
    """Do nothing at a signal: with no handler in its place, Python would complain of one that came just before."""


def _let_go_of_terminal() -> None:
    """Have nothing where the terminal was."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
