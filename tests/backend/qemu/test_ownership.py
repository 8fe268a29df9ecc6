"""Whose QEMU it is: the decision alone. Real processes are in the fault matrix."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.host.holders import Opened
from podplane_tui.backend.qemu.ownership import Marks, is_settling, listens_at, own_qemu, owns
from podplane_tui.backend.qemu.process import Clock, QemuProcess, boot_id, create_ticks, look
from tests.stand_ins import STAND_IN, python_as

PROCESS = QemuProcess(4711, "77", 0.0, ("qemu-system-x86_64",), ())
CONSOLE, QMP = Path("/r/vms/podplane-local-a.amd64.console.sock"), Path("/r/vms/podplane-local-a.amd64.qmp.sock")
MARKS = Marks(Path("/d/vms/a"), (1, 2), (CONSOLE, QMP))
RECORDED = {"create_ticks": "77", "boot_id": boot_id()}


def opened(
    *listens: str | Path, writes: tuple[tuple[int, int], ...] = ((9, 9), (1, 2)), removed: tuple[str, ...] = ()
) -> Opened:
    return Opened(frozenset(writes), frozenset(removed), frozenset(map(str, listens)))


@pytest.mark.parametrize(
    ("evidence", "marks", "recorded", "own"),
    [
        (opened(CONSOLE), MARKS, None, True),
        (opened(QMP), MARKS, {"create_ticks": "1"}, True),
        (opened("/r//vms/./podplane-local-a.amd64.qmp.sock"), MARKS, None, True),
        (opened("/r/vms/podplane-local-b.amd64.console.sock"), MARKS, None, False),
        (opened("/r/vms/podplane-local-b.amd64.console.sock"), MARKS, RECORDED, False),
        (opened("/r/other.sock"), MARKS, RECORDED, True),
        (opened(), MARKS, RECORDED, True),
        (opened(), MARKS, None, False),
        (opened(), MARKS, {"create_ticks": "77"}, False),
        (opened(), MARKS, {"boot_id": boot_id()}, False),
        (opened(), MARKS, {**RECORDED, "create_ticks": "78"}, False),
        (opened(), MARKS, {**RECORDED, "boot_id": "another"}, False),
        (opened(CONSOLE, QMP, writes=((1, 3), (2, 2))), MARKS, RECORDED, False),
        (opened(CONSOLE, QMP, writes=()), MARKS, RECORDED, False),
        (opened(CONSOLE, writes=(), removed=("/d/vms/a",)), MARKS._replace(disk=None), None, True),
        (opened(CONSOLE, writes=(), removed=("/d/vms/a",)), MARKS, None, False),
        (opened(CONSOLE, removed=("/d/vms/b",)), MARKS._replace(disk=None), None, False),
        (None, MARKS, RECORDED, False),
    ],
)
def test_who_is_proved_to_be_a_vms_own(
    evidence: Opened | None, marks: Marks, recorded: Mapping[str, str] | None, own: bool
) -> None:
    assert owns(PROCESS, evidence, marks, recorded) is own


def test_a_socket_is_the_same_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "real" / "c.sock"))
        assert listens_at(opened(tmp_path / "real" / "c.sock"), [tmp_path / "link" / "c.sock"])
        assert not listens_at(opened(tmp_path / "real" / "c.sock"), [tmp_path / "link" / "d.sock"])
    assert listens_at(opened(tmp_path / "real" / "gone.sock"), [tmp_path / "link" / "gone.sock"])
    assert not listens_at(opened(tmp_path / "gone.sock"), [tmp_path / "link" / "gone.sock"])


@contextlib.contextmanager
def stand_in(tmp_path: Path, files: VMFiles, behaviour: str, *sockets: str) -> Iterator[int]:
    program = python_as(tmp_path / "programs" / "qemu-system-x86_64")
    command = [str(program), "-I", "-S", str(STAND_IN), behaviour, "-hda", str(files.image), *sockets]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        yield child.pid
        child.kill()


@pytest.fixture
def files(tmp_path: Path) -> VMFiles:
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run", tmp_path / "state")
    for directory in (files.image_dir, files.pid_dir):
        directory.mkdir(parents=True)
    files.image.write_bytes(b"QFI\xfb")
    return files


@pytest.mark.skipif(sys.platform != "linux", reason="the stand-ins are Linux's")
def test_it_is_found_by_its_socket_or_its_record_and_by_nothing_less(tmp_path: Path, files: VMFiles) -> None:
    serial = ("-serial", f"unix:{files.console},server=on")
    with stand_in(tmp_path, files, "{}", *serial) as pid:
        found = own_qemu(files, None, None)
        assert found is not None
        assert (found.pid, found.parent) == (pid, os.getpid())
        assert own_qemu(files, os.getpid(), None) == own_qemu(files, pid, {"create_ticks": "1"}) == found
        assert own_qemu(files._replace(cluster_id="b"), pid, None) is None
    assert own_qemu(files, pid, None) is None
    with stand_in(tmp_path, files, "{}") as pid:
        process = look(pid)
        assert process is not None
        assert own_qemu(files, pid, None) is None
        recorded = {"create_ticks": process.create_ticks, "boot_id": boot_id()}
        assert own_qemu(files, pid, recorded) is not None
        assert own_qemu(files, os.getpid(), recorded) is None


@pytest.mark.skipif(sys.platform != "linux", reason="the stand-ins are Linux's")
def test_who_only_reads_the_disk_is_not_its_own(tmp_path: Path, files: VMFiles) -> None:
    serial = ("-serial", f"unix:{files.console},server=on")
    recorded = {"boot_id": boot_id()}
    with stand_in(tmp_path, files, '{"disk_mode": "read"}') as pid:
        assert own_qemu(files, pid, {**recorded, "create_ticks": create_ticks(pid) or ""}) is None
    with stand_in(tmp_path, files, '{"disk_mode": "read"}', *serial) as pid:  # as QEMU does after a migration
        found = own_qemu(files, pid, None)
        assert found is not None
        assert found.pid == pid


@pytest.mark.skipif(sys.platform != "linux", reason="the stand-ins are Linux's")
@pytest.mark.parametrize(
    ("mode", "age", "settling"),
    [("no", 0, True), ("write", 0, True), ("read", 0, False), ("no", 3600, False), ("write", 3600, False)],
)
def test_one_that_has_just_begun_has_not_opened_its_disk_yet(
    tmp_path: Path, files: VMFiles, mode: str, age: int, settling: bool
) -> None:
    with stand_in(tmp_path, files, f'{{"disk_mode": "{mode}"}}') as pid:
        process = look(pid)
        assert process is not None
        clock, other = Clock(), files._replace(cluster_id="b")
        other.image.touch()
        later = clock._replace(since_boot=lambda: clock.since_boot() + age)
        assert is_settling(process, files, later) is settling
        assert not is_settling(process, other, later)


@pytest.mark.skipif(sys.platform != "linux", reason="the stand-ins are Linux's")
def test_one_that_has_its_disk_and_the_sockets_of_another_vm_is_not_about_to_be_ours(
    tmp_path: Path, files: VMFiles
) -> None:
    other = files._replace(cluster_id="b")
    with stand_in(tmp_path, files, "{}", "-serial", f"unix:{other.console},server=on") as pid:
        process = look(pid)
        assert process is not None
        assert not is_settling(process, files, Clock())
