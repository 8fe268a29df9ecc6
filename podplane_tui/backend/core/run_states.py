"""QEMU's run states: what each means to people, and what helps. Pure: one table for the whole program.

Source: `RunState` in QEMU's `qapi/run-state.json`, and in which of them its `qmp_cont` and `qmp_stop` do something.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from podplane_tui.backend.core.format import format_size
from podplane_tui.backend.core.text import one_line

RUNNING = "running"
"""The only run state in which the guest's CPUs run."""

PAUSED = "paused"
IO_ERROR = "io-error"
INTERNAL_ERROR = "internal-error"

CONTINUE = "cont"
WAKE = "system_wakeup"
"""For a guest that sleeps: `cont` does nothing there, and does not say so."""

ROOM = 64 * 2**20
"""Bytes that must be free on a disk's file system before a guest is continued there: less is full again at once."""

_LABEL_WIDTH = 8
_NAME_LIMIT = 40


@dataclass(frozen=True, slots=True)
class RunState:
    """A run state for people.

    `mark` takes one cell and `label` at most eight; `words` follow "is" in a sentence; `advice` says what to do.
    `wrong` is whether something failed. `resume` is the QMP command that makes the guest run again, "" where none
    does; with `reacts` the guest then notices its power button.
    """

    name: str
    mark: str
    label: str
    words: str
    advice: str = ""
    wrong: bool = False
    resume: str = ""
    reacts: bool = False


_TABLE = (
    RunState(RUNNING, "●", "running", "running", reacts=True),
    RunState(PAUSED, "‖", "paused", "paused", "resume it", resume=CONTINUE, reacts=True),
    RunState(
        IO_ERROR,
        "⊟",
        "IO error",
        "stopped by an I/O error on its disk",
        "check the host's disk, then resume it",
        wrong=True,
        resume=CONTINUE,
        reacts=True,
    ),
    RunState(
        INTERNAL_ERROR,
        "⊠",
        "failed",
        "stopped by an internal error of QEMU or its accelerator",
        "stop it, then start it with --accel tcg",
        wrong=True,
    ),
    RunState(
        "guest-panicked",
        "‡",
        "panicked",
        "stopped by a panic of its guest",
        "see its console for the reason, then restart it",
        wrong=True,
        resume=CONTINUE,
    ),
    RunState("suspended", "☾", "asleep", "suspended by its guest", "resume wakes it", resume=WAKE, reacts=True),
    RunState("shutdown", "◌", "shutdown", "shut down, but QEMU has not ended", "stop clears it"),
    RunState(
        "watchdog",
        "⊛",
        "watchdog",
        "stopped by its watchdog: the guest hangs",
        "see its console for the reason, then restart it",
        wrong=True,
        resume=CONTINUE,
    ),
    RunState("prelaunch", "▷", "not run", "started, but has not run yet", "resume it to let it run", resume=CONTINUE),
    RunState("inmigrate", "⇠", "incoming", "waiting for a migration from another QEMU", "finish that, or stop it"),
    RunState(
        "postmigrate", "⇢", "migrated", "stopped after a migration to another QEMU", "stop it: it runs over there"
    ),
    RunState("finish-migrate", "⇥", "leaving", "paused while a migration finishes", "wait until that has ended"),
    RunState("save-vm", "↓", "saving", "paused while its state is saved", "wait until that has ended"),
    RunState("restore-vm", "↑", "loading", "paused while its state is restored", "wait until that has ended"),
    RunState(
        "debug", "◎", "debugged", "stopped by a debugger", "continue it in the debugger, or resume it", resume=CONTINUE
    ),
    RunState("colo", "⇉", "COLO", "paused by COLO replication", "wait until that has synchronised it"),
)

RUN_STATES = {state.name: state for state in _TABLE}
"""The table, by QEMU's names."""


def run_state(name: str) -> RunState:
    """The row of this run state. One that is not in the table shows by its name, made fit for a line."""
    known = RUN_STATES.get(name)
    if known is not None:
        return known
    clean = one_line(name, limit=_NAME_LIMIT)
    return RunState(
        clean,
        "?",
        one_line(clean, limit=_LABEL_WIDTH),
        f"in QEMU's run state {clean}" if clean else "in a run state that QEMU does not tell",
        "resume it, or restart it",
        resume=CONTINUE,
        reacts=True,
    )


class Room(NamedTuple):
    """The file system that a file is on: where it is mounted, and the bytes that are free for this user."""

    mount_point: str
    free_bytes: int

    @property
    def enough(self) -> bool:
        """Whether a guest whose disk is here can go on writing."""
        return self.free_bytes >= ROOM


def advice(state: RunState, *, room: Room | None = None) -> str:
    """What to do about a VM in this state; `room` is that of its disk, where that is known."""
    if state.name != IO_ERROR or room is None:
        return state.advice
    place = f"{one_line(room.mount_point, limit=200)} ({format_size(room.free_bytes)} free)"
    todo = "check the file system" if room.enough else "make room on"
    return f"{todo} {place}, then resume it"


def wake_up(name: str, *, room: Room | None) -> tuple[str, ...] | None:
    """The QMP commands after which the guest notices its power button; None when it can't.

    `room` is that of its disk. Where that is not known, a guest with an I/O error is given the chance.
    """
    state = run_state(name)
    if not state.reacts or (name == IO_ERROR and room is not None and not room.enough):
        return None
    return (state.resume,) if state.resume and name in RUN_STATES else ()
