"""What stands in the cells of one machine's row: plain values, no widget."""

from collections.abc import Iterator
from typing import NamedTuple

from podplane_tui.backend.snapshot import State, VMSnapshot
from podplane_tui.backend.text import one_line
from podplane_tui.text import UNKNOWN, format_duration, format_usage

SYMBOLS = {
    State.STOPPED: "○",
    State.STARTING: "◐",
    State.RUNNING: "●",
    State.STOPPING: "◑",
    State.PAUSED: "‖",
    State.CRASHED: "✗",
    State.ORPHANED: "◇",
    State.BROKEN: "!",
}
"""One per state, beside the word and the colour: no information by colour alone."""


class Column(NamedTuple):
    """A column of the table. Those without a width take what their cells need; numbers stand at the right."""

    key: str
    label: str
    width: int | None
    right: bool


COLUMNS = (
    Column("name", "CLUSTER", None, right=False),
    Column("state", "STATE", 10, right=False),
    Column("cpu", "CPU %", 6, right=True),
    Column("memory", "MEMORY", 10, right=True),
    Column("disk", "DISK", 10, right=True),
    Column("uptime", "UPTIME", 7, right=True),
    Column("ssh", "SSH", 5, right=True),
    Column("note", "", None, right=False),
)
FIXED_WIDTH = sum(column.width for column in COLUMNS if column.width is not None)


class Cell(NamedTuple):
    """Text, and the component class that styles it ("": none)."""

    text: str
    component: str = ""


Row = dict[str, Cell]
"""Cells by column key."""


def name_of(vm: VMSnapshot, *, host_arch: str, room: int) -> str:
    """The cluster id, cut to `room` cells; a foreign architecture stands behind it, uncut."""
    foreign = "" if vm.arch == host_arch else f" {vm.arch}"
    return one_line(vm.cluster_id, limit=max(1, room - len(foreign))) + foreign


def row_of(vm: VMSnapshot, *, name: str, note_room: int, now: float) -> Row:
    """The row of `vm` at `now`, in seconds since the epoch."""
    uptime = now - vm.started_at if vm.live and vm.started_at is not None else None
    figures = {
        "cpu": UNKNOWN if vm.cpu_percent is None else f"{vm.cpu_percent:.1f}",
        "memory": format_usage(vm.memory_bytes, vm.memory_limit_bytes),
        "disk": format_usage(vm.disk_bytes, vm.disk_virtual_bytes),
        "uptime": format_duration(uptime),
        "ssh": UNKNOWN if vm.ports.ssh is None else str(vm.ports.ssh),
    }
    note = "; ".join(_notes(vm))
    return {
        "name": Cell(name, "name"),
        "state": Cell(f"{SYMBOLS[vm.state]} {vm.state}", str(vm.state)),
        **{key: Cell(text, "dim" if text == UNKNOWN else "") for key, text in figures.items()},
        "note": Cell(one_line(note, limit=note_room) if note_room >= 12 else "", "note"),
    }


def _notes(vm: VMSnapshot) -> Iterator[str]:
    if vm.problem:  # what tells the machine's files apart says enough here; the panel below has it whole
        stem = f"{vm.files.stem}."
        yield vm.problem.replace(f"{vm.files.image_dir}/{stem}", "").replace(f"{vm.files.pid_dir}/{stem}", "")
    if vm.action is not None:
        yield f"{vm.action.verb} by process {vm.action.pid}"
