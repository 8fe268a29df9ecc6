"""The verbs by the keys that ask for them."""

from pathlib import Path

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.tui.keys.bindings import BY_ID, VERBS_OF
from podplane_tui.tui.verbs import binding_id, why_not

KEYS = {"vm.start": "s", "vm.stop": "F9", "vm.repair": "!", "vm.pause": "P"}


def vm(state: State) -> VMStatus:
    return VMStatus(VMFiles("amd64", "default", Path("/d"), Path("/r")), state)


def test_a_refusal_names_the_key_of_what_helps() -> None:
    key = KEYS.__getitem__
    assert why_not(Verb.DELETE, vm(State.RUNNING), key) == "default is running: stop it first (F9)"
    assert why_not(Verb.SYNC, vm(State.STOPPED), key) == "default is stopped: start it first (s)"
    assert why_not(Verb.SYNC, vm(State.PAUSED), key) == "default is paused: resume it first (P)"
    assert why_not(Verb.START, vm(State.BROKEN), key) == "default is broken: repair it first (!)"
    assert why_not(Verb.START, vm(State.RUNNING), key) == "default is already running: stop or restart it"
    assert why_not(Verb.START, vm(State.STOPPED), key) == ""


def test_every_verb_has_a_key() -> None:
    assert {verb for verbs in VERBS_OF.values() for verb in verbs} == set(Verb)
    assert {binding_id(verb) for verb in Verb} <= set(BY_ID)
