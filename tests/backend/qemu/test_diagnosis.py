"""What to do about QEMU's last words, and who is in the way."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from podplane_tui.backend.qemu.diagnosis import advice, port_holder, port_holders, says_port_is_taken

pytestmark = pytest.mark.usefixtures("require_qemu")

LOCKED = '-hda x: Failed to get "write" lock'

PORT_TAKEN = "Could not set up host forwarding rule"
"""What QEMU says when it can't listen on one of its ports."""


@pytest.mark.parametrize(
    ("words", "todo"),
    [
        ("qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory", "less (-m)"),
        ("qemu-system-x86_64: invalid accelerator hvf", "--accel tcg"),
        ("Could not access KVM kernel module: Permission denied", "--accel tcg"),
        ("-hda /kvm/x: Could not open '/kvm/x': Permission denied", "owner"),
        ("failed to initialize kvm: Permission denied", "--accel tcg"),
        ("-drive: Could not open backing file: Could not open '/b': No such file or directory", "put the missing file"),
        ("qemu: could not load kernel 'k': No such file or directory", "kernel"),
        ("Could not set up host forwarding rule 'tcp:127.0.0.1:1-:22'", "port 1 is taken by"),
        ("system firmware block device has invalid size: device requires 3653632 bytes", "repair"),
        ('-hda x: Failed to get "write" lock', "end it first"),
        ("something new", ""),
    ],
)
def test_what_to_do_about_qemus_words(words: str, todo: str, tmp_path: Path) -> None:
    answer = advice(words, tmp_path / "image")
    if todo == "owner":
        assert answer == "check who owns the file and its mode"
    else:
        assert todo in answer if todo else not answer


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
        assert advice(LOCKED, renamed).startswith(f"process {child.pid} (")
        assert advice(LOCKED, renamed).endswith(") uses the disk: end it first")
    assert advice(LOCKED, renamed) == "another process uses the disk: end it first"
    assert advice(LOCKED, disk) == "another process uses the disk: end it first"


def test_who_has_the_port_qemu_wanted_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = f"{PORT_TAKEN} 'tcp:127.0.0.1:{port}-:22'"
        assert f"port {port} is taken by process {os.getpid()} (" in advice(words, tmp_path)
    assert f"port {port} is taken by another program: end it, or try again" == advice(words, tmp_path)


@pytest.mark.parametrize("rest", ["", " 'unix:/x'", " 'tcp:127.0.0.1:-:22'", " 'tcp:127.0.0.1:123456-:22'"])
def test_a_port_that_is_not_told_is_some_port(rest: str, tmp_path: Path) -> None:
    assert advice(f"{PORT_TAKEN}{rest}", tmp_path) == "a port it needs is taken: end the program that has it"


def test_of_several_words_the_first_in_the_table_counts(tmp_path: Path) -> None:
    words = "invalid accelerator kvm; Could not open '/x': Permission denied; No space left on device"
    assert "--accel tcg" in advice(words, tmp_path)
    assert advice(words.partition(";")[2], tmp_path) == "check who owns the file and its mode"


def test_no_ports_have_no_holders() -> None:
    assert port_holders([]) == {}


def test_a_port_that_is_taken_is_told_from_other_words() -> None:
    assert says_port_is_taken(f"qemu: -nic user: {PORT_TAKEN} 'tcp:127.0.0.1:2222-:22'")
    assert not says_port_is_taken("qemu: Could not open backing file")
