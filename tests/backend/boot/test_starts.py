"""Where boots begin, to the byte."""

from __future__ import annotations

import pytest

from podplane_tui.backend.boot.starts import RESET_NOTE, BootStarts

KERNEL = b"[    0.000000] Linux version 6.1.0\r\n[    0.000000] Command line: quiet\r\n"
RESTARTED = b"$ reboot -f\r\n[   12.345678] reboot: Restarting system\r\n"


def starts(data: bytes, size: int) -> list[int]:
    """Where boots begin when the bytes come in pieces of a size, each known when it is given."""
    finder, found = BootStarts(), list[int]()
    for place in range(0, len(data), size):
        piece = data[place : place + size]
        found += [place + start for start in finder.within(piece)]
        finder.take(piece)
    return found


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (RESTARTED, b"Tiny Linux"),
        (b"x[    1.000000][ T1] reboot: machine restart\n", b"Tiny Linux"),
        (b"\r\nreboot: Restarting system with command 'now'\r\n", b"Tiny Linux"),
        (b"[    1.000000] sysrq: Resetting\r\n", b"Tiny Linux"),
        (b"half a line" + RESET_NOTE, b"Tiny Linux"),
        (b"old\r\n", KERNEL),
        (b"old\r\n", b"[    0.000000] Booting Linux on physical CPU 0x0\r\n"),
        (b"old\r\n", b"[    0.000000][    T0] Linux version 6.1.0\r\n"),
        (b"old\x1bc\x1b[2J", b"SeaBIOS (version 1.16)\r\n"),
        (b"\x1b[2J\x1b[01;01H", b"BdsDxe: loading Boot0001\r\n"),
        (b"", b"UEFI firmware (version edk2) \r\n"),
    ],
)
def test_a_boot_begins(before: bytes, behind: bytes) -> None:
    data = before + behind
    assert starts(data, len(data)) == [len(before)]
    for size in range(1, len(data)):
        (found,) = starts(data, size)
        # What ends a run is known before the next byte comes; a first line is known as soon as it is one.
        late = 0 if behind.startswith(b"Tiny") else 40
        assert len(before) <= found <= len(before) + late


@pytest.mark.parametrize(
    "data",
    [
        b"plain text\r\n",
        b"$ grep 'reboot: Restarting system' log\r\n",
        b"\x1b[H[    0.000000] Linux version 6.1.0 (in less)\r\n",
        b"[    5.000000] Linux version\r\n",
        b"Welcome to Linux version 6.1\r\n",
    ],
)
def test_no_boot_begins(data: bytes) -> None:
    assert starts(data, len(data)) == starts(data, 1) == []


def test_several_begin_and_none_before_there_is_a_byte_of_it() -> None:
    data = RESTARTED + KERNEL + RESTARTED
    assert starts(data, len(data)) == [len(RESTARTED)]
    assert starts(data + KERNEL + RESTARTED + b"x", 1000)[-1] == len(data + KERNEL + RESTARTED)
    assert len(starts(data + KERNEL, 1000)) == 2
