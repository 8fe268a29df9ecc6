"""A boot in the making: its stages, its clocks and its failures."""

from __future__ import annotations

import pytest

from podplane_tui.backend.boot.builder import MAX_FAILURES, MAX_TEXT, BootInMaking, Moment, OpenStage, Where
from podplane_tui.backend.boot.rules import FailureKind, StageName
from tests.backend.boot.support import boot_of, failures


def test_a_unit_that_systemd_tells_of_twice_counts_once() -> None:
    boot = boot_of(
        "[    9.000000] systemd[1]: Failed to start systemd-modules-load.service - Load Kernel Modules.",
        "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39msystemd-module…ce\x1b[0m - Load Kernel Modules.",
        "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mbroken.service\x1b[0m - Another.",
    )
    assert failures(boot) == [("unit", 1), ("unit", 3)]


def test_text_of_a_guest_is_fit_to_be_shown() -> None:
    boot = boot_of("[FAILED] Failed to start \x1b]0;owned\x07\x9b31m\u202egnp" + "x" * 5000)
    (failure,) = boot.failures
    assert failure.text.isprintable()
    assert len(failure.text) <= 300


def made() -> BootInMaking:
    return BootInMaking(number=1, line=1, offset=0, started_at=None)


def at(line: int, stamp: float | None = None, arrival: float | None = None, floor: float | None = None) -> Where:
    return Where(Moment(stamp, arrival, floor), line, line * 100)


def test_the_kernel_began_no_later_than_any_line_allows() -> None:
    boot = made()
    boot.note(1.0, None)
    assert (boot.floor, boot.zero) == (1.0, None)
    for stamp, arrival in ((2.0, 105.0), (3.0, 104.5), (4.0, 109.0)):
        boot.note(stamp, arrival)
    assert (boot.floor, boot.zero) == (4.0, 101.5)


def test_an_end_without_a_time_is_the_last_stamp_before_it_and_not_exact() -> None:
    boot = made()
    boot.stages.append(OpenStage(StageName.KERNEL, at(1, stamp=0.0)))
    boot.end(StageName.KERNEL, Moment(None, None, 2.5))
    stage = boot.view(over=False).stages[0]
    assert (stage.start, stage.duration, stage.start_exact, stage.duration_exact) == (0.0, 2.5, True, False)


def test_a_duration_is_never_negative() -> None:
    boot = made()
    boot.stages.append(OpenStage(StageName.SYSTEMD, at(1, stamp=5.0)))
    boot.end(StageName.SYSTEMD, Moment(3.0, None, None))
    assert boot.view(over=False).stages[0].duration == 0.0


def test_a_stage_ends_once() -> None:
    boot = made()
    boot.stages.append(OpenStage(StageName.SYSTEMD, at(1, stamp=1.0)))
    for stamp in (3.0, 9.0):
        boot.end(StageName.SYSTEMD, Moment(stamp, None, None))
    assert boot.view(over=False).stages[0].duration == 2.0


def test_programs_that_run_end_kernel_and_initial_ram_disk_at_a_time_nobody_knows() -> None:
    boot = made()
    boot.stages += [OpenStage(name, at(1, stamp=1.0)) for name in (StageName.KERNEL, StageName.SYSTEMD)]
    boot.userspace(Moment(4.0, 200.0, 3.5))
    kernel, systemd = boot.view(over=False).stages
    assert (kernel.running, kernel.duration, kernel.duration_exact) == (False, 2.5, False)
    assert systemd.running


def test_what_ran_beside_the_stages_is_cut_off_when_the_boot_is_over() -> None:
    boot = made()
    boot.stages += [
        OpenStage(StageName.SYSTEMD, at(1, stamp=1.0)),
        OpenStage(StageName.CLOUD_INIT_FINAL, at(2, stamp=2.0)),
    ]
    boot.over("halt", at(9, stamp=6.0))
    view = boot.view(over=False)
    assert [(stage.duration, stage.running) for stage in view.stages] == [(5.0, False), (None, False)]
    assert view.ended == "halt"


@pytest.mark.parametrize("kind", [FailureKind.EMERGENCY, FailureKind.INITRAMFS, FailureKind.NOTHING_TO_BOOT])
def test_a_shell_and_nothing_to_boot_are_told_once(kind: FailureKind) -> None:
    boot = made()
    boot.fail(kind, b"first", at(3))
    boot.fail(kind, b"second", at(4))
    assert [failure.text for failure in boot.view(over=False).failures] == ["first"]


def test_a_line_is_one_failure_and_the_first_kind_counts() -> None:
    boot = made()
    boot.fail(FailureKind.PANIC, b"x", at(3))
    boot.fail(FailureKind.BUG, b"x", at(3))
    boot.fail(FailureKind.PANIC, b"x", at(4))
    assert [(failure.kind, failure.line) for failure in boot.view(over=False).failures] == [
        (FailureKind.PANIC, 3),
        (FailureKind.PANIC, 4),
    ]


def test_an_emergency_in_the_initial_ram_disk_is_its_shell() -> None:
    boot = made()
    boot.in_initrd = True
    boot.fail(FailureKind.EMERGENCY, b"You are in emergency mode.", at(3))
    assert boot.view(over=False).failures[0].kind is FailureKind.INITRAMFS


def test_failures_are_cut_short_and_those_beyond_the_limit_counted() -> None:
    boot = made()
    for line in range(1, MAX_FAILURES + 4):
        boot.fail(FailureKind.OOPS, b"x" * 5000, at(line))
    view = boot.view(over=False)
    assert (len(view.failures), view.more_failures) == (MAX_FAILURES, 3)
    assert {len(failure.text) for failure in view.failures} == {MAX_TEXT}
