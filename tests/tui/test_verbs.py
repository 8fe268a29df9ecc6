"""When a verb makes sense, and what is said when it does not."""

from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.tui.verbs import WORDING, Verb, refusal

ALLOWED = {
    Verb.START: {State.STOPPED, State.CRASHED},
    Verb.STOP: {State.RUNNING, State.PAUSED, State.STARTING, State.STOPPING, State.ORPHANED},
    Verb.RESTART: {State.RUNNING, State.PAUSED, State.STARTING},
    Verb.PAUSE: {State.RUNNING, State.STARTING},
    Verb.RESUME: {State.PAUSED},
    Verb.RESET: {State.RUNNING, State.PAUSED, State.STARTING},
    Verb.DELETE: {State.STOPPED, State.CRASHED, State.BROKEN},
    Verb.SYNC: {State.RUNNING, State.STARTING},
}

KEYS = {"vm.start": "s", "vm.stop": "F9", "vm.repair": "!", "vm.pause": "P"}


def machine(state: State) -> VMStatus:
    return VMStatus(VMFiles("amd64", "default", Path("/d"), Path("/r")), state)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", ALLOWED)
def test_every_verb_in_every_state(verb: Verb, state: State) -> None:
    reason = refusal(verb, machine(state), KEYS.__getitem__)
    if state in ALLOWED[verb]:
        assert reason is None
    else:
        assert reason is not None
        assert reason.startswith("default ")
        assert str(state) in reason or state is State.ORPHANED


def test_a_refusal_says_what_to_do() -> None:
    assert refusal(Verb.DELETE, machine(State.RUNNING), KEYS.__getitem__) == "default is running: stop it first (F9)"
    assert refusal(Verb.START, machine(State.RUNNING), KEYS.__getitem__) == "default is running already"
    assert refusal(Verb.SYNC, machine(State.STOPPED), KEYS.__getitem__) == "default is stopped: start it first (s)"
    assert (
        refusal(Verb.START, machine(State.BROKEN), KEYS.__getitem__) == "default is broken: press ! to repair it first"
    )


def test_every_verb_has_words() -> None:
    assert set(WORDING) == set(Verb)


@pytest.mark.parametrize("state", State)
def test_only_the_backend_knows_what_can_be_repaired(state: State) -> None:
    assert refusal(Verb.REPAIR, machine(state), KEYS.__getitem__) is None
