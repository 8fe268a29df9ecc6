"""What a VM that has ended leaves behind: what is told, what is removed, what is moved aside."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.runtime.leftovers import clear, is_foreign, leftovers, remove_leftovers, temporaries
from podplane_tui.backend.runtime.pidfile import MAX_PID, PIDFile
from podplane_tui.backend.runtime.ports import write_state_file


@pytest.fixture
def files(tmp_path: Path) -> VMFiles:
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run")
    for folder in (files.image_dir, files.pid_dir, files.state_file.parent):
        folder.mkdir(parents=True)
    return files


def leave_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def link_to_a_pid_file(path: Path) -> None:
    PIDFile(path.with_name("elsewhere"), 1).write()
    path.symlink_to("elsewhere")


def test_a_vm_that_left_nothing_has_no_leftovers(tmp_path: Path) -> None:
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run")
    assert leftovers(files) == ()
    remove_leftovers(files)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_are_what_stands_there_whatever_it_is(files: VMFiles) -> None:
    stale = files.image_dir / f".{files.image.name}.{MAX_PID}-1.tmp"
    for path in (stale, files.image, files.state_file, files.lock, files.qemu_log):
        path.touch()
    files.pid_file.symlink_to("nowhere")
    files.console.mkdir()
    leave_socket(files.qmp)
    assert leftovers(files) == (files.pid_file, files.console, files.qmp, stale)


def test_only_temporary_files_of_makers_that_are_gone_and_of_this_vm_are_abandoned(files: VMFiles) -> None:
    abandoned = {
        path.with_name(f".{path.name}.{MAX_PID}-1.tmp")
        for path in (files.image, files.seed, files.efivars, files.pid_file, files.state_file)
    }
    others = {
        files.seed.with_name(f".{files.seed.name}.{os.getpid()}-1.tmp"),
        files.seed.with_name(f".podplane-local-ab.amd64.cloudinitdata.iso.{MAX_PID}-1.tmp"),
        files.seed.with_name(f"{files.seed.name}.{MAX_PID}-1.tmp"),
        files.console.with_name(f".{files.console.name}.{MAX_PID}-1.tmp"),
    }
    for path in abandoned | others:
        path.touch()
    assert set(temporaries(files)) == abandoned
    remove_leftovers(files)
    assert temporaries(files) == ()
    assert all(path.exists() for path in others)


@pytest.mark.parametrize(
    ("name", "make", "foreign"),
    [
        ("pid_file", lambda path: PIDFile(path, 1).write(), False),
        ("pid_file", lambda path: path.write_text("{"), True),
        ("pid_file", lambda path: path.mkdir(), True),
        ("pid_file", os.mkfifo, True),
        ("pid_file", link_to_a_pid_file, True),
        ("state_file", lambda path: write_state_file(path, "a", Ports(ssh=1)), False),
        ("state_file", lambda path: path.write_text("[]"), True),
        ("qemu_log", lambda path: path.write_bytes(b"\xff"), False),
        ("qemu_log", lambda path: path.symlink_to("/etc/passwd"), True),
        ("console", leave_socket, False),
        ("console", lambda path: path.touch(), True),
        ("qmp", leave_socket, False),
        ("qmp", os.mkfifo, True),
        ("pid_file", lambda _path: None, False),
        ("console", lambda _path: None, False),
    ],
)
def test_what_is_not_what_its_name_says_is_moved_aside(
    files: VMFiles, name: str, make: Callable[[Path], object], foreign: bool
) -> None:
    path: Path = getattr(files, name)
    make(path)
    kind = path.lstat().st_mode if os.path.lexists(path) else None
    assert is_foreign(files, path) is foreign
    aside = clear(files, path)
    assert not os.path.lexists(path)
    assert (aside is not None) is foreign
    if aside is not None:
        assert aside.name.startswith(f"{path.name}.broken-")
        assert aside.lstat().st_mode == kind


def test_a_name_below_a_file_is_not_foreign(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run")
    assert is_foreign(files, files.pid_file) is False


def test_removing_leaves_the_disk_the_state_file_and_the_lock(files: VMFiles) -> None:
    kept = (files.image, files.seed, files.efivars, files.state_file, files.lock)
    for path in (*kept, files.qemu_log):
        path.touch()
    PIDFile(files.pid_file, 1).write()
    leave_socket(files.console)
    files.qmp.write_text("precious")
    remove_leftovers(files)
    assert all(path.exists() for path in kept)
    [aside] = set(files.pid_dir.iterdir()) - {files.lock}
    assert aside.name.startswith(f"{files.qmp.name}.broken-")
    assert aside.read_text() == "precious"
