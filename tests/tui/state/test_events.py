"""Changes that nobody here made become events."""

from dataclasses import replace
from pathlib import Path

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Action, Phase, Problem, Readiness, State, VMStatus
from podplane_tui.tui.state.events import MAX_EVENTS, Level, changes, event, with_events

STOPPED = VMStatus(VMFiles("amd64", "a", Path("/d"), Path("/r")), State.STOPPED)
RUNNING = replace(STOPPED, state=State.RUNNING, pid=7)


def texts(before: VMStatus | None, after: VMStatus | None, ours: frozenset[str] = frozenset()) -> list[str]:
    found = changes([before] if before else [], [after] if after else [], ours=ours, arch="amd64")
    return [one.text for one in found]


def test_the_first_look_is_no_change() -> None:
    assert changes(None, [RUNNING], ours=(), arch="amd64") == []


def test_what_changed_by_itself_is_told() -> None:
    crashed = replace(STOPPED, state=State.CRASHED, problems=(Problem("QEMU is\x1b[31m gone"),))
    assert texts(RUNNING, crashed) == ["a was running, is crashed: QEMU is gone"]
    assert changes([RUNNING], [crashed], ours=(), arch="amd64")[0].level is Level.BAD
    powered_off = replace(STOPPED, hint="powered off by the guest")
    assert texts(RUNNING, powered_off) == ["a was running, is stopped: powered off by the guest"]
    assert texts(STOPPED, None) == ["a is gone"]
    assert texts(None, STOPPED) == ["a has appeared, stopped"]
    assert texts(RUNNING, replace(RUNNING, pid=8)) == ["a was started anew, as process 8"]
    assert texts(RUNNING, replace(RUNNING, cpu_percent=3.0)) == []


def halted(run_state: str, problem: str = "", advice: str = "") -> VMStatus:
    problems = (Problem(problem, advice),) if problem else ()
    return replace(RUNNING, state=State.PAUSED, run_state=run_state, problems=problems)


def test_why_a_guest_does_not_run_any_more_is_told() -> None:
    full = halted("io-error", "it is stopped", "make room on /mnt (0B free)")
    assert texts(RUNNING, full) == ["a was running, is paused (io-error): it is stopped: make room on /mnt (0B free)"]
    assert changes([RUNNING], [full], ours=(), arch="amd64")[0].level is Level.BAD
    asleep = replace(halted("suspended"), hint="it is suspended: resume wakes it")
    assert texts(RUNNING, asleep) == ["a was running, is paused (suspended): it is suspended: resume wakes it"]
    assert changes([RUNNING], [asleep], ours=(), arch="amd64")[0].level is Level.INFO
    assert texts(halted("paused"), full)[0].startswith("a was paused, is paused (io-error): ")
    assert texts(full, RUNNING) == ["a was paused (io-error), is running"]


def test_what_is_free_on_a_disk_is_no_event() -> None:
    before, after = (halted("io-error", "it is stopped", f"make room ({free} free)") for free in ("0B", "4K"))
    assert texts(before, after) == []
    assert texts(before, halted("io-error", "it is stopped again")) == ["a: it is stopped again"]


def test_a_vm_of_another_architecture_than_the_usual_one_is_told_with_it() -> None:
    found = changes([RUNNING], [STOPPED], ours=(), arch="arm64")
    assert [one.text for one in found] == ["a amd64 was running, is stopped"]


def test_who_did_it_is_told() -> None:
    starting = replace(RUNNING, state=State.STARTING, action=Action("start", 99, 0.0))
    assert texts(STOPPED, starting) == ["a was stopped, is starting, by process 99 (start)"]


def test_what_our_own_jobs_do_is_not_told_twice() -> None:
    assert texts(STOPPED, RUNNING, frozenset({"a.amd64"})) == []


def test_what_was_up_before_anybody_looked_did_not_come_up_now() -> None:
    def seen(state: State, *reached: tuple[Phase, float | None], pending: tuple[Phase, ...] = ()) -> VMStatus:
        return replace(RUNNING, state=state, readiness=Readiness(((Phase.PROCESS, 0.0), *reached), pending))

    unasked = seen(State.STARTING, pending=(Phase.SSH,))
    assert texts(unasked, seen(State.RUNNING, (Phase.SSH, None))) == []
    assert texts(unasked, seen(State.RUNNING, (Phase.SSH, 17.0))) == ["a was starting, is running"]
    out_of_patience = seen(State.RUNNING, pending=(Phase.SSH,))
    assert texts(unasked, out_of_patience) == ["a was starting, is running"]


def test_events_are_bounded() -> None:
    kept = with_events((), [event(str(number)) for number in range(MAX_EVENTS + 5)])
    assert len(kept) == MAX_EVENTS
    assert kept[-1].text == str(MAX_EVENTS + 4)
