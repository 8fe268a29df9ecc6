"""What single lines mean, by the tables of patterns."""

from __future__ import annotations

import pytest

from podplane_tui.backend.boot.rules import CLOUD_INIT_STAGES, NEEDLES, RANKS, RULES, Does, Rule
from tests.backend.boot.support import boot_of, boots, stages


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mbroken.service\x1b[0m - A unit.", "unit"),
        ("[ TIME ] Timed out waiting for device dev-vdz.device - /dev/vdz.", "unit"),
        ("[   12.500000] Kernel panic - not syncing: sysrq triggered crash", "panic"),
        ("[   12.500000][    T1] Oops: 0002 [#1] PREEMPT SMP NOPTI", "oops"),
        ("[   12.500000] Internal error: Oops: 0000000096000004 [#1] SMP", "oops"),
        ("[   12.500000] BUG: kernel NULL pointer dereference, address: 0000000000000000", "bug"),
        ("[   12.500000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [stress:812]", "bug"),
        ("[   12.500000] Out of memory: Killed process 812 (stress) total-vm:1234kB", "out of memory"),
        ("[   12.500000] Memory cgroup out of memory: Killed process 7 (java) total-vm:1kB", "out of memory"),
        ('You are in emergency mode. After logging in, type "journalctl -xb" to view', "emergency shell"),
        ("ALERT!  UUID=0 does not exist.  Dropping to a shell!", "initramfs shell"),
        ("(initramfs) ", "initramfs shell"),
        ("[   20.5] x", ""),
        ("2026-11-22 10:23:14,850 - cc_scripts_user.py[WARNING]: Failed to run module scripts-user", "cloud-init"),
        ("cloud-init[341]: 2026-11-22 10:23:14,850 - util.py[ERROR]: bad", "cloud-init"),
        ("cloud-init[341]: 2026-11-22 10:23:14,850 - util.py[WARNING]: did not find a thing", ""),
        (
            "[   12.500000] EXT4-fs error (device vda1): ext4_lookup:1855: inode #2: comm ls: deleted inode",
            "file system",
        ),
        ("[    8.530220] EXT4-fs (vda): mounted filesystem with ordered data mode. errors=remount-ro", ""),
        ("[   12.500000] I/O error, dev vda, sector 2048 op 0x0:(READ) flags 0x0", "file system"),
        ("/dev/vda1: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.", "file system"),
        ("cp: error writing '/mnt/x': No space left on device", "no space"),
        ("default login: [   99.000000] Kernel panic - not syncing: Fatal exception", "panic"),
        ("root@tiny:~# [   99.000000] Kernel panic - not syncing: Fatal exception", "panic"),
        ("[   13.000000] ---[ end Kernel panic - not syncing: Fatal exception ]---", ""),
        ("Failed to start the engine, says a program", ""),
        ("No bootable device.  Retrying in 60 seconds.", "nothing to boot"),
    ],
)
def test_failures_are_told_by_their_lines(line: str, kind: str) -> None:
    boot = boot_of("[    1.000000] first", line, "last")
    assert [failure.kind.value for failure in boot.failures] == ([kind] if kind else [])
    for failure in boot.failures:
        assert failure.line == 2
        assert failure.offset == len("[    1.000000] first\r\n")
        assert failure.text.isprintable()


@pytest.mark.parametrize(
    "prompt",
    [
        "root@tiny:/# ",
        "\x1b[1mroot@host-1:~/src\x1b[0m# ",
        "Please press Enter to activate this console. ",
        "tiny login: root (automatic login)",
    ],
)
def test_a_system_that_asks_for_no_name_is_up_too(prompt: str) -> None:
    (boot,) = boots(b"[    0.000000] Linux version 6.1\n[    1.0] Run /init as init process\n" + prompt.encode())
    assert boot.good
    assert stages(boot)[-1][0] == "login prompt"
    assert not any(stage.running for stage in boot.stages)


def test_every_rule_is_found_by_its_needle() -> None:
    assert sorted(rule.needle for rules in NEEDLES.values() for rule in rules) == sorted(rule.needle for rule in RULES)
    for needle, rules in NEEDLES.items():
        assert {rule.needle for rule in rules} == {needle}
        assert b"\x1b" not in needle
        assert b"\n" not in needle


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.does.name}-{rule.needle.decode()}")
def test_a_rule_names_what_it_does_something_to(rule: Rule) -> None:
    assert (rule.failure is not None) == (rule.does is Does.FAIL)
    assert (rule.stage is not None) == (rule.does in {Does.BEGIN, Does.END})
    if rule.does is Does.BEGIN:
        assert rule.stage in RANKS, "only stages that follow one another begin by a rule of their own"


@pytest.mark.parametrize(("word", "stage"), CLOUD_INIT_STAGES.items())
def test_every_stage_of_cloud_init_is_known_by_the_word_it_uses(word: bytes, stage: str) -> None:
    (boot,) = boots(
        b"Cloud-init v. 24.4 running '" + word + b"' at Sun, 22 Nov 2026 10:22:24 +0000. Up 6.10 seconds.\n"
    )
    assert stages(boot) == [(stage, 6.1, None)]


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        ("SeaBIOS (version 1.16.2-debian-1.16.2-1)", "firmware"),
        (">>Start PXE over IPv4.", "firmware"),
        ("iPXE initialising devices...ok", "firmware"),
        ("Booting from Hard Disk...", "firmware"),
        ("Loading Linux 6.1.0-25-cloud-amd64 ...", "bootloader"),
        ("  Booting `Debian GNU/Linux'", "bootloader"),
        ("ISOLINUX 6.04 20191223", "bootloader"),
        ("Begin: Running /scripts/init-premount ... done.", "initramfs"),
        ("Loading, please wait...", "initramfs"),
        ("Welcome to \x1b[1mUbuntu 24.04.1 LTS\x1b[0m!", "systemd"),
        ("systemd-shutdown[1]: Syncing filesystems and block devices.", "shutdown"),
        ("The system will power off now!", "shutdown"),
        ("Last login: Sun Nov 22 10:22:24 2026", ""),
        ("Booting from the wrong foot", ""),
        ("Welcome to the help of a program", ""),
        ("Run /init as you like", ""),
        ("GRUB is a boot loader", ""),
    ],
)
def test_a_line_begins_the_stage_it_is_of(line: str, stage: str) -> None:
    assert [name for name, _, _ in stages(boot_of(line))] == ([stage] if stage else [])
