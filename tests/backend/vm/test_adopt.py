"""The PID file of a VM that runs without one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.qemu.process import BOOT_ID_KEY, TICKS_KEY, QemuProcess, boot_id
from podplane_tui.backend.runtime.pidfile import PIDFile
from podplane_tui.backend.vm.adopt import adopt, is_named


@pytest.fixture
def files(tmp_path: Path) -> VMFiles:
    return VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run")


def process(*arguments: str, ticks: str = "77") -> QemuProcess:
    return QemuProcess(4711, ticks, 0.0, ("qemu-system-x86_64", *arguments), ())


def test_what_its_arguments_tell_is_written(files: VMFiles) -> None:
    adopt(
        files,
        process(
            *("-machine", "q35,accel=tcg", "-qmp", "unix:/r/a.qmp.sock,server=on,wait=off"),
            *("-serial", "unix:/r/c.sock,server=on,wait=off,logfile=/s/log,logappend=on"),
        ),
    )
    assert PIDFile.read(files.pid_file) == PIDFile(
        files.pid_file,
        4711,
        {
            BOOT_ID_KEY: boot_id(),
            TICKS_KEY: "77",
            "qmp": "/r/a.qmp.sock",
            "accel": "tcg",
            "console_log": "/s/log",
        },
    )


def test_what_they_do_not_tell_is_left_out(files: VMFiles) -> None:
    adopt(files, process())
    assert PIDFile.read(files.pid_file) == PIDFile(files.pid_file, 4711, {BOOT_ID_KEY: boot_id(), TICKS_KEY: "77"})


@pytest.mark.parametrize(
    ("pid", "data", "named"),
    [
        (4711, None, True),
        (4711, {"cpus": "2"}, True),
        (4711, {TICKS_KEY: "77"}, True),
        (4711, {TICKS_KEY: "78"}, False),
        (4711, {TICKS_KEY: "77", BOOT_ID_KEY: "of another boot"}, False),
        (4712, {TICKS_KEY: "77"}, False),
    ],
)
def test_a_file_that_names_the_process_stays_as_it_is(
    files: VMFiles, pid: int, data: dict[str, str] | None, named: bool
) -> None:
    PIDFile(files.pid_file, pid, data, {"unknown": 1}).write()
    before = files.pid_file.read_bytes()
    assert is_named(files, process()) is named
    adopt(files, process())
    assert (files.pid_file.read_bytes() == before) is named
    assert is_named(files, process())
    assert [path.name for path in files.pid_dir.iterdir()] == [files.pid_file.name]


@pytest.mark.parametrize("kind", ["junk", "link", "folder", "fifo"])
def test_what_is_no_pid_file_is_moved_aside(files: VMFiles, kind: str) -> None:
    files.pid_dir.mkdir(parents=True)
    path = files.pid_file
    if kind == "junk":
        path.write_text("precious")
    elif kind == "link":
        path.symlink_to("nowhere")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    mode = path.lstat().st_mode
    assert is_named(files, process()) is False
    adopt(files, process())
    assert is_named(files, process())
    [aside] = files.pid_dir.glob("*.broken-*")
    assert aside.lstat().st_mode == mode


def test_a_pid_file_that_can_not_be_written_is_said(files: VMFiles) -> None:
    files.runtime_dir.mkdir()
    files.pid_dir.write_text("no folder")
    with pytest.raises(CorruptFile, match="the PID file of podplane-local-a can't be written: "):
        adopt(files, process())
