"""`watch`: what changes, as it changes, one line each: for scripts and status bars."""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

import click

from podplane_tui.backend.core.paths import validate_cluster_id
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.runtime.local_server import read_local_server
from podplane_tui.backend.vm.inventory import Inventory
from podplane_tui.backend.vm.readiness import PROBE_TIMEOUT, ReadinessTracker
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import Place, place_of
from podplane_tui.cli.inspect import describe, iso_time
from podplane_tui.cli.json_output import json_line
from podplane_tui.cli.options import Seconds, json_option, pass_choices, place_options
from podplane_tui.cli.signals import ENDING_SIGNALS, handled

Description = Mapping[str, object]


class _Seen(NamedTuple):
    """A VM at one look, and what `--json` prints of it."""

    vm: VMStatus
    description: Description


_METRICS = frozenset({"cpu_percent", "memory_bytes", "disk_bytes"})
"""What changes at every look at a VM that runs."""


@click.command()
@json_option
@click.option(
    "--interval",
    type=Seconds(min=0.1, max=3600),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look.",
)
@click.option("--metrics", is_flag=True, help="Let changed numbers alone (CPU, memory, disk) be a change, too.")
@place_options
@pass_choices
def watch(choices: Choices, *, as_json: bool, interval: float, metrics: bool) -> None:
    """Print a line for every machine, then one whenever one changes; with --id for that cluster only.

    With --json each line is an object. Ends with 0 at Ctrl-C, SIGTERM, SIGHUP or SIGQUIT, or when nobody reads.

    \b
    Example: podplane-tui watch --json | jq --unbuffered -r '.vm.id + " " + .vm.state'
    """
    place = place_of(choices)
    wanted = None if choices.cluster_id is None else validate_cluster_id(choices.cluster_id)
    with _output() as output:
        known: dict[str, _Seen] = {}
        for found in _looks(place, wanted):
            at = iso_time(time.time())
            for event, seen in _changes(known, found, metrics=metrics):
                told = {"event": event, "at": at, "vm": seen.description}
                if not output.write(json_line(told) if as_json else _say(at, event, seen.vm)):
                    return
            known = found
            if not output.wait(interval):
                return


def _looks(place: Place, wanted: str | None) -> Iterator[dict[str, _Seen]]:
    """Every VM, or those of the cluster wanted, by its key, look after look."""
    inventory = Inventory(place.data_dir, place.runtime_dir, state_dir=place.state_dir)
    tracker = ReadinessTracker()

    def look() -> tuple[VMStatus, ...]:
        return tracker.update(inventory.statuses() if wanted is None else inventory.of_cluster(wanted))

    machines = look()
    if any(vm.live for vm in machines):
        # What is ready already must not be told as if it had just become so.
        tracker.settle(machines, 2 * PROBE_TIMEOUT)
        machines = tracker.update(machines)
    while True:
        server = inventory.local_server or read_local_server(place.runtime_dir)
        yield {vm.key: _Seen(vm, describe(vm, server)) for vm in machines}
        machines = look()


def _changes(known: Mapping[str, _Seen], found: Mapping[str, _Seen], *, metrics: bool) -> Iterator[tuple[str, _Seen]]:
    for key, seen in found.items():
        if key not in known:
            yield "found", seen
        elif _compared(seen.description, metrics=metrics) != _compared(known[key].description, metrics=metrics):
            yield "changed", seen
    for key in known.keys() - found.keys():
        yield "gone", known[key]


def _compared(description: Description, *, metrics: bool) -> Description:
    """The part in which a difference is a change; without `metrics` what changes by itself as time goes by is not."""
    if metrics:
        return description
    lasting = {name: value for name, value in description.items() if name not in _METRICS}
    readiness = description["readiness"]
    if isinstance(readiness, dict):
        lasting["readiness"] = {name: value for name, value in readiness.items() if name != "elapsed_seconds"}
    return lasting


def _say(at: str | None, event: str, vm: VMStatus) -> str:
    words = event if event == "gone" else vm.told_state
    problem = one_line(vm.problem or (vm.hint if vm.halt else "") or "", limit=1000)
    return f"{at}  {vm.key}  {words}{problem and ': '}{problem}"


class _Output:
    """Stdout, of which signals and a reader who leaves are noticed while it stands still, too."""

    def __init__(self, signals: int) -> None:
        self._stdout = sys.stdout.fileno()
        self._signals = signals
        mode = os.fstat(self._stdout).st_mode
        self._has_reader = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)

    def write(self, line: str) -> bool:
        """Whether the line was written and there is reason to go on."""
        if not self._poll(None, select.POLLOUT):  # a write would not come back while the reader is busy
            return False
        try:
            click.echo(line)
            sys.stdout.flush()
        except BrokenPipeError:
            # Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stdout)
            return False
        return True

    def wait(self, seconds: float) -> bool:
        """Wait that long; whether there is reason to go on."""
        return self._poll(seconds, 0)

    def _poll(self, seconds: float | None, events: int) -> bool:
        poll = select.poll()
        poll.register(self._signals, select.POLLIN)
        if self._has_reader:
            poll.register(self._stdout, events)
        elif events:
            seconds = 0
        happened = dict(poll.poll(None if seconds is None else seconds * 1000))
        gone = happened.get(self._stdout, 0) & (select.POLLERR | select.POLLHUP)
        return not gone and self._signals not in happened


@contextmanager
def _output() -> Iterator[_Output]:
    """Signals end the watch between two lines, never within one."""
    reading, writing = os.pipe()

    def leave(number: int, frame: FrameType | None) -> None:
        os.write(writing, b"\0")

    try:
        with handled(leave, signal.SIGINT, *ENDING_SIGNALS):
            yield _Output(reading)
    finally:
        os.close(reading)
        os.close(writing)
