"""The verbs: the words for each, the states in which it can be done, and why it can't be done in another.

Command line and dashboard take their help, their progress lines and their refusals from here. Which key asks for a verb
stands in `tui.keys.bindings`, what is asked before it in `tui.actions.table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from podplane_tui.backend.core.errors import AlreadyRunning, InUse, NotRunning, VMBroken, VMError, VMNotFound
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.run_states import PAUSED, RUN_STATES
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.core.text import one_line


class Verb(StrEnum):
    """Everything that can be done to a VM, or to podplane's local server."""

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


_ALL = frozenset(State)
_OURS = _ALL - {State.IN_USE}
_RUNS = frozenset({State.RUNNING, State.PAUSED, State.STARTING})
_AWAKE = _RUNS - {State.PAUSED}
_ENDED = frozenset({State.STOPPED, State.CRASHED})


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table.

    `title` stands in a button or an error, `doing` in a running job, `done` in its result, `help` in the help of the
    dashboard and of the command line. `states` are those in which the verb can be done. `about_vm` is whether it is
    done to a VM that exists. With `waits` it waits for a guest or a network, so that it is cancelled when the program
    ends; the others finish first.
    """

    title: str
    doing: str
    done: str
    help: str
    states: frozenset[State] = _ALL
    about_vm: bool = True
    waits: bool = False


VERBS: Mapping[Verb, Entry] = {
    Verb.CREATE: Entry("Create", "creating", "created", "Create a VM with a disk of its own", about_vm=False),
    Verb.START: Entry("Start", "starting", "started", "Start a VM", _ENDED),
    Verb.STOP: Entry(
        "Stop",
        "stopping",
        "stopped",
        "Stop a VM: power button, then SIGTERM, then SIGKILL",
        _RUNS | {State.STOPPING, State.ORPHANED},
        waits=True,
    ),
    Verb.RESTART: Entry("Restart", "restarting", "restarted", "Stop a VM and start it as it ran", _RUNS, waits=True),
    Verb.PAUSE: Entry("Pause", "pausing", "paused", "Pause a running VM", _AWAKE),
    Verb.RESUME: Entry("Resume", "resuming", "resumed", "Resume a paused VM", frozenset({State.PAUSED})),
    Verb.RESET: Entry("Reset", "resetting", "reset", "Press a VM's reset button", _AWAKE),
    Verb.DELETE: Entry("Delete", "deleting", "deleted", "Delete a VM's disk and files", _ENDED | {State.BROKEN}),
    Verb.SYNC: Entry(
        "Sync",
        "syncing",
        "synced",
        "Copy files into a VM with rsync",
        _AWAKE,
        waits=True,
    ),
    Verb.WATCH: Entry(
        "Watch",
        "watching",
        "watched",
        "Keep a copy in a VM up to date; again: end that",
        _AWAKE,
        waits=True,
    ),
    Verb.REPAIR: Entry("Repair", "repairing", "repaired", "Repair a broken, crashed or orphaned VM", _OURS),
    Verb.CONFIGURE: Entry("Change", "changing", "changed", "Change CPUs, memory or user-data, or grow the disk", _OURS),
    Verb.SNAPSHOT: Entry(
        "Snapshot", "keeping a snapshot of", "snapshots of", "Take or restore snapshots of a stopped VM's disk", _ENDED
    ),
    Verb.SERVER: Entry("Start", "starting", "started", "Start podplane's local server", about_vm=False),
}
"""The table of verbs."""


class Refusal(NamedTuple):
    """Why a verb can't be done: `name`, the VM, is `what`; `hint` advises something, `remedy` if it is a verb."""

    name: str
    what: str
    kind: type[VMError]
    hint: str = ""
    remedy: Verb | None = None

    @property
    def error(self) -> VMError:
        """The error to raise."""
        return self.kind(f"{self.name} {self.what}", hint=self.hint)


def possible(verb: Verb, vm: VMStatus) -> bool:
    """Whether `verb` can be done to `vm` as it was last seen. The verb itself looks again under the VM's lock."""
    return vm.state in VERBS[verb].states


def refusal(verb: Verb, vm: VMStatus) -> Refusal | None:
    """Why `verb` can't be done to `vm` as it was last seen; None when it can."""
    if possible(verb, vm):
        return None
    name, state = one_line(vm.cluster_id), vm.state
    if verb is Verb.STOP:  # everything that runs can be stopped
        return Refusal(name, "is not running", NotRunning)
    if state is State.BROKEN:
        why = f": {one_line(vm.problems[0].problem)}" if vm.problems else ""
        return Refusal(name, f"is broken{why}", VMBroken, "repair it first", Verb.REPAIR)
    if state is State.IN_USE:
        why = f": {one_line(vm.problems[0].problem)}" if vm.problems else ""
        hint = vm.problems[0].hint if vm.problems else ""
        return Refusal(name, f"is in use{why}", InUse, hint or "end that program first")
    if state is State.ORPHANED:
        return Refusal(name, "runs without a PID file", AlreadyRunning, "repair or stop it first", Verb.REPAIR)
    if state in _ENDED:
        return Refusal(name, f"is {state}", NotRunning, "start it first", Verb.START)
    if state is State.STOPPING:
        return Refusal(name, "is stopping", AlreadyRunning, "wait until it has stopped")
    process = "" if vm.pid is None else f" as process {vm.pid}"
    if verb is Verb.START:
        return Refusal(name, f"is already {state}{process}", AlreadyRunning, "stop or restart it")
    if verb in {Verb.DELETE, Verb.SNAPSHOT}:
        return Refusal(name, f"is {state}{process}", AlreadyRunning, "stop it first", Verb.STOP)
    if verb is Verb.RESUME:
        return Refusal(name, "is not paused", VMError)
    halt = vm.halt or RUN_STATES[PAUSED]
    if verb is Verb.PAUSE:
        already = " already" if halt.name == PAUSED else ""
        return Refusal(name, f"is {halt.words}{already}", NotRunning, "" if already else halt.advice)
    if not halt.reacts:
        return Refusal(name, f"is {halt.words}", NotRunning, halt.advice)
    return Refusal(name, f"is {halt.words}", NotRunning, "resume it first", Verb.RESUME)  # which all other verbs need


def missing(files: VMFiles) -> VMNotFound:
    """The error for a VM of which nothing exists."""
    return VMNotFound(
        f"there is no VM {one_line(files.cluster_id)} ({files.arch}) in {files.image_dir}",
        hint="see podplane-tui list for those there are",
    )
