"""Boots out of console bytes: a real first boot, the words of other distributions, failures, and whatever comes."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podplane_tui.backend.boot.builder import MAX_FAILURES
from podplane_tui.backend.boot.parser import MAX_BOOTS, BootParser
from tests.backend.boot.support import boot_of, boots, failures, stages
from tests.paths import RECORDINGS

DEBIAN = (RECORDINGS / "debian12-first-boot.raw").read_bytes()


def test_a_first_boot_of_debian() -> None:
    (boot,) = boots(DEBIAN)
    assert stages(boot) == [
        ("kernel", 0.0, 5.476918),
        ("initramfs", 5.476918, 4.023952),
        ("systemd", 9.50087, 59.355923),
        ("cloud-init local", 27.31, 0.401719),
        ("cloud-init init", 44.51, 24.346793),
        ("login prompt", 68.856793, 0.0),
        ("cloud-init config", 75.79, 10.49),
        ("cloud-init final", 86.28, 3.08),
    ]
    exact = {stage.name.value for stage in boot.stages if stage.duration_exact}
    assert exact == {"kernel", "initramfs", "cloud-init config", "cloud-init final"}
    assert [stage.name.value for stage in boot.stages if not stage.start_exact] == ["login prompt"]
    assert not any(stage.running for stage in boot.stages)
    assert boot.good
    (failure,) = boot.failures
    assert (failure.kind.value, failure.at) == ("cloud-init", 78.140691)
    assert "Running module locale" in failure.text
    line = DEBIAN.split(b"\n")[failure.line - 1]
    assert DEBIAN[failure.offset :].startswith(line)
    assert b"Running module locale" in line
    assert [key.split()[0] for key in boot.host_keys] == ["ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa"]
    for key in boot.host_keys:
        assert key.encode() in DEBIAN


def test_a_boot_of_debian_in_which_much_fails() -> None:
    """Its user-data is a script that starts a unit that fails, fills a disk and exits with 1; then it is shut down."""
    content = (RECORDINGS / "debian12-failures.raw").read_bytes()
    (boot,) = boots(content)
    assert [stage.name.value for stage in boot.stages] == [
        *("kernel", "initramfs", "systemd", "cloud-init local", "cloud-init init", "login prompt"),
        *("cloud-init config", "cloud-init final", "shutdown"),
    ]
    assert boot.good
    assert boot.ended == "power off"
    found = [failure for failure in boot.failures if "schema.py" not in failure.text]
    assert [failure.kind.value for failure in found] == ["unit", "no space", "cloud-init", "cloud-init", "unit"]
    for failure, words in zip(found, ("broken.service", "/mnt/full", "scripts-user", "", "cloud-fina"), strict=True):
        assert words in failure.text
        assert content[failure.offset :].startswith(content.split(b"\n")[failure.line - 1])
    assert [key.split()[0] for key in boot.host_keys] == ["ecdsa-sha2-nistp256", "ssh-ed25519"]


def test_a_quiet_boot_does_not_stay_in_its_kernel() -> None:
    """With `quiet` neither the initial RAM disk nor systemd says a word."""
    (boot,) = boots(
        b"[    0.000000] Linux version 6.1.0\r\n"
        b"[   17.100000] cloud-init[312]: Cloud-init v. 22.4.2 running 'init-local' at Wed. Up 16.25 seconds.\r\n"
        b"\r\nDebian GNU/Linux 12 dev ttyS0\r\n\r\ndev login: "
        b"[   25.100000] cloud-init[392]: Cloud-init v. 22.4.2 running 'modules:final' at Wed. Up 24.50 seconds.\r\n"
        b"[   27.100000] cloud-init[392]: Cloud-init v. 22.4.2 finished at Wed. Datasource X. Up 26.43 seconds\r\n"
        b"[ 3756.000000] sysrq: HELP : loglevel(0-9)\r\n"
    )
    assert not any(stage.running for stage in boot.stages)
    kernel = boot.stage("kernel")
    assert kernel is not None
    assert (kernel.duration, kernel.duration_exact) == (17.1, False)


def test_every_cut_gives_the_same_boots() -> None:
    whole = boots(DEBIAN, DEBIAN)
    for size in (1, 7, 4096, 65537):
        twice = DEBIAN + DEBIAN
        assert boots(*(twice[i : i + size] for i in range(0, len(twice), size))) == whole


SNIPPETS = st.sampled_from(
    [
        b"[    0.000000] Linux version 6.1.0\r\n",
        b"[    1.500000] Run /init as init process\r\n",
        b"[    2.500000] systemd[1]: Detected architecture x86-64.\r\n",
        b"[\x1b[0;1;31mFAILED\x1b[0m] Failed to start x.service.\r\n",
        b"[    9.000000] Kernel panic - not syncing: x\r\n",
        b"[   10.000000] reboot: Restarting system\r\n",
        b"host login: ",
        b"root@host:~# dmesg\r\n",
        b"\x1b[2J\x1b[01;01HBdsDxe: loading Boot0001\r\n",
        b"write: No space left on device\n",
        b"-----BEGIN SSH HOST KEY KEYS-----\n",
        b"-----END SSH HOST KEY KEYS-----\n",
        b"\x1b]0;title",
        b"x" * 5000,
        b"[   12.000000] ",
        b"\r\n",
        b"\n\n",
    ]
)


@settings(deadline=None, max_examples=60)
@given(st.lists(SNIPPETS | st.binary(max_size=40), max_size=30), st.lists(st.integers(1, 300), min_size=1, max_size=20))
def test_any_bytes_cut_anywhere_give_the_same_boots_and_never_raise(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    parser, start, number = BootParser(), 0, 0
    while start < len(data):
        size = cuts[number % len(cuts)]
        parser.feed(data[start : start + size])
        start, number = start + size, number + 1
        if number % 7 == 0:
            assert parser.boots is not None  # looking on the way changes nothing
    assert parser.boots == boots(data)


def test_ubuntu_without_time_stamps_tells_what_its_cloud_init_tells() -> None:
    boot = boot_of(
        "         GNU GRUB  version 2.12",
        "EFI stub: Loaded initrd from LINUX_EFI_INITRD_MEDIA_GUID device path",
        "Welcome to \x1b[1mUbuntu 24.04.1 LTS\x1b[0m!",
        "Cloud-init v. 24.4-0ubuntu1 running 'init-local' at Sun, 22 Nov 2026 10:22:24 +0000. Up 6.10 seconds.",
        "[\x1b[0;32m  OK  \x1b[0m] Finished \x1b[0;1;39mcloud-init-local.s…ud-init: Local Stage (pre-network).",
        "Cloud-init v. 24.4-0ubuntu1 running 'init' at Sun, 22 Nov 2026 10:22:30 +0000. Up 9.50 seconds.",
        "[\x1b[0;32m  OK  \x1b[0m] Finished \x1b[0;1;39mcloud-init-network…e - Cloud-init: Network Stage.",
        "[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mmulti-user.target\x1b[0m - Multi-User System.",
        "Ubuntu 24.04.1 LTS vm ttyS0",
        "vm login: ",
        "Cloud-init v. 24.4-0ubuntu1 running 'modules:final' at Sun, 22 Nov 2026 10:22:40 +0000. Up 15.00 seconds.",
        "Cloud-init v. 24.4-0ubuntu1 finished at Sun, 22 Nov 2026 10:22:41 +0000. Datasource None.  Up 16.25 seconds",
    )
    assert stages(boot) == [
        ("bootloader", None, None),
        ("systemd", None, None),
        ("cloud-init local", 6.1, 0.0),
        ("cloud-init init", 9.5, 0.0),
        ("login prompt", 9.5, 0.0),
        ("cloud-init final", 15.0, 1.25),
    ]
    assert boot.good


def test_fedora_has_a_systemd_in_its_initial_ram_disk() -> None:
    boot = boot_of(
        "[    0.000000] Linux version 6.11.4-301.fc41.x86_64 (mockbuild@host)",
        "[    1.250000] Run /init as init process",
        "[    1.300000] systemd[1]: Successfully made /usr/ read-only.",
        "[    1.310000] systemd[1]: systemd 256.7-1.fc41 running in system mode (+PAM +AUDIT)",
        "[    1.320000] systemd[1]: Detected virtualization kvm.",
        "[    1.330000] systemd[1]: Running in initrd.",
        "Welcome to \x1b[0;38;2;60;110;180mFedora Linux 41 (Cloud Edition) dracut-103-3.fc41 (Initramfs)\x1b[0m!",
        "[    3.000000] systemd[1]: Switching root.",
        "[    4.000000] systemd[1]: systemd 256.7-1.fc41 running in system mode (+PAM +AUDIT)",
        "Welcome to \x1b[0;38;2;60;110;180mFedora Linux 41 (Cloud Edition)\x1b[0m!",
        "[    9.000000] systemd[1]: Startup finished in 1.2s (kernel) + 1.7s (initrd) + 5.0s (userspace) = 8.0s.",
        "fedora login: ",
    )
    assert stages(boot) == [
        ("kernel", 0.0, 1.25),
        ("initramfs", 1.25, 1.75),
        ("systemd", 4.0, 5.0),
        ("login prompt", 9.0, 0.0),
    ]


def test_alpine_boots_with_openrc() -> None:
    boot = boot_of(
        "SYSLINUX 6.04  Copyright (C) 1994-2015 H. Peter Anvin et al",
        "[    0.000000] Linux version 6.6.58-0-virt (buildozer@build-3-20-x86_64)",
        "[    0.900000] Run /init as init process",
        "[    0.950000] Alpine Init 3.10.1-r0",
        "   \x1b[32;01mOpenRC\x1b[39;49;00m \x1b[36;01m0.54\x1b[39;49;00m is starting up Linux 6.6.58-0-virt (x86_64)",
        " \x1b[31;01m*\x1b[39;49;00m ERROR: chronyd failed to start",
        "Welcome to Alpine Linux 3.20",
        "Kernel 6.6.58-0-virt on an x86_64 (/dev/ttyS0)",
        "",
        "localhost login: ",
    )
    assert [stage.name for stage in boot.stages] == ["bootloader", "kernel", "initramfs", "openrc", "login prompt"]
    assert failures(boot) == [("unit", 6)]


def test_a_restart_makes_two_boots_of_one_recording() -> None:
    first = b"[    0.000000] Linux version 6.1\n[    5.000000] reboot: Restarting system\n"
    second = b"\x1b[2J\x1b[01;01HBdsDxe: loading Boot0001\n[    0.000000] Linux version 6.1\nhost login: "
    one, two = boots(first + b"[    5.100000] reboot: machine restart\n" + second)
    assert (one.number, one.ended, two.number, two.ended) == (1, "restart", 2, "")
    assert stages(one) == [("kernel", 0.0, 5.0)]
    assert [stage.name for stage in two.stages] == ["firmware", "kernel", "login prompt"]
    assert (two.offset, two.line) == (len(first) + 39, 4)


def test_a_reset_without_a_word_makes_a_boot_too() -> None:
    kernel = b"[    0.000000] Linux version 6.1\n[    3.000000] something\n"
    assert len(boots(kernel + kernel)) == 2
    assert len(boots(kernel + b"GNU GRUB  version 2.06\n" + kernel)) == 2


def test_dmesg_on_the_console_is_no_boot() -> None:
    kernel = b"[    0.000000] Linux version 6.1\n[    3.000000] EXT4-fs error (device vda): x\n"
    (boot,) = boots(kernel + b"host login: root\nroot@host:~# dmesg\n" + kernel + b"root@host:~# \n" + b"more\n")
    assert failures(boot) == [("file system", 2)]
    assert len(boots(kernel + b"root@host:~# dmesg\n" + kernel + b"root@host:~# reboot\n" + kernel)) == 2


def test_shutdown_lasts_until_the_kernels_last_word() -> None:
    boot = boot_of(
        "[    0.000000] Linux version 6.1",
        "[    2.000000] systemd[1]: Inserted module 'autofs4'",
        "host login: ",
        "[   60.000000] systemd-logind[300]: Power key pressed short.",
        "[\x1b[0;32m  OK  \x1b[0m] Stopped target \x1b[0;1;39mmulti-user.target\x1b[0m - Multi-User System.",
        "[   64.500000] reboot: Power down",
    )
    assert stages(boot)[-1] == ("shutdown", 60.0, 4.5)
    assert boot.ended == "power off"


def test_who_watches_gives_times_to_what_has_none() -> None:
    parser = BootParser()
    parser.feed(b"BdsDxe: loading Boot0001\n", 1000.0)
    parser.feed(b"[    0.000000] Linux version 6.1\n[    1.000000] Run /init as init process\n", 1012.0)
    parser.feed(b"[    3.000000] systemd[1]: Inserted module 'autofs4'\n", 1013.5)
    parser.feed(b"host login: ", 1020.5)
    (boot,) = parser.boots
    assert boot.started_at == 1000.0
    # The kernel began at 1010.5 at the latest: its line of 3.0 s arrived at 1013.5.
    assert stages(boot) == [
        ("firmware", -10.5, 10.5),
        ("kernel", 0.0, 1.0),
        ("initramfs", 1.0, 2.0),
        ("systemd", 3.0, 7.0),
        ("login prompt", 10.0, 0.0),
    ]
    assert all(stage.start_exact and stage.duration_exact for stage in boot.stages)


@pytest.mark.parametrize(
    "text",
    [
        (RECORDINGS / "ovmf-uefi-shell.raw").read_bytes(),
        b"BdsDxe: No bootable option or device was found.\r\nBdsDxe: Press any key to enter the Boot Manager Menu.",
    ],
)
def test_firmware_that_finds_nothing_to_boot_says_so(text: bytes) -> None:
    (boot,) = boots(text)
    assert [failure.kind.value for failure in boot.failures] == ["nothing to boot"]
    assert [stage.name.value for stage in boot.stages] == ["firmware"]
    assert not boot.good


def test_firmware_is_at_work_from_power_on() -> None:
    parser = BootParser(power_on=1000.0)
    parser.feed(b"BdsDxe: loading Boot0001\n")
    (boot,) = parser.boots
    assert (boot.started_at, stages(boot)) == (1000.0, [("firmware", 0.0, None)])
    parser.feed(b"[    0.500000] Linux version 6.1\n", 1012.5)
    (boot,) = parser.boots
    assert stages(boot) == [("firmware", -12.0, 12.0), ("kernel", 0.0, None)]


def test_what_came_before_a_kernel_that_nobody_watched_has_no_times() -> None:
    parser = BootParser(power_on=1000.0)
    parser.feed(b"BdsDxe: loading Boot0001\n", 1003.0)
    parser.feed(b"[    0.500000] Linux version 6.1\n")
    (boot,) = parser.boots
    assert stages(boot) == [("firmware", None, None), ("kernel", 0.0, None)]


def test_a_stage_runs_until_it_ends_or_nothing_more_can_come() -> None:
    parser = BootParser()
    parser.feed(b"[    0.000000] Linux version 6.1\n")
    assert [stage.running for stage in parser.boots[0].stages] == [True]
    parser.end()
    assert [stage.running for stage in parser.boots[0].stages] == [False]


def test_keys_that_are_none_are_not_kept() -> None:
    blob = len(b"ssh-ed25519").to_bytes(4, "big") + b"ssh-ed25519" + bytes(36)
    good, bad = base64.b64encode(blob).decode(), base64.b64encode(b"\0\0\0\x07ssh-dss" + bytes(40)).decode()
    frame = ("-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----")
    shown = [
        f"ssh-ed25519 {good} root@host",
        f"ssh-ed25519 {bad} root@host",
        "ssh-rsa AAAA!",
        f"<14>ci: ssh-ed25519 {good}",
    ]
    stage = "Cloud-init v. 22.4.2 running 'modules:final' at noon. Up 9.00 seconds"
    assert boot_of(stage, frame[0], *shown, frame[1]).host_keys == (f"ssh-ed25519 {good}",)
    assert boot_of(stage, *shown).host_keys == ()
    assert boot_of(stage, frame[0], *shown).host_keys == ()  # not all of it has come
    assert boot_of(frame[0], *shown, frame[1]).host_keys == ()  # not printed by cloud-init


def test_memory_stays_bounded_and_a_flood_is_counted() -> None:
    lines = b"".join(b"[FAILED] Failed to start unit %d.\n" % number for number in range(MAX_FAILURES + 50))
    (boot,) = boots(lines)
    assert (len(boot.failures), boot.more_failures) == (MAX_FAILURES, 50)
    many = boots(b"[    0.000000] Linux version 6.1\n" * (MAX_BOOTS + 5))
    assert [boot.number for boot in many] == list(range(6, MAX_BOOTS + 6))


def test_what_was_trimmed_is_skipped() -> None:
    parser = BootParser()
    parser.feed(b"[    0.000000] Linux version 6.1\n[FAI")
    parser.skip(1000)
    parser.feed(b"LED] Failed\n[FAILED] Failed to start x.\n")
    (boot,) = parser.boots
    assert [failure.offset for failure in boot.failures] == [33 + 4 + 1000 + 12]
