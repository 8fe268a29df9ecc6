"""Who changes a file keeps others from changing it meanwhile, in threads and processes alike."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from podplane_tui.backend.core import file_lock
from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.file_lock import alone, release, try_acquire

_COUNTING = """
import sys
from pathlib import Path
from podplane_tui.backend.core.file_lock import alone
from podplane_tui.backend.core.files import PowerCut, write_atomic
path = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
for _ in range(50):
    with alone(path.with_name("lock")):
        write_atomic(path, str(int(path.read_text()) + 1).encode(), mode=0o600, after=PowerCut.ANYTHING)
"""


@pytest.mark.slow
def test_processes_lose_nothing_to_each_other(tmp_path: Path) -> None:
    path = tmp_path / "number"
    path.write_text("0")
    command = [sys.executable, "-c", _COUNTING, str(path)]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
    for child in children:
        with child:
            assert child.wait() == 0
    assert path.read_text() == "150"
    assert list(tmp_path.iterdir()) == [path]


def during(monkeypatch: pytest.MonkeyPatch, module: object, other: Callable[[], object]) -> threading.Thread:
    """Have `other` run in a thread between the look at a file and its first write by `module`, as far as it can."""
    thread, waits, acquire_now = threading.Thread(target=other), threading.Event(), file_lock.try_acquire
    write_now = module.write_atomic  # type: ignore[attr-defined]

    def acquire(path: Path) -> int | None:
        handle = acquire_now(path)
        if handle is None:
            waits.set()
        return handle

    def write(path: Path, content: bytes, *, mode: int) -> None:
        if thread.ident is None:
            thread.start()
            while thread.is_alive() and not waits.wait(0.01):
                pass
        write_now(path, content, mode=mode)

    monkeypatch.setattr(file_lock, "try_acquire", acquire)
    monkeypatch.setattr(module, "write_atomic", write)
    return thread


def test_a_lock_that_is_held_for_good_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lock, "_PATIENCE", 0.0)
    lock = tmp_path / "new" / "lock"
    with alone(lock), pytest.raises(TimeoutError, match="another program holds its lock: end that"), alone(lock):
        pass
    assert not lock.exists()
    with alone(lock):
        pass


def test_a_file_that_was_replaced_meanwhile_locks_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    first = try_acquire(lock)
    assert first is not None
    assert try_acquire(lock) is None
    lock.unlink()
    second = try_acquire(lock)
    assert second is not None
    release(lock, first)  # which is not the one that is there
    assert lock.exists()
    release(lock, second)
    assert not lock.exists()


def test_what_is_no_file_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to("elsewhere")
    with pytest.raises(CorruptFile, match="is not a regular file"), alone(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()
