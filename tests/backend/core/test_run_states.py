"""The table of QEMU's run states: every one of them, what it looks like, and what a stop does with it."""

from __future__ import annotations

import unicodedata

import pytest

from podplane_tui.backend.core.run_states import ROOM, RUN_STATES, Room, RunState, advice, run_state, wake_up

QEMUS = [
    "running",
    "paused",
    "io-error",
    "internal-error",
    "guest-panicked",
    "suspended",
    "shutdown",
    "watchdog",
    "prelaunch",
    "inmigrate",
    "postmigrate",
    "finish-migrate",
    "save-vm",
    "restore-vm",
    "debug",
    "colo",
]
"""`RunState` of QEMU 10.1, without what a management program never sees."""

FULL, EMPTY = Room("/mnt/vms", ROOM - 1), Room("/mnt/vms", ROOM)

# What is sent before the power button is pressed; None: the guest can't notice it.
BEFORE_THE_BUTTON = {
    "running": (),
    "paused": ("cont",),
    "suspended": ("system_wakeup",),
    "io-error": ("cont",),
    "internal-error": None,
    "guest-panicked": None,
    "shutdown": None,
    "watchdog": None,
    "prelaunch": None,
    "inmigrate": None,
    "postmigrate": None,
    "finish-migrate": None,
    "save-vm": None,
    "restore-vm": None,
    "debug": None,
    "colo": None,
}

RESUMED_BY = {
    "paused": "cont",
    "io-error": "cont",
    "guest-panicked": "cont",
    "suspended": "system_wakeup",
    "watchdog": "cont",
    "prelaunch": "cont",
    "debug": "cont",
}


def test_every_run_state_of_qemu_has_its_row() -> None:
    assert list(RUN_STATES) == QEMUS


@pytest.mark.parametrize("state", RUN_STATES.values(), ids=lambda state: state.name)
def test_a_run_state_can_be_told_from_all_others_without_its_colour(state: RunState) -> None:
    others = [other for other in RUN_STATES.values() if other is not state]
    assert state.mark not in {other.mark for other in others}
    assert state.label.lower() not in {other.label.lower() for other in others}
    assert state.words not in {other.words for other in others}
    assert len(state.mark) == 1
    assert unicodedata.east_asian_width(state.mark) not in {"W", "F"}
    assert len(state.label) <= 8
    assert bool(state.advice) == (state.name != "running")


@pytest.mark.parametrize("name", QEMUS)
def test_what_makes_a_guest_run_again(name: str) -> None:
    assert run_state(name).resume == RESUMED_BY.get(name, "")


@pytest.mark.parametrize("name", QEMUS)
def test_what_a_stop_does_before_it_presses_the_power_button(name: str) -> None:
    assert BEFORE_THE_BUTTON.keys() == RUN_STATES.keys()
    for room in (None, EMPTY):
        assert wake_up(name, room=room) == BEFORE_THE_BUTTON[name]
    # How full the disk's file system is counts only for who could not write to it.
    assert wake_up(name, room=FULL) == (None if name == "io-error" else BEFORE_THE_BUTTON[name])


@pytest.mark.parametrize("name", ["", "hibernated"])
def test_a_guest_in_an_unknown_run_state_is_asked_and_left_alone(name: str) -> None:
    assert wake_up(name, room=None) == ()


def test_an_unknown_run_state_shows_by_its_name() -> None:
    state = run_state("hibernated-deeply")
    assert (state.name, state.label) == ("hibernated-deeply", "hiberna…")
    assert state.words == "in QEMU's run state hibernated-deeply"
    assert (state.wrong, state.resume) == (False, "cont")
    hostile = run_state("a\x1b[31m\nb" + "x" * 100)
    for text in (hostile.name, hostile.label, hostile.words):
        assert text.isprintable()
        assert len(text) < 70


def test_the_advice_for_a_disk_that_can_not_be_written() -> None:
    state = run_state("io-error")
    assert advice(state) == "check the host's disk, then resume it"
    assert advice(state, room=Room("/mnt/vms", 0)) == "make room on /mnt/vms (0B free), then resume it"
    assert advice(state, room=FULL) == "make room on /mnt/vms (64M free), then resume it"
    assert advice(state, room=Room("/mnt/\nvms", 2**33)) == (
        "check the file system /mnt/ vms (8G free), then resume it"
    )


def test_other_advice_knows_nothing_of_the_disk() -> None:
    for state in RUN_STATES.values():
        if state.name != "io-error":
            assert advice(state, room=FULL) == state.advice
