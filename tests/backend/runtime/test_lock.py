"""The lock: one verb at a time, between threads and processes, and it survives a killed holder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import Busy, CorruptFile
from podplane_tui.backend.core.file_lock import try_acquire
from podplane_tui.backend.runtime.lock import current_action, vm_lock

HOLDER = """
import sys, time
from pathlib import Path
from podplane_tui.backend.runtime.lock import vm_lock
with vm_lock(Path(sys.argv[1]), "start"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    return child


def test_the_holder_is_told_and_the_file_goes_with_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "vms" / "x.lock"
    with vm_lock(path, "stop"):
        action = current_action(path)
        assert action is not None
        assert (action.verb, action.pid) == ("stop", os.getpid())
        assert set(json.loads(path.read_bytes())) == {"verb", "pid", "since"}
    assert current_action(path) is None
    assert not path.exists()


@pytest.mark.slow
def test_a_second_verb_is_refused_and_told_which_is_in_progress(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    child = hold(path)
    try:
        with pytest.raises(Busy, match=f"'start' by process {child.pid}"), vm_lock(path, "stop"):
            pass
    finally:
        child.communicate(b"")
    with vm_lock(path, "stop"):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with hold(path) as child:
        child.send_signal(signal.SIGKILL)
    assert path.exists()
    assert current_action(path) is None
    with vm_lock(path, "stop"):
        pass
    assert not path.exists()


@pytest.mark.slow
def test_a_lock_that_took_the_place_of_ours_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with vm_lock(path, "stop"):
        path.unlink()  # by somebody who took it for a leftover
        child = hold(path)
    try:
        with pytest.raises(Busy, match=f"'start' by process {child.pid}"), vm_lock(path, "stop"):
            pass
    finally:
        child.communicate(b"")
    assert not path.exists()


def test_threads_exclude_each_other_and_all_get_their_turn(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        done = 0
        while done < 20:
            try:
                with vm_lock(path, "start"):
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()
                    done += 1
            except Busy:
                continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 80


@pytest.mark.parametrize("content", [b"", b"junk", b"[]", b'{"verb":1}', b"\xff" * 10_000])
def test_any_content_is_no_reason_to_fail(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.lock"
    path.write_bytes(content)
    assert current_action(path) is None
    with vm_lock(path, "start"):
        assert current_action(path) is not None


def test_a_directory_or_link_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "d.lock").mkdir()
    (tmp_path / "l.lock").symlink_to(tmp_path / "elsewhere")
    for name in ("d.lock", "l.lock"):
        assert current_action(tmp_path / name) is None
        with pytest.raises(CorruptFile, match=f"{name} is not a regular file"), vm_lock(tmp_path / name, "start"):
            pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"verb": "start"}', b'{"verb": "x", "pid": "y", "since": 1}'])
def test_a_held_lock_that_says_nothing_names_nobody(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.lock"
    handle = try_acquire(path)
    assert handle is not None
    try:
        os.write(handle, content)
        assert current_action(path) is None
        with pytest.raises(Busy, match=r"^another action is in progress on this VM: wait for it to end$"):
            vm_lock(path, "stop").__enter__()
    finally:
        os.close(handle)


def test_a_fifo_is_no_lock(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.lock")
    with pytest.raises(CorruptFile, match="is not a regular file"), vm_lock(tmp_path / "x.lock", "stop"):
        pass


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "vms").touch()
    with pytest.raises(CorruptFile, match=r"^the folder .*/vms/a can't be used: "):
        vm_lock(tmp_path / "vms" / "a" / "x.lock", "stop").__enter__()
