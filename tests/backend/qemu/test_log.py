"""What QEMU printed when it gave its guest up."""

from __future__ import annotations

from pathlib import Path

import pytest

from podplane_tui.backend.qemu.log import failure_in, reason_in_log

REGISTERS = """\
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000663
ES =0000 00000000 0000ffff 00009300
DR6=00000000ffff0ff0 DR7=0000000000000400
Code=00 00 00 00 <cf> 00 00
"""


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("", ""),
        (
            f"KVM internal error. Suberror: 1\nemulation failure\n{REGISTERS}",
            "KVM internal error. Suberror: 1, emulation failure",
        ),
        (
            f"KVM: entry failed, hardware error 0x80000021\n\nIf you're running a guest on an Intel CPU\n{REGISTERS}",
            "KVM: entry failed, hardware error 0x80000021",
        ),
        (
            f"error: kvm run failed Function not implemented\n{REGISTERS}",
            "error: kvm run failed Function not implemented",
        ),
        (
            "error: kvm run failed Bad address\nKVM internal error. Suberror: 3\nextra data[0]: 0\n",
            "KVM internal error. Suberror: 3",
        ),
        ("qemu: warning: no pni\nsomething else\n", "something else"),
        (REGISTERS, ""),
        ("\x1b]0;owned\x07KVM internal error\x1b[31m\n", "KVM internal error"),
    ],
)
def test_why_qemu_gave_its_guest_up(printed: str, reason: str) -> None:
    assert failure_in(printed) == reason


def test_a_reason_is_short_and_from_the_end_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(
        b"KVM internal error. Suberror: 1\n"
        + b"\xff\n" * 100_000
        + b"error: "
        + b"x" * 1000
        + b"\n"
        + REGISTERS.encode()
    )
    reason = reason_in_log(log)
    assert reason.startswith("error: xxx")
    assert len(reason) == 200
    assert reason_in_log(tmp_path / "none") == ""
    assert reason_in_log(tmp_path) == ""
