"""`serve`: the dashboard in browsers on this machine."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from podplane_tui.backend.config.model import load_config
from podplane_tui.backend.host.python import python_command
from podplane_tui.backend.qemu.diagnosis import port_holder
from podplane_tui.backend.runtime.ports import LOOPBACK
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import cluster_id_of, place_of
from podplane_tui.cli.options import pass_choices, place_options
from podplane_tui.cli.signals import ENDING_SIGNALS, heeded

if TYPE_CHECKING:
    from podplane_tui.web.door import Door
    from podplane_tui.web.server import Server

DEFAULT_PORT = 8023

_REMINDER = 1.0
"""Seconds an end may take before it is said what is waited for."""


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Listen on this port of 127.0.0.1; 0: on one that is free.",
)
@place_options
@pass_choices
def serve(choices: Choices, *, port: int) -> None:
    """Show the dashboard in browsers on this machine.

    It prints a link that lets one browser in, once; Enter prints another. Each tab of that browser is a dashboard of
    its own, and ends when it is closed. Ctrl-C ends them all; machines keep running.

    \b
    Example: podplane-tui serve --port 8023
    """
    if find_spec("textual_serve") is None:
        raise click.ClickException('a browser needs more than a terminal does: pip install "podplane-tui[serve]"')
    command = dashboard_command(choices)
    load_config()  # what is wrong in it is told here, and not in the browser
    with _listen(port) as listener:
        from podplane_tui.web.door import Door  # noqa: PLC0415 - the extra is there
        from podplane_tui.web.server import Server  # noqa: PLC0415

        host, number = listener.getsockname()
        door = Door(host if number == 80 else f"{host}:{number}")
        asyncio.run(_serve(Server(command, door, report=_say), door, listener))


def dashboard_command(choices: Choices) -> list[str]:
    """The argument list that shows the dashboard of the same place in a tab. Raises `InvalidInput`."""
    place = place_of(choices)
    command = python_command("podplane_tui.cli.tab_app")
    command += ["--data-dir", str(place.data_dir), "--runtime-dir", str(place.runtime_dir), "--arch", place.arch]
    if place.state_dir is not None:
        command += ["--state-dir", str(place.state_dir)]
    if choices.cluster_id is not None:
        command += ["--id", cluster_id_of(choices)]
    return command


def _listen(port: int) -> socket.socket:
    """A listener on the loopback address: never one that others can reach."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            holder = port_holder(port) or "another program"
            raise click.ClickException(f"port {port} is taken by {holder}: end it, or choose a --port") from error
        if error.errno == errno.EACCES:
            raise click.ClickException(f"port {port} is kept for the system: choose a --port from 1024 on") from error
        raise
    return listener


async def _serve(server: Server, door: Door, listener: socket.socket) -> None:
    """Until a signal comes; a second one does not wait for what dashboards still have to finish."""
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()

    def end() -> None:
        if ending.is_set():
            server.hurry.set()
        ending.set()

    for number in heeded(signal.SIGINT, *ENDING_SIGNALS):
        loop.add_signal_handler(number, end)
    async with server.running(listener):
        more = _on_enter(lambda: click.echo(door.new_link()))
        click.echo("The dashboard, for one browser on this machine, once:", err=True)
        click.echo(door.new_link())
        click.echo("Enter: another link · Ctrl-C: end" if more else "Ctrl-C: end", err=True)
        await ending.wait()
        reminder = loop.call_later(
            _REMINDER, _say, "the dashboards finish what they have begun; Ctrl-C again ends them at once"
        )
    reminder.cancel()


def _on_enter(act: Callable[[], None]) -> bool:
    """Call `act` whenever Enter is pressed, and give True; False where there is no terminal to press it in."""
    if not sys.stdin.isatty():
        return False
    loop = asyncio.get_running_loop()
    terminal = sys.stdin.fileno()

    def pressed() -> None:
        try:
            # Reading in the background would stop us.
            read = os.tcgetpgrp(terminal) == os.getpgrp() and os.read(terminal, 1024)
        except OSError:  # the terminal is gone
            read = b""
        if read:
            act()
        else:
            loop.remove_reader(terminal)

    loop.add_reader(terminal, pressed)
    return True


def _say(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)
