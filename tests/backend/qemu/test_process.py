"""Which process is whose."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from podplane_tui.backend.core.errors import ForeignProcess
from podplane_tui.backend.qemu.process import (
    Clock,
    ProcessTable,
    QemuProcess,
    boot_id,
    create_ticks,
    is_qemu_program,
    listening,
    look,
    qemus,
)
from podplane_tui.backend.qemu.qmp import ControlSocket
from tests.conftest import suspend
from tests.stand_ins import python_as

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in's name is taken from its link on Linux")

SLEEPER = "import sys, time; print(flush=True); time.sleep(1000)"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "d,isk.qcow2"
    path.write_bytes(b"")
    return path


@pytest.fixture
def qemu(tmp_path: Path, disk: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of QEMU's name with `disk` among its arguments."""
    program = python_as(tmp_path / "programs" / "qemu-system-x86_64")
    operand = f"file={str(disk).replace(',', ',,')},if=virtio"
    command = [str(program), "-I", "-S", "-c", SLEEPER, "-drive", operand]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.kill()


def found(pid: int) -> QemuProcess:
    process = look(pid)
    assert process is not None
    return process


@pytest.mark.parametrize(
    ("name", "is_qemu"),
    [
        ("qemu-system-x86_64", True),
        ("/usr/bin/qemu-system-aarch64", True),
        ("/nix/store/x/bin/.qemu-system-x86_64-wrapped", True),
        ("/usr/libexec/qemu-kvm", True),
        ("qemu-img", False),
        ("/qemu-system-x86_64/vim", False),
        ("", False),
    ],
)
def test_what_is_a_qemu(name: str, is_qemu: bool) -> None:
    assert is_qemu_program(name) is is_qemu


def test_a_qemu_is_found_with_its_disk_whatever_the_path(
    qemu: subprocess.Popen[bytes], disk: Path, tmp_path: Path
) -> None:
    [process] = [p for p in ProcessTable().scan() if p.pid == qemu.pid]
    assert [p.create_ticks for p in qemus() if p.pid == qemu.pid] == [process.create_ticks]
    hard_link, other = tmp_path / "hard", tmp_path / "other"
    hard_link.hardlink_to(disk)
    other.write_bytes(b"")
    assert process.names_disk(disk)
    assert process.names_disk(hard_link)
    assert not process.names_disk(other)
    disk.unlink()
    hard_link.unlink()
    assert process.names_disk(disk)  # QEMU still has it open


def test_other_processes_are_none_of_ours() -> None:
    assert look(os.getpid()) is None
    assert look(1) is None
    assert look(2**31 - 1) is None


def test_recorded_identity_has_to_agree(qemu: subprocess.Popen[bytes]) -> None:
    process = found(qemu.pid)
    assert process.is_named(qemu.pid, None)
    assert process.is_named(qemu.pid, {"create_ticks": process.create_ticks, "boot_id": boot_id()})
    assert not process.is_named(qemu.pid, {"create_ticks": "1"})
    assert not process.is_named(qemu.pid, {"boot_id": "another"})


def test_who_started_a_qemu_and_waits_for_it_means_it_too(qemu: subprocess.Popen[bytes]) -> None:
    process = found(qemu.pid)
    assert process.parent == os.getpid()
    assert process.is_named(os.getpid(), None)
    assert process.is_named(os.getpid(), {"create_ticks": create_ticks(os.getpid()) or "", "boot_id": boot_id()})
    assert not process.is_named(os.getpid(), {"create_ticks": process.create_ticks})
    assert not process.is_named(os.getppid(), None)


def test_a_zombie_is_not_alive(qemu: subprocess.Popen[bytes]) -> None:
    process = found(qemu.pid)
    assert process.alive()
    qemu.kill()
    os.waitid(os.P_PID, qemu.pid, os.WEXITED | os.WNOWAIT)
    assert not process.alive()
    assert create_ticks(qemu.pid) is None
    assert look(qemu.pid) is None
    assert process.send(signal.SIGTERM) is False


def test_reused_pid_is_not_signalled(qemu: subprocess.Popen[bytes]) -> None:
    live = found(qemu.pid)
    former = QemuProcess(live.pid, "1", live.started_at, live.arguments, live.disks)
    assert not former.alive()
    assert former.send(signal.SIGKILL) is False
    assert qemu.poll() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not signal")
def test_a_process_of_another_user_is_said_to_be_that(qemu: subprocess.Popen[bytes]) -> None:
    process = found(qemu.pid)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        try:
            process.send(signal.SIGTERM)
        except ForeignProcess:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert qemu.poll() is None


def test_suspended(qemu: subprocess.Popen[bytes]) -> None:
    process = found(qemu.pid)
    assert not process.suspended()
    suspend(qemu.pid)
    assert process.suspended()
    assert process.alive()


def test_start_time_is_that_of_the_process_and_age_no_affair_of_the_wall_clock(qemu: subprocess.Popen[bytes]) -> None:
    process = found(qemu.pid)
    assert abs(process.started_at - psutil.Process(qemu.pid).create_time()) < 5
    far = Clock(wall=lambda: time.time() + 1e9)
    assert 0 <= process.age(far) < 60


def test_the_table_examines_a_process_once(qemu: subprocess.Popen[bytes]) -> None:
    table = ProcessTable()
    first = next(p for p in table.scan() if p.pid == qemu.pid)
    assert next(p for p in table.scan() if p.pid == qemu.pid) is first


@pytest.mark.parametrize(("age", "scans"), [(0, 1), (3600, 5)])
def test_a_process_that_becomes_a_qemu_is_noticed(tmp_path: Path, disk: Path, age: int, scans: int) -> None:
    program = python_as(tmp_path / "programs" / "qemu-system-x86_64")
    become = (
        "import os, sys; print(flush=True); sys.stdin.readline();"
        f"os.execv({str(program)!r}, [{str(program)!r}, '-I', '-S', '-c', {SLEEPER!r}, '-drive', 'file={disk}'])"
    )
    table = ProcessTable(Clock(since_boot=lambda: time.clock_gettime(time.CLOCK_BOOTTIME) + age))
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", become], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        for _ in range(5):
            assert child.pid not in {p.pid for p in table.scan()}
        child.stdin.write(b"\n")
        child.stdin.flush()
        child.stdout.readline()
        assert child.pid in {p.pid for _ in range(scans) for p in table.scan()}
        child.kill()


def test_the_table_knows_who_was_suspended(qemu: subprocess.Popen[bytes]) -> None:
    table = ProcessTable()
    process = next(p for p in table.scan() if p.pid == qemu.pid)
    assert not table.suspended(process)
    suspend(qemu.pid)
    table.scan()
    assert table.suspended(process)


def test_the_table_looks_at_one_process_alone(qemu: subprocess.Popen[bytes]) -> None:
    table = ProcessTable()
    process = table.look(qemu.pid)
    assert process is not None
    assert process._replace(started_at=0) == found(qemu.pid)._replace(started_at=0)  # measured at each look
    assert not table.suspended(process)
    assert table.look(os.getpid()) is None
    assert process in table.scan()
    suspend(qemu.pid)
    again = table.look(qemu.pid)
    assert again is process  # its arguments are not read again
    assert table.suspended(process)
    qemu.kill()
    qemu.wait()
    assert table.look(qemu.pid) is None


def test_what_a_qemu_has_open_is_remembered_while_we_are_out_of_descriptors(
    qemu: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = ProcessTable()
    process = next(each for each in table.scan() if each.pid == qemu.pid)
    before = table.opened(process)
    assert before is not None

    def refuse(*_arguments: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    for name in ("unix_listeners", "opened_by"):
        with monkeypatch.context() as patch:
            patch.setattr(f"podplane_tui.backend.qemu.process.{name}", refuse)
            table.scan()
        assert table.opened(process) == before
    monkeypatch.setattr("podplane_tui.backend.qemu.process.unix_listeners", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        listening()


def test_a_control_socket_in_the_directory_of_qemu_is_found_from_here(tmp_path: Path) -> None:
    program = python_as(tmp_path / "programs" / "qemu-system-x86_64")
    command = [str(program), "-I", "-S", "-c", SLEEPER, "-qmp", "unix:q.sock,server=on"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert found(child.pid).control == ControlSocket(tmp_path / "q.sock", child.pid)
        child.kill()
