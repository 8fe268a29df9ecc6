"""What can be done to a machine: the words for it, and when it makes sense to ask the backend at all."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from podplane_tui.backend.core.status import State, VMStatus

KeyNamer = Callable[[str], str]
"""Gives the name of the key of the binding with this id, as sentences name it: `s`, `Ctrl-F`."""


class Verb(StrEnum):
    """Everything the dashboard can ask the backend to do."""

    CREATE = "create"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    PAUSE = "pause"
    RESUME = "resume"
    RESET = "reset"
    DELETE = "delete"
    SYNC = "sync"
    WATCH = "watch"
    REPAIR = "repair"
    CONFIGURE = "configure"
    SNAPSHOT = "snapshot"
    SERVER = "server"


class Wording(NamedTuple):
    """A verb in an error or a button (`title`), in a running job (`doing`), in its result (`done`), in help."""

    title: str
    doing: str
    done: str
    help: str


WORDING = {
    Verb.CREATE: Wording("Create", "creating", "created", "Make a VM with a disk of its own"),
    Verb.START: Wording("Start", "starting", "started", "Start the selected VM"),
    Verb.STOP: Wording("Stop", "stopping", "stopped", "Stop the selected VM; again: skip to the next step"),
    Verb.RESTART: Wording("Restart", "restarting", "restarted", "Stop the selected VM and start it as it ran"),
    Verb.PAUSE: Wording("Pause", "pausing", "paused", "Freeze the selected VM where it is"),
    Verb.RESUME: Wording("Resume", "resuming", "resumed", "Let a paused VM go on"),
    Verb.RESET: Wording("Reset", "resetting", "reset", "Press the selected VM's reset button"),
    Verb.DELETE: Wording("Delete", "deleting", "deleted", "Delete the selected VM's disk and files"),
    Verb.SYNC: Wording("Sync", "syncing", "synced", "Copy files into the selected VM with rsync"),
    Verb.WATCH: Wording("Watch", "watching", "watched", "Keep a copy in the selected VM up to date; again: end that"),
    Verb.CONFIGURE: Wording("Change", "changing", "changed", "Change CPUs, memory, user-data, or grow the disk"),
    Verb.SNAPSHOT: Wording("Snapshot", "keeping a snapshot of", "snapshots of", "Snapshots of a stopped VM's disk"),
    Verb.SERVER: Wording("Start", "starting", "started", "Start podplane's local server"),
    Verb.REPAIR: Wording("Repair", "repairing", "repaired", "Mend a broken, crashed or orphaned VM"),
}

ABANDONED_AT_EXIT = frozenset({Verb.STOP, Verb.RESTART, Verb.SYNC, Verb.WATCH})
"""Verbs that wait for a guest or a network: they are cancelled when the program ends, the others finish first."""

_HELD = frozenset({State.RUNNING, State.PAUSED, State.STARTING, State.STOPPING})
_ALLOWED: dict[Verb, frozenset[State]] = {
    Verb.START: frozenset({State.STOPPED, State.CRASHED}),
    Verb.STOP: _HELD | {State.ORPHANED},
    Verb.RESTART: frozenset({State.RUNNING, State.PAUSED, State.STARTING}),
    Verb.PAUSE: frozenset({State.RUNNING, State.STARTING}),
    Verb.RESUME: frozenset({State.PAUSED}),
    Verb.RESET: frozenset({State.RUNNING, State.PAUSED, State.STARTING}),
    Verb.DELETE: frozenset({State.STOPPED, State.CRASHED, State.BROKEN}),
    Verb.SNAPSHOT: frozenset({State.STOPPED, State.CRASHED}),
    Verb.SYNC: frozenset({State.RUNNING, State.STARTING}),
    Verb.WATCH: frozenset({State.RUNNING, State.STARTING}),
}


def makes_sense(verb: Verb, vm: VMStatus) -> bool:
    """Whether `verb` makes sense for this machine as it was last seen.

    A courtesy that spares a dialog: the backend checks again under the machine's lock.
    """
    allowed = _ALLOWED.get(verb)
    return allowed is None or vm.state in allowed


def refusal(verb: Verb, vm: VMStatus, key: KeyNamer) -> str | None:
    """Why `verb` makes no sense for this machine as it was last seen, with what to do instead; None when it does."""
    if makes_sense(verb, vm):
        return None
    name, state = vm.cluster_id, vm.state
    if state is State.BROKEN:
        return f"{name} is broken: press {key('vm.repair')} to repair it first"
    if state is State.ORPHANED:
        adopt, stop = key("vm.repair"), key("vm.stop")
        return f"{name} runs without a PID file: press {adopt} to adopt it first, or {stop} to stop it"
    if verb in {Verb.DELETE, Verb.SNAPSHOT}:
        return f"{name} is {state}: stop it first ({key('vm.stop')})"
    if verb is Verb.START:
        return f"{name} is {state} already" if state is not State.STOPPING else f"{name} is stopping: wait for its end"
    if state in {State.STOPPED, State.CRASHED}:
        return (
            f"{name} is {state}: start it first ({key('vm.start')})"
            if verb is not Verb.STOP
            else f"{name} is {state} already"
        )
    if state is State.PAUSED:
        return f"{name} is paused: resume it first ({key('vm.pause')})"
    return f"{name} is {state}: wait until it runs"
