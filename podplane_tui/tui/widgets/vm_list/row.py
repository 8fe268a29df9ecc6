"""What stands in the cells of one machine's row: plain values, no widget."""

from collections.abc import Iterator
from typing import NamedTuple

from podplane_tui.backend.core.format import UNKNOWN, format_duration, format_usage
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.core.text import one_line

SYMBOLS = {
    State.STOPPED: "○",
    State.STARTING: "◐",
    State.RUNNING: "●",
    State.STOPPING: "◑",
    State.PAUSED: "‖",
    State.CRASHED: "✗",
    State.ORPHANED: "◇",
    State.BROKEN: "!",
    State.IN_USE: "⊘",
}
"""One per state, beside the word and the colour: no information by colour alone."""

COLOURS = {
    State.RUNNING: "$text-success",
    State.STARTING: "$text-warning",
    State.STOPPING: "$text-warning",
    State.PAUSED: "$text-primary",
    State.CRASHED: "$text-error",
    State.BROKEN: "$text-error",
    State.ORPHANED: "$text-warning",
    State.IN_USE: "$text-warning",
    State.STOPPED: "$foreground 60%",
}
"""By theme variable, in the order in which states are counted."""

_STYLES = {**COLOURS, State.CRASHED: "bold $text-error", State.BROKEN: "bold $text-error", State.STOPPED: ""}
BAR = "$text-accent"
"""The style of bars."""

WATCH = "⟳"
"""Stands where a copy in the machine is kept up to date."""


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
OPTIONAL = ("state", "cpu", "memory", "disk", "uptime", "ssh")
"""Keys of the columns that can be left out."""

METERED = frozenset({"cpu", "memory"})
"""Keys of the columns with a bar."""

MARK = "✓ "


class Cell(NamedTuple):
    """Text, its style in theme variables ("": the row's), and a bar behind it."""

    text: str
    style: str = ""
    bar: str = ""


Row = dict[str, Cell]
"""Cells by column key."""


def name_of(vm: VMStatus, *, host_arch: str, room: int, watched: bool = False) -> str:
    """The cluster id, cut to `room` cells; behind it, uncut, a foreign architecture and the sign of a watch."""
    behind = ("" if vm.arch == host_arch else f" {vm.arch}") + (f" {WATCH}" if watched else "")
    return one_line(vm.cluster_id, limit=max(1, room - len(behind))) + behind


def bar(share: float | None, width: int) -> str:
    """A share from 0 to 1 as a bar of `width` cells, in eighths of a cell: upright in one cell, lying in more."""
    if share is None or width <= 0:
        return " " * max(width, 0)
    share = min(max(share, 0.0), 1.0)
    if width == 1:
        return " ▁▂▃▄▅▆▇█"[max(round(share * 8), 1)]
    whole, eighths = divmod(max(round(share * width * 8), 1), 8)
    return ("█" * whole + (" ▏▎▍▌▋▊▉"[eighths] if eighths else "")).ljust(width, "╌")


def _cpu_share(vm: VMStatus) -> float | None:
    return None if vm.cpu_percent is None else vm.cpu_percent / (100 * (vm.cpus or 1))


def _memory_share(vm: VMStatus) -> float | None:
    return vm.memory_bytes / vm.memory_limit_bytes if vm.memory_bytes is not None and vm.memory_limit_bytes else None


def row_of(vm: VMStatus, *, name: str, note_room: int, now: float, bar_width: int = 0) -> Row:
    """The row of `vm` at `now`, in seconds since the epoch. Bars of `bar_width` cells stand behind their numbers."""
    uptime = now - vm.started_at if vm.live and vm.started_at is not None else None
    figures = {
        "cpu": UNKNOWN if vm.cpu_percent is None else f"{vm.cpu_percent:.1f}",
        "memory": format_usage(vm.memory_bytes, vm.memory_limit_bytes),
        "disk": format_usage(vm.disk_bytes, vm.disk_virtual_bytes),
        "uptime": format_duration(uptime),
        "ssh": UNKNOWN if vm.ports.ssh is None else str(vm.ports.ssh),
    }
    bars = {"cpu": bar(_cpu_share(vm), bar_width), "memory": bar(_memory_share(vm), bar_width)} if bar_width else {}
    note = "; ".join(_notes(vm, now))
    note_style = "$text-error" if vm.problem else "$text-warning"
    return {
        "name": Cell(name),
        "state": Cell(f"{mark_of(vm)} {vm.state if vm.halt is None else vm.halt.label}", _style_of(vm)),
        **{key: Cell(text, "", f" {bars[key]}" if key in bars else "") for key, text in figures.items()},
        "note": Cell(one_line(note, limit=note_room) if note_room >= 12 else "", note_style),
    }


def mark_of(vm: VMStatus) -> str:
    """The sign of its state; of one whose guest QEMU has halted that of the run state."""
    return SYMBOLS[vm.state] if vm.halt is None else vm.halt.mark


def _style_of(vm: VMStatus) -> str:
    return _STYLES[State.CRASHED if vm.halt is not None and vm.halt.wrong else vm.state]


def _notes(vm: VMStatus, now: float) -> Iterator[str]:
    if vm.problem:  # what tells the machine's files apart says enough here; the panel below has it whole
        stem = f"{vm.files.stem}."
        yield vm.problem.replace(f"{vm.files.image_dir}/{stem}", "").replace(f"{vm.files.pid_dir}/{stem}", "")
    if (phase := vm.waiting_for) and vm.started_at is not None:
        yield f"waiting for {phase}, {format_duration(now - vm.started_at)}"
    if vm.hint:
        yield vm.hint
    if vm.action is not None:
        yield f"{vm.action.verb} by process {vm.action.pid}"
