"""What to do about QEMU's last words, and who is in the way."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from podplane_tui.backend.qemu.diagnosis import (
    Diagnosis,
    diagnose,
    port_holder,
    port_holders,
    says_port_is_taken,
)

pytestmark = pytest.mark.usefixtures("require_qemu")

ACCELERATOR, TCG = "this accelerator does not work here", "use --accel tcg, or make it available"
LOCKED = '-hda x: Failed to get "write" lock'

PORT_TAKEN = "Could not set up host forwarding rule"
"""What QEMU says when it can't listen on one of its ports."""


@pytest.mark.parametrize(
    ("words", "meaning", "todo"),
    [
        (
            "qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory",
            "there is not enough memory",
            "give the VM less (-m), or end other programs",
        ),
        ("qemu-system-x86_64: invalid accelerator hvf", ACCELERATOR, TCG),
        ("Could not access KVM kernel module: Permission denied", ACCELERATOR, TCG),
        ("-hda /kvm/x: Could not open '/kvm/x': Permission denied", "", "check who owns the file and its mode"),
        ("failed to initialize kvm: Permission denied", ACCELERATOR, TCG),
        (
            "-drive: Could not open backing file: Could not open '/b': No such file or directory",
            "",
            "put the missing file back",
        ),
        ("qemu: could not load kernel 'k': No such file or directory", "", "check the paths of kernel and initrd"),
        (
            "Could not set up host forwarding rule 'tcp:127.0.0.1:1-:22'",
            "port 1 is taken by another program",
            "end it, or try again",
        ),
        (
            "system firmware block device has invalid size: device requires 3653632 bytes",
            "the UEFI variables are broken",
            "repair the VM",
        ),
        (LOCKED, "another process is using the disk", "end it first"),
        ("something new", "", "run podplane-tui doctor to check this host"),
    ],
)
def test_what_qemus_words_mean_and_what_to_do(words: str, meaning: str, todo: str, tmp_path: Path) -> None:
    assert diagnose(words, tmp_path / "image") == (meaning, todo)


def test_our_words_come_before_qemus() -> None:
    assert Diagnosis("the disk is damaged", "").explain("qemu: x") == "the disk is damaged: qemu: x"
    assert Diagnosis("", "").explain("qemu: x") == "qemu: x"


def test_who_listens_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        taken, idle = listening.getsockname()[1], bound.getsockname()[1]
        holders = port_holders([taken, idle])
        assert holders is not None
        assert holders.keys() == {taken}
        assert holders[taken].startswith(f"process {os.getpid()} (")
        assert port_holder(taken) == holders[taken]
        assert port_holder(idle) is None


def test_who_uses_the_disk_is_named_also_when_it_was_renamed(tmp_path: Path) -> None:
    disk, renamed = tmp_path / "disk", tmp_path / "renamed"
    disk.touch()
    renamed.hardlink_to(disk)
    holder = "import sys; file = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(disk)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        disk.unlink()
        assert diagnose(LOCKED, renamed).meaning.startswith(f"process {child.pid} (")
        assert diagnose(LOCKED, renamed).meaning.endswith(") is using the disk")
    assert diagnose(LOCKED, renamed).meaning == "another process is using the disk"
    assert diagnose(LOCKED, disk).meaning == "another process is using the disk"


def test_who_uses_the_disk_is_named_where_there_is_no_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    image = tmp_path / "image"
    image.touch()
    with image.open("rb"):
        assert diagnose(LOCKED, image).meaning.startswith(f"process {os.getpid()} (")
    assert diagnose(LOCKED, image).meaning == "another process is using the disk"


def test_who_has_the_port_qemu_wanted_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = f"{PORT_TAKEN} 'tcp:127.0.0.1:{port}-:22'"
        assert f"port {port} is taken by process {os.getpid()} (" in diagnose(words, tmp_path).meaning
    assert diagnose(words, tmp_path).meaning == f"port {port} is taken by another program"


@pytest.mark.parametrize("rest", ["", " 'unix:/x'", " 'tcp:127.0.0.1:-:22'", " 'tcp:127.0.0.1:123456-:22'"])
def test_a_port_that_is_not_told_is_some_port(rest: str, tmp_path: Path) -> None:
    found = diagnose(f"{PORT_TAKEN}{rest}", tmp_path)
    assert found == ("a port that QEMU needs is taken", "end the program that has it")


def test_of_several_words_the_first_in_the_table_counts(tmp_path: Path) -> None:
    words = "invalid accelerator kvm; Could not open '/x': Permission denied; No space left on device"
    assert diagnose(words, tmp_path).advice == TCG
    assert diagnose(words.partition(";")[2], tmp_path).advice == "check who owns the file and its mode"


def test_no_ports_have_no_holders() -> None:
    assert port_holders([]) == {}


def test_a_port_that_is_taken_is_told_from_other_words() -> None:
    assert says_port_is_taken(f"qemu: -nic user: {PORT_TAKEN} 'tcp:127.0.0.1:2222-:22'")
    assert not says_port_is_taken("qemu: Could not open backing file")
