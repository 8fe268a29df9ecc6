"""What happened beside jobs: machines that changed by themselves or by others, keys sent, files saved."""

import itertools
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from podplane_tui.backend.core.status import Phase, State, VMStatus
from podplane_tui.backend.core.text import one_line

MAX_EVENTS = 500
"""Events kept per session, the latest."""

_TEXT_LIMIT = 1000
_numbers = itertools.count(1)


class Level(StrEnum):
    """How much an event matters."""

    INFO = "info"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened at `wall`, in seconds since the epoch. Its text is clean."""

    text: str
    level: Level = Level.INFO
    wall: float = field(default_factory=time.time)
    number: int = field(default_factory=lambda: next(_numbers))


def event(text: str, level: Level = Level.INFO) -> Event:
    """An event now."""
    return Event(one_line(text, limit=_TEXT_LIMIT), level)


def with_events(events: tuple[Event, ...], new: Sequence[Event]) -> tuple[Event, ...]:
    """All of them, without the oldest beyond `MAX_EVENTS`."""
    return (*events, *new)[-MAX_EVENTS:]


_LEVELS = {State.RUNNING: Level.GOOD, State.CRASHED: Level.BAD, State.BROKEN: Level.BAD, State.ORPHANED: Level.BAD}


def changes(
    before: Sequence[VMStatus] | None, after: Sequence[VMStatus], *, ours: Collection[str], arch: str
) -> list[Event]:
    """What changed between two looks at the machines, but for `ours`: the keys of those that a job of ours works on.

    Names of machines of another architecture than `arch` say so.
    """
    if before is None:
        return []
    old, new = {vm.key: vm for vm in before}, {vm.key: vm for vm in after}
    found = [event(f"{vm.label(arch)} is gone") for key, vm in old.items() if key not in new and key not in ours]
    for key, vm in new.items():
        if key in ours:
            continue
        was = old.get(key)
        if was is None:
            found.append(event(f"{vm.label(arch)} has appeared, {vm.told_state}"))
        elif was.told_state != vm.told_state and not _was_up_before(was, vm):
            by = f", by process {vm.action.pid} ({vm.action.verb})" if vm.action is not None else ""
            said = vm.problem or (vm.hint if not vm.live or vm.halt else "")
            why = f": {said}" if said else ""
            found.append(event(f"{vm.label(arch)} was {was.told_state}, is {vm.told_state}{by}{why}", _level(vm)))
        elif was.pid is not None and vm.pid is not None and was.pid != vm.pid:
            found.append(event(f"{vm.label(arch)} was started anew, as process {vm.pid}", Level.GOOD))
        elif vm.problem and _wrong(vm) != _wrong(was):
            found.append(event(f"{vm.label(arch)}: {vm.problem}", Level.BAD))
    return found


def _level(vm: VMStatus) -> Level:
    return Level.BAD if vm.halt is not None and vm.halt.wrong else _LEVELS.get(vm.state, Level.INFO)


def _wrong(vm: VMStatus) -> list[str]:
    """What is wrong, without what to do about it: that may change as the host does."""
    return [each.problem for each in vm.problems]


def _was_up_before(was: VMStatus, vm: VMStatus) -> bool:
    """Whether a machine that counted as starting had come up before anybody looked, and so did nothing now."""
    if was.state is not State.STARTING or vm.state is not State.RUNNING or vm.readiness is None:
        return False
    return vm.readiness.ready and all(
        after is None for phase, after in vm.readiness.reached if phase is not Phase.PROCESS
    )
