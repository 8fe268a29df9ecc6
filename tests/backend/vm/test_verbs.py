"""When a verb can be done, and what is said when it can't."""

from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import AlreadyRunning, InUse, NotRunning, VMBroken, VMError
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Problem, State, VMStatus
from podplane_tui.backend.vm.verbs import VERBS, Verb, missing, possible, refusal

ALLOWED = {
    Verb.START: {State.STOPPED, State.CRASHED},
    Verb.STOP: {State.RUNNING, State.PAUSED, State.STARTING, State.STOPPING, State.ORPHANED},
    Verb.RESTART: {State.RUNNING, State.PAUSED, State.STARTING},
    Verb.PAUSE: {State.RUNNING, State.STARTING},
    Verb.RESUME: {State.PAUSED},
    Verb.RESET: {State.RUNNING, State.STARTING},
    Verb.DELETE: {State.STOPPED, State.CRASHED, State.BROKEN},
    Verb.SNAPSHOT: {State.STOPPED, State.CRASHED},
    Verb.SYNC: {State.RUNNING, State.STARTING},
    Verb.WATCH: {State.RUNNING, State.STARTING},
}


def vm(state: State, problem: str | None = None) -> VMStatus:
    problems = () if problem is None else (Problem(problem, "put it back"),)
    return VMStatus(VMFiles("amd64", "default", Path("/d"), Path("/r")), state, problems)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", Verb)
def test_every_verb_in_every_state(verb: Verb, state: State) -> None:
    refused = refusal(verb, vm(state))
    assert possible(verb, vm(state)) == (refused is None)
    if state in ALLOWED.get(verb, set(State) - ({State.IN_USE} if VERBS[verb].about_vm else set())):
        assert refused is None
        return
    assert refused is not None
    assert refused.error.problem.startswith("default ")
    assert str(state) in refused.error.problem or state is State.ORPHANED or verb in {Verb.RESUME, Verb.STOP}
    assert refused.remedy is None or (refused.hint and possible(refused.remedy, vm(state)))


@pytest.mark.parametrize(
    ("verb", "state", "words", "kind", "remedy"),
    [
        (Verb.DELETE, State.RUNNING, "default is running: stop it first", AlreadyRunning, Verb.STOP),
        (Verb.START, State.RUNNING, "default is already running: stop or restart it", AlreadyRunning, None),
        (Verb.DELETE, State.STOPPING, "default is stopping: wait until it has stopped", AlreadyRunning, None),
        (
            Verb.DELETE,
            State.ORPHANED,
            "default runs without a PID file: repair or stop it first",
            AlreadyRunning,
            Verb.REPAIR,
        ),
        (Verb.START, State.STOPPING, "default is stopping: wait until it has stopped", AlreadyRunning, None),
        (Verb.STOP, State.STOPPED, "default is not running", NotRunning, None),
        (Verb.SYNC, State.STOPPED, "default is stopped: start it first", NotRunning, Verb.START),
        (Verb.SYNC, State.PAUSED, "default is paused: resume it first", NotRunning, Verb.RESUME),
        (Verb.SNAPSHOT, State.RUNNING, "default is running: stop it first", AlreadyRunning, Verb.STOP),
        (Verb.RESUME, State.RUNNING, "default is not paused", VMError, None),
        (Verb.PAUSE, State.PAUSED, "default is paused already", NotRunning, None),
        (Verb.RESUME, State.STOPPED, "default is stopped: start it first", NotRunning, Verb.START),
        (Verb.RESTART, State.CRASHED, "default is crashed: start it first", NotRunning, Verb.START),
        (Verb.STOP, State.BROKEN, "default is not running", NotRunning, None),
        (Verb.START, State.BROKEN, "default is broken: no image; repair it first", VMBroken, Verb.REPAIR),
        (Verb.DELETE, State.IN_USE, "default is in use: end that program first", InUse, None),
        (Verb.REPAIR, State.IN_USE, "default is in use: end that program first", InUse, None),
    ],
)
def test_a_refusal_says_what_to_do(
    verb: Verb, state: State, words: str, kind: type[Exception], remedy: Verb | None
) -> None:
    refused = refusal(verb, vm(state, "no image" if state is State.BROKEN else None))
    assert refused is not None
    assert (str(refused.error), type(refused.error), refused.remedy) == (words, kind, remedy)


def test_what_leads_to_a_vm_that_runs_elsewhere_is_said() -> None:
    there = Problem("a QEMU has its disk open", "act on it with --runtime-dir /r")
    refused = refusal(Verb.START, replace(vm(State.IN_USE), problems=(there,)))
    assert refused is not None
    assert str(refused.error) == "default is in use: a QEMU has its disk open; act on it with --runtime-dir /r"


@pytest.mark.parametrize(
    ("verb", "run_state", "words", "remedy"),
    [
        (Verb.SYNC, "paused", "default is paused: resume it first", Verb.RESUME),
        (Verb.SYNC, "suspended", "default is suspended by its guest: resume it first", Verb.RESUME),
        (Verb.RESET, "io-error", "default is stopped by an I/O error on its disk: resume it first", Verb.RESUME),
        (
            Verb.SYNC,
            "guest-panicked",
            "default is stopped by a panic of its guest: see its console for the reason, then restart it",
            None,
        ),
        (Verb.PAUSE, "paused", "default is paused already", None),
        (Verb.PAUSE, "shutdown", "default is shut down, but QEMU has not ended: stop clears it", None),
    ],
)
def test_a_refusal_says_why_the_guest_does_not_run(verb: Verb, run_state: str, words: str, remedy: Verb | None) -> None:
    refused = refusal(verb, replace(vm(State.PAUSED), run_state=run_state))
    assert refused is not None
    assert (str(refused.error), refused.remedy) == (words, remedy)


def test_the_process_of_a_vm_that_runs_is_named() -> None:
    running = replace(vm(State.STARTING), pid=7)
    for verb, words in (
        (Verb.START, "default is already starting as process 7: stop or restart it"),
        (Verb.DELETE, "default is starting as process 7: stop it first"),
        (Verb.RESUME, "default is not paused"),
    ):
        refused = refusal(verb, running)
        assert refused is not None
        assert str(refused.error) == words


def test_a_broken_vm_without_a_known_problem_is_just_broken() -> None:
    refused = refusal(Verb.START, vm(State.BROKEN))
    assert refused is not None
    assert str(refused.error) == "default is broken: repair it first"


def test_what_a_problem_says_of_a_broken_vm_is_one_clean_line() -> None:
    refused = refusal(Verb.START, vm(State.BROKEN, "no\x1b[31m\nimage"))
    assert refused is not None
    assert refused.error.problem == "default is broken: no image"


def test_where_a_vm_that_is_not_there_was_looked_for_is_said() -> None:
    error = missing(VMFiles("arm64", "dev", Path("/data"), Path("/run")))
    assert str(error) == "there is no VM dev (arm64) in /data/vms: see podplane-tui list for those there are"


def test_every_verb_has_its_row() -> None:
    assert set(VERBS) == set(Verb)
