"""What the console's panel says: why there is nothing to see, whose recording it is, who types."""

import time

from podplane_tui.backend.console.claim import IDLE, Claim
from podplane_tui.backend.core.format import count
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.recording.store import HowEnded, Recording, Source
from podplane_tui.tui.verbs import KeyNamer
from podplane_tui.tui.widgets.console.states import ConsoleState, Refusal, Why

HOW_ENDED = {
    HowEnded.POWERDOWN: "it was powered off",
    HowEnded.TERMINATE: "SIGTERM ended it",
    HowEnded.KILL: "SIGKILL ended it",
    HowEnded.GONE: "it ended by itself",
}


def status(recording: Recording | None, holder: Claim | None) -> str:
    """A word or two about a console that is shown; `holder` is whoever else has it in hand."""
    if recording is None:
        return "live, not recorded"
    parts = [
        "live" if recording.source is Source.QEMU else f"recorded since attached at {_clock(recording.started_at)}"
    ]
    if holder is not None:
        parts.append(f"held by {holder.who}")
    return ", ".join(parts)


def notices(vm: VMStatus, recording: Recording | None, error: str, key: KeyNamer) -> list[str]:
    """Why nothing of a machine is live, in a sentence or two, and what stands below instead."""
    lines = [_why_none(vm, key)]
    if vm.live and vm.console is not None:
        lines = [f"{one_line(error)}.", "Trying again every second."] if error else ["Connecting…"]
    elif recording is not None:
        lines.append(_last_run(recording))
    if vm.problem:
        lines.append(one_line(vm.problem, limit=600))
    return lines


def past(recording: Recording, key: KeyNamer) -> str:
    """What is shown in place of the latest run."""
    return f"This is an earlier run{_about(recording)}. Press {key('console.type')} to come back to the latest."


def above(state: ConsoleState, key: KeyNamer) -> list[str]:
    """What stands above the terminal, or in place of one, in a sentence or two."""
    if state.past is not None:
        return [past(state.past, key)]
    return [] if state.vm is None else notices(state.vm, state.look.recording, state.error, key)


def refusal(refused: Refusal, state: ConsoleState, key: KeyNamer) -> str:
    """Why nobody can type now."""
    who = refused.holder.who if refused.holder is not None else ""
    name = one_line(state.vm.cluster_id) if state.vm is not None else ""
    return {
        Why.NO_CONSOLE: " ".join(above(state, key)) or "There is no console to type into.",
        Why.STARTING: f"{name} is starting: it gets the keys as soon as it runs.",
        Why.HELD: f"{who} holds this console, and it serves one at a time. Once more asks for it.",
        Why.ASKED: f"{who} is asked for the console.",
        Why.ASKED_BEFORE: f"{who} has been asked for the console: wait until it lets go.",
    }[refused.why]


def asked(claim: Claim, key: KeyNamer) -> str:
    """Who asks for the console while somebody types here."""
    return f"{claim.who} asks for the console: {key('terminal.stop_typing')} hands it over."


def handed_over(claim: Claim) -> str:
    """Who got it, and why."""
    return f"{claim.who} has the console now: nothing was typed here for {IDLE:.0f} s."


def dropped(size: int) -> str:
    """What was typed in vain."""
    return f"{count(size, 'byte')} {'was' if size == 1 else 'were'} not taken by the guest."


def _last_run(recording: Recording) -> str:
    return f"Below is its last run{_about(recording)}."


def _about(recording: Recording) -> str:
    boots = "" if recording.boots is None or recording.boots < 2 else f" of {recording.boots} boots"
    ended = ""
    if recording.ended_at is not None:  # what was not seen to end has printed until then, and may have run for longer
        seen = recording.how_ended not in {None, HowEnded.GONE}
        ended = f" to {_clock(recording.ended_at)}" if seen else f", last output at {_clock(recording.ended_at)}"
    how = "" if recording.how_ended is None else f"; {HOW_ENDED[recording.how_ended]}"
    day = time.strftime("%Y-%m-%d", time.localtime(recording.started_at))
    return f"{boots}, {day} {_clock(recording.started_at)}{ended}{how}"


def _clock(moment: float) -> str:
    return time.strftime("%H:%M", time.localtime(moment))


def divider(columns: int, started_at: float) -> bytes:
    """Rules the last run off."""
    label = f" started {time.strftime('%H:%M:%S', time.localtime(started_at))} "
    return f"\r\n\x1b[2m{label.center(max(columns - 1, 0), '─')}\x1b[m\r\n".encode()


def _why_none(vm: VMStatus, key: KeyNamer) -> str:
    name, start, repair = one_line(vm.cluster_id), key("vm.start"), key("vm.repair")
    if vm.live:
        return f"{name} was started without a serial console on a socket."
    match vm.state:
        case State.STOPPED:
            return f"{name} is stopped: press {start} to start it."
        case State.CRASHED:
            again = f"press {start} to start it again, or {repair} to clear what it left behind"
            return f"{name} ended without cleaning up: {again}."
        case State.BROKEN:
            return f"{name} is broken: press {repair} to repair it."
        case State.IN_USE:
            return f"{name} is in use: {one_line(vm.problems[0].problem)}."
        case _:
            return f"{name} is {vm.state}."
