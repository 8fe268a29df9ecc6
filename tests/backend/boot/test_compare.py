"""Boots beside one another."""

from __future__ import annotations

from podplane_tui.backend.boot.compare import Change, compare, overdue, usual
from podplane_tui.backend.boot.model import Boot
from podplane_tui.backend.boot.parser import BootParser
from podplane_tui.backend.boot.rules import StageName


def boot(*, initramfs: float, init: float | None = 12.0, prompt: bool = True, panic: bool = False) -> Boot:
    """A boot whose initial RAM disk and first cloud-init stage take so long."""
    began = 2 + initramfs
    lines = [
        "[    0.000000] Linux version 6.1",
        "[    2.000000] Run /init as init process",
        f"[{began:12.6f}] systemd[1]: Inserted module 'autofs4'",
    ]
    if init is not None:
        lines.append(f"Cloud-init v. 24.4 running 'init' at x. Up {began + 1:.2f} seconds")
        lines.append(f"Cloud-init v. 24.4 running 'modules:config' at x. Up {began + 1 + init:.2f} seconds")
    if panic:
        lines.append("[   90.000000] Kernel panic - not syncing: x")
    if prompt:
        lines.append("host login: ")
    parser = BootParser()
    parser.feed("\n".join(lines).encode())
    return parser.boots[0]


def test_stages_are_slower_faster_new_or_missing() -> None:
    changes = {each.name.value: each for each in compare(boot(initramfs=9), boot(initramfs=3, init=None))}
    assert {name: each.change for name, each in changes.items()} == {
        "kernel": Change.SAME,
        "initramfs": Change.SLOWER,
        "systemd": Change.SLOWER,
        "cloud-init init": Change.NEW,
        "cloud-init config": Change.NEW,
        "login prompt": Change.SAME,
    }
    assert (changes["initramfs"].duration, changes["initramfs"].before) == (9.0, 3.0)
    back = {each.name.value: each.change for each in compare(boot(initramfs=3, init=None), boot(initramfs=9))}
    assert back["initramfs"] is Change.FASTER
    assert back["cloud-init init"] is Change.MISSING


def test_a_little_more_is_no_change() -> None:
    assert compare(boot(initramfs=3.9), boot(initramfs=2.2))[1].change is Change.SAME  # not two seconds
    assert compare(boot(initramfs=13), boot(initramfs=10))[1].change is Change.SAME  # not half as much again


def test_usual_is_what_the_last_good_boots_took() -> None:
    good = [boot(initramfs=seconds) for seconds in (4, 5, 6, 7, 30, 500)]
    bad = [boot(initramfs=90, panic=True), boot(initramfs=90, prompt=False)]
    assert usual(StageName.INITRAMFS, [*bad, *good]) == 6  # of the newest five: 4, 5, 6, 7, 30
    assert usual(StageName.INITRAMFS, bad) is None
    assert usual(StageName.FIRMWARE, good) is None


def test_a_stage_that_runs_for_too_long_is_overdue() -> None:
    parser = BootParser()
    parser.feed(b"[    0.000000] Linux version 6.1\n[    2.000000] Run /init as init process\n")
    (running,) = parser.boots
    earlier = [boot(initramfs=4)]
    assert overdue(running, earlier, elapsed=7.5) == ()
    (late,) = overdue(running, earlier, elapsed=9)
    assert (late.name, late.elapsed, late.usual) == (StageName.INITRAMFS, 7.0, 4.0)
    assert overdue(running, [], elapsed=900) == ()
    assert overdue(boot(initramfs=90), earlier, elapsed=900) == ()  # it took long, but it is over
