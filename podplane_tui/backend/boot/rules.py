"""What lines of a serial console mean, for guests of the usual distributions: pure tables of patterns.

Every line that means something holds a needle, a plain string that no colour breaks up; looking for those in a whole
block is what lets the parser pass over everything else. Texts are those of the Linux kernel, systemd, OpenRC,
cloud-init, GRUB, edk2 and the initial RAM disks of Debian, Ubuntu, Fedora (dracut) and Alpine.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum, StrEnum, auto


class StageName(StrEnum):
    """The stages of a boot; the value is shown."""

    FIRMWARE = "firmware"
    BOOTLOADER = "bootloader"
    KERNEL = "kernel"
    INITRAMFS = "initramfs"
    SYSTEMD = "systemd"
    OPENRC = "openrc"
    CLOUD_INIT_LOCAL = "cloud-init local"
    CLOUD_INIT = "cloud-init init"
    CLOUD_INIT_CONFIG = "cloud-init config"
    CLOUD_INIT_FINAL = "cloud-init final"
    LOGIN_PROMPT = "login prompt"
    SHUTDOWN = "shutdown"


RANKS = {
    StageName.FIRMWARE: 0,
    StageName.BOOTLOADER: 1,
    StageName.KERNEL: 2,
    StageName.INITRAMFS: 3,
    StageName.SYSTEMD: 4,
    StageName.OPENRC: 4,
    StageName.SHUTDOWN: 5,
}
"""The stages that follow one another. The others, cloud-init's and the prompt, run beside them."""


class FailureKind(StrEnum):
    """What went wrong; the value is shown."""

    UNIT = "unit"
    PANIC = "panic"
    OOPS = "oops"
    BUG = "bug"
    OUT_OF_MEMORY = "out of memory"
    EMERGENCY = "emergency shell"
    INITRAMFS = "initramfs shell"
    CLOUD_INIT = "cloud-init"
    FILE_SYSTEM = "file system"
    NO_SPACE = "no space"
    NOTHING_TO_BOOT = "nothing to boot"


class Does(Enum):
    """What a line does to the stages."""

    KERNEL = auto()
    BEGIN = auto()
    END = auto()
    IN_INITRD = auto()
    SWITCH_ROOT = auto()
    CLOUD_INIT = auto()
    PROMPT = auto()
    OVER = auto()
    REPLAY = auto()
    FAIL = auto()
    KEYS_BEGIN = auto()
    KEY = auto()
    KEYS_END = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """What a line does that holds `needle` and that `pattern` matches.

    The pattern stands for how the line begins, behind the kernel's time stamp and white space; with `anywhere` it is
    searched in the whole line.
    """

    needle: bytes
    pattern: re.Pattern[bytes]
    does: Does
    stage: StageName | None = None
    failure: FailureKind | None = None
    anywhere: bool = False
    until: float = math.inf
    """Boots of this rank or a higher one take nothing from it."""


CLOUD_INIT_STAGES = {
    b"init-local": StageName.CLOUD_INIT_LOCAL,
    b"init": StageName.CLOUD_INIT,
    b"modules:config": StageName.CLOUD_INIT_CONFIG,
    b"modules:final": StageName.CLOUD_INIT_FINAL,
}

_Texts = tuple[bytes, bytes]


def _begin(stage: StageName, *texts: _Texts) -> list[Rule]:
    rank = RANKS[stage]
    until = rank if rank > RANKS[StageName.BOOTLOADER] else math.inf  # firmware and bootloader begin another boot
    return [Rule(needle, re.compile(pattern), Does.BEGIN, stage=stage, until=until) for needle, pattern in texts]


def _end(stage: StageName, *texts: _Texts) -> list[Rule]:
    return [Rule(needle, re.compile(pattern), Does.END, stage=stage) for needle, pattern in texts]


def _fail(failure: FailureKind, *texts: _Texts) -> list[Rule]:
    return [Rule(needle, re.compile(pattern), Does.FAIL, failure=failure) for needle, pattern in texts]


def _fail_anywhere(failure: FailureKind, *texts: _Texts) -> list[Rule]:
    return [Rule(needle, re.compile(pattern), Does.FAIL, failure=failure, anywhere=True) for needle, pattern in texts]


def _rule(does: Does, needle: bytes, pattern: bytes) -> Rule:
    return Rule(needle, re.compile(pattern), does)


def _anywhere(does: Does, needle: bytes, pattern: bytes, stage: StageName | None = None) -> Rule:
    return Rule(needle, re.compile(pattern), does, stage=stage, anywhere=True)


# systemd shortens names with an ellipsis to fit 80 columns, so unit names and descriptions count from either end.
_OK = rb"\[ *OK *\] "
_FINISHED = _OK + rb"(?:Finished|Started) "
_UP_TARGETS = (b"multi-user.t", b"Multi-User System", b"graphical.t", b"Graphical Interface")
_UP = rb".*\bUp (?P<up>[0-9]{1,9}(?:\.[0-9]{1,6})?) seconds"

RULES: tuple[Rule, ...] = (
    *_begin(
        StageName.FIRMWARE,
        (b"SeaBIOS (", rb"SeaBIOS \(version"),
        (b"BdsDxe: ", rb"BdsDxe: "),
        (b"UEFI ", rb"UEFI (?:Interactive Shell v|firmware \(version)"),
        (b"iPXE ", rb"iPXE (?:\(|initialising|[0-9])"),
        (b">>Start ", rb">>Start (?:PXE|HTTP) "),
        (b"Booting from ", rb"Booting from (?:Hard Disk|DVD|ROM|Floppy)"),
    ),
    *_begin(
        StageName.BOOTLOADER,
        (b"GRUB", rb"GNU GRUB +version |Welcome to GRUB|GRUB loading"),
        (b"Booting `", rb"Booting `"),
        (b"Loading Linux ", rb"Loading Linux [0-9]"),
        (b"Loading initial ramdisk", rb"Loading initial ramdisk"),
        (b"LINUX ", rb"(?:SYS|EXT|ISO)LINUX [0-9]"),
        (b"EFI stub: ", rb"EFI stub: "),
    ),
    _rule(Does.KERNEL, b"Linux version ", rb"Linux version [0-9]"),
    *_end(StageName.KERNEL, (b"Run /", rb"Run /(?!init )\S+ as init process")),
    *_begin(
        StageName.INITRAMFS,
        (b"Run /", rb"Run /init as init process"),
        (b"Loading, ", rb"Loading, please wait\.\.\."),
        (b"Begin: ", rb"Begin: (?:Loading essential drivers|Running /scripts/|Mounting root file system)"),
        (b"Alpine Init ", rb"Alpine Init [0-9]"),
    ),
    _rule(Does.IN_INITRD, b"Running in init", rb"systemd\[1\]: Running in init(?:rd|ial RAM disk)"),
    _rule(Does.IN_INITRD, b"Welcome to ", rb"Welcome to .*\(Initramfs\)!"),
    _rule(Does.SWITCH_ROOT, b"Switching root", rb"systemd\[1\]: Switching root"),
    *_begin(
        StageName.SYSTEMD,
        (b"systemd[1]: Inserted", rb"systemd\[1\]: Inserted module"),
        (b" running in ", rb"systemd\[1\]: systemd [0-9]\S* running in "),
        (b"systemd[1]: Detected", rb"systemd\[1\]: Detected "),
        (b"Welcome to ", rb"Welcome to (?!.*\(Initramfs\)).{3,80}!$"),
    ),
    *_begin(StageName.OPENRC, (b"OpenRC", rb"OpenRC [0-9][0-9.]* is starting up")),
    *_end(
        StageName.SYSTEMD,
        *((target, _OK + rb"Reached target " + re.escape(target)) for target in _UP_TARGETS),
        (b"Startup finished", rb"systemd\[1\]: Startup finished in "),
    ),
    _anywhere(Does.CLOUD_INIT, b"Cloud-init v. ", rb"Cloud-init v\. \S+ running '(?P<stage>[a-z:-]+)' at " + _UP),
    _anywhere(Does.END, b"Cloud-init v. ", rb"Cloud-init v\. \S+ finished at " + _UP, stage=StageName.CLOUD_INIT_FINAL),
    *_end(
        StageName.CLOUD_INIT_LOCAL,
        (b"cloud-init-local", _FINISHED + rb"cloud-init-local"),
        (b"(pre-network", _FINISHED + rb".*\(pre-network"),
    ),
    *_end(
        StageName.CLOUD_INIT,
        (b"cloud-init-network", _FINISHED + rb"cloud-init-network"),
        (b"cloud-init.s", _FINISHED + rb"cloud-init\.s"),
        (b" crawler)", _FINISHED + rb".* crawler\)"),
        (b"Cloud-init: ", _FINISHED + rb".*Cloud-init: Network Stage"),
    ),
    *_end(
        StageName.CLOUD_INIT_CONFIG,
        (b"cloud-config.s", _FINISHED + rb"cloud-config\.s"),
        (b"specified in cloud-config", _FINISHED + rb".* specified in cloud-config"),
        (b"Cloud-init: ", _FINISHED + rb".*Cloud-init: Config Stage"),
    ),
    _anywhere(Does.PROMPT, b" login: ", rb"^\s*(?!Last )\S{1,64} login: "),
    _anywhere(Does.PROMPT, b"root@", rb"^root@[\w.-]{1,64}:\S{1,200}# "),  # a shell that asks for no name
    _rule(Does.PROMPT, b"to activate this", rb"Please press Enter to activate this console"),
    *_begin(
        StageName.SHUTDOWN,
        (b"systemd-logind", rb"systemd-logind\[[0-9]+\]: (?:Power key pressed|System is )"),
        (b"Shutting down.", rb"systemd\[1\]: Shutting down\."),
        (b"systemd-shutdown[", rb"systemd-shutdown\[1\]: "),
        *((target, _OK + rb"Stopped target " + re.escape(target)) for target in _UP_TARGETS),
        (b"The system ", rb"The system (?:is going down |will (?:reboot|power off|halt) now)"),
    ),
    _rule(Does.OVER, b"reboot: ", rb"reboot: (?P<how>Power down|Restarting system|System halted|machine restart)"),
    _rule(Does.OVER, b"sysrq: Reset", rb"sysrq: (?P<how>Reset)"),
    _anywhere(Does.REPLAY, b"dmesg", rb"[#$%>] .*\bdmesg\b"),
    *_fail(
        FailureKind.UNIT,
        (b"FAILED", rb"\[ *FAILED *\] "),
        (b" TIME ", rb"\[ *TIME *\] "),
        (b"Failed to start ", rb"systemd\[1\]: Failed to start "),
        (b" ERROR: ", rb"\* ERROR: "),
    ),
    *_fail(FailureKind.PANIC, (b"Kernel panic", rb"Kernel panic - not syncing")),
    *_fail(
        FailureKind.OOPS,
        (b"Oops", rb"(?:Internal error: )?Oops(?::| -) "),
        (b"general protection", rb"general protection fault"),
        (b"Unable to handle", rb"Unable to handle kernel "),
    ),
    *_fail(FailureKind.BUG, (b"BUG: ", rb"(?:\w+: )?BUG: "), (b"kernel BUG", rb"kernel BUG at ")),
    *_fail_anywhere(FailureKind.OUT_OF_MEMORY, (b"ut of memory: Kill", rb"[Oo]ut of memory: Kill(?:ed)? process ")),
    *_fail(
        FailureKind.EMERGENCY,
        (b"You are in ", rb"You are in (?:emergency|rescue) mode"),
        (b"Entering ", rb"Entering (?:emergency|rescue) mode"),
        (b"Welcome to ", rb"Welcome to (?:emergency|rescue) mode"),
        (b" for maintenance", rb"(?:Give root password|Press Enter) for maintenance"),
    ),
    *_fail(
        FailureKind.INITRAMFS,
        (b"(initramfs)", rb"\(initramfs\)"),
        (b"emergency recovery", rb"initramfs emergency recovery shell"),
    ),
    *_fail_anywhere(FailureKind.INITRAMFS, (b"Dropping to a shell!", rb"Dropping to a shell!")),
    *_fail(FailureKind.CLOUD_INIT, (b"Traceback (", rb"cloud-init\[[0-9]+\]: .*Traceback \(most recent call last\)")),
    *_fail_anywhere(
        FailureKind.CLOUD_INIT,
        (b".py[ERROR]", rb"\.py\[ERROR\]: "),
        (b".py[CRITICAL]", rb"\.py\[CRITICAL\]: "),
        (b".py[WARNING]", rb"\.py\[WARNING\]: .*(?:[Ff]ail|Unhandled|[Ii]nvalid)"),
    ),
    *_fail(
        FailureKind.FILE_SYSTEM,
        (b"EXT4-fs", rb"EXT4-fs (?:error |\(\S+\): (?:Remounting filesystem read-only|warning: mounting fs with er))"),
        (b"XFS (", rb"XFS \(\S+\): .*(?:[Cc]orrupt|I/O [Ee]rror|mount.* failed|[Ss]hutting down)"),
        (b"BTRFS", rb"BTRFS(?: error| critical|: error)"),
        (b"SQUASHFS", rb"SQUASHFS error"),
        (b"FAT-fs (", rb"FAT-fs \(\S+\): error"),
        (b"Cannot open root ", rb"VFS: Cannot open root device"),
    ),
    *_fail_anywhere(
        FailureKind.FILE_SYSTEM,
        (b"I/O error", rb"\bI/O error(?:,| on) (?:dev|logical)"),
        (b"UNEXPECTED INC", rb"UNEXPECTED INCONSISTENCY"),
    ),
    *_fail_anywhere(FailureKind.NO_SPACE, (b"o space left on", rb"[Nn]o space left on device")),
    *_fail(
        FailureKind.NOTHING_TO_BOOT,
        (b"No bootable ", rb"(?:BdsDxe: No bootable option|No bootable device)"),
        (b"UEFI ", rb"UEFI Interactive Shell v"),
    ),
    _anywhere(Does.KEYS_BEGIN, b"SSH HOST KEY KEYS-----", rb"-----BEGIN SSH HOST KEY KEYS-----"),
    _anywhere(
        Does.KEY,
        b" AAAA",
        rb"(?P<key>(?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]{3,60} AAAA[A-Za-z0-9+/]{16,3000}={0,2})(?:\s|$)",
    ),
    _anywhere(Does.KEYS_END, b"SSH HOST KEY KEYS-----", rb"-----END SSH HOST KEY KEYS-----"),
)

NEEDLES: dict[bytes, tuple[Rule, ...]] = {
    needle: tuple(rule for rule in RULES if rule.needle == needle)
    for needle in dict.fromkeys(rule.needle for rule in RULES)
}
"""The needles, and the rules for lines that hold one, in the order in which they apply."""
