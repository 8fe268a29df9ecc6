"""What the console's panel says."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.console.claim import Claim
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Problem, State, VMStatus
from podplane_tui.backend.recording.store import HowEnded, Recording, Source
from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.console.states import ConsoleState, Refusal, Why
from podplane_tui.tui.widgets.console.status import Look
from podplane_tui.tui.widgets.console.text import (
    HOW_ENDED,
    above,
    asked,
    divider,
    handed_over,
    notices,
    past,
    refusal,
    status,
)

NOON = 1_700_049_600.0  # 2023-11-15 12:00 UTC
RUN = Recording(
    Path("/x.raw"),
    started_at=NOON,
    ended_at=None,
    how_ended=None,
    source=Source.QEMU,
    boots=None,
    size=10,
    hole=None,
    pid=None,
    create_ticks="",
)
VM = VMStatus(VMFiles("amd64", "dev", Path("/d"), Path("/r")), State.STOPPED)
KEYS = {"vm.start": "F5", "vm.repair": "!", "console.type": "c", "terminal.stop_typing": "Ctrl-]"}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clocks show UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("recording", "holder", "words"),
    [
        (None, None, "live, not recorded"),
        (None, Claim("somebody", 1, NOON), "live, not recorded"),
        (RUN, None, "live"),
        (RUN, Claim("podplane-tui console", 1, NOON), "live, held by podplane-tui console"),
    ],
)
def test_a_console_that_is_shown_is_live_and_somebody_elses_where_it_is(
    recording: Recording | None, holder: Claim | None, words: str
) -> None:
    assert status(recording, holder) == words


def test_what_another_than_qemu_records_was_not_recorded_before() -> None:
    [other] = set(Source) - {Source.QEMU}
    assert status(replace(RUN, source=other), None) == "recorded since attached at 12:00"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ", 2023-11-15 12:00"),
        ({"boots": 1}, ", 2023-11-15 12:00"),
        ({"boots": 3}, " of 3 boots, 2023-11-15 12:00"),
        ({"ended_at": NOON + 3600}, ", 2023-11-15 12:00, last output at 13:00"),
        (
            {"ended_at": NOON + 3600, "how_ended": HowEnded.GONE},
            ", 2023-11-15 12:00, last output at 13:00; it ended by itself",
        ),
        (
            {"ended_at": NOON + 3600, "how_ended": HowEnded.POWERDOWN},
            ", 2023-11-15 12:00 to 13:00; it was powered off",
        ),
    ],
)
def test_a_run_is_told_with_as_much_as_is_known_of_its_end(changes: dict[str, object], words: str) -> None:
    recording = replace(RUN, **changes)  # type: ignore[arg-type]
    assert past(recording, KEYS.__getitem__) == f"This is an earlier run{words}. Press c to come back to the latest."
    assert notices(VM, recording, "", KEYS.__getitem__)[-1] == f"Below is its last run{words}."


def test_every_way_to_end_has_words() -> None:
    assert set(HOW_ENDED) == set(HowEnded)


@pytest.mark.parametrize(
    ("changes", "recording", "error", "lines"),
    [
        ({}, None, "", ["dev is stopped: press F5 to start it."]),
        ({"state": State.STARTING}, None, "", ["dev is starting."]),
        (
            {"state": State.BROKEN, "problems": (Problem("no\ndisk"),)},
            None,
            "",
            ["dev is broken: press ! to repair it.", "no disk"],
        ),
        ({"pid": 1, "console": Path("/c")}, None, "", ["Connecting…"]),
        ({"pid": 1, "console": Path("/c")}, RUN, "refused\x1b", ["refused.", "Trying again every second."]),
        (
            {"state": State.RUNNING, "pid": 1},
            None,
            "",
            ["dev was started without a serial console on a socket."],
        ),
    ],
)
def test_why_there_is_nothing_to_see_is_said_in_clean_lines(
    changes: dict[str, object], recording: Recording | None, error: str, lines: list[str]
) -> None:
    found = notices(replace(VM, **changes), recording, error, KEYS.__getitem__)  # type: ignore[arg-type]
    assert [line.replace("\N{REPLACEMENT CHARACTER}", "") for line in found] == lines


def test_what_stands_above_the_terminal_is_about_what_it_shows() -> None:
    key = KEYS.__getitem__
    state = ConsoleState(vm=VM, look=Look(RUN))
    assert above(ConsoleState(), key) == []
    assert above(state, key) == notices(VM, RUN, "", key)
    assert above(replace(state, past=RUN), key) == [past(RUN, key)]


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (Why.NO_CONSOLE, "dev is stopped: press F5 to start it."),
        (Why.STARTING, "dev is starting: it gets the keys as soon as it runs."),
        (Why.HELD, "somebody holds this console, and it serves one at a time. Once more asks for it."),
        (Why.ASKED, "somebody is asked for the console."),
        (Why.ASKED_BEFORE, "somebody has been asked for the console: wait until it lets go."),
    ],
)
def test_whoever_can_not_type_hears_why(why: Why, words: str) -> None:
    refused = Refusal(why, Claim("somebody", 1, NOON))
    assert refusal(refused, ConsoleState(vm=VM), KEYS.__getitem__) == words


def test_every_reason_has_words_even_without_a_vm() -> None:
    for why in Why:
        assert refusal(Refusal(why), ConsoleState(), KEYS.__getitem__)
    nothing = refusal(Refusal(Why.NO_CONSOLE), ConsoleState(), KEYS.__getitem__)
    assert nothing == "There is no console to type into."


def test_who_asks_and_who_got_it_is_named() -> None:
    claim = Claim("somebody", 1, NOON)
    assert asked(claim, KEYS.__getitem__) == "somebody asks for the console: Ctrl-] hands it over."
    assert handed_over(claim) == "somebody has the console now: nothing was typed here for 30 s."


@pytest.mark.parametrize("columns", [80, 2])
def test_a_new_run_begins_below_whatever_the_last_one_left_on_the_screen(columns: int) -> None:
    terminal = Terminal(columns, 10)
    terminal.feed(b"a\r\n\x1b[2;3r\x1b[31m\x1b[?1049hfull screen")
    terminal.restart()
    terminal.feed(divider(columns, NOON) + b"b")
    assert not terminal.modes.alternate_screen
    text = "\n".join(line.rstrip() for line in terminal.display)
    assert "full" not in text
    assert text.strip().endswith("\nb")
    if columns == 80:
        assert "── started 12:00:00 ──" in text
