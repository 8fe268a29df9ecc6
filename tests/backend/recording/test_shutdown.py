"""Whether a guest has switched its VM off, told by the end of what its console printed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.shutdown import powered_off
from podplane_tui.backend.recording.store import Source, begin, belongs_to
from podplane_tui.backend.runtime.pidfile import MAX_PID, PIDFile

LAST_WORDS = b"[   61.224093] reboot: Power down\r\n"
GONE = MAX_PID
"""A PID that no process has."""


@pytest.mark.parametrize(
    ("content", "off"),
    [
        (LAST_WORDS, True),
        (b"x" * 5000 + LAST_WORDS, True),
        (LAST_WORDS + b"\0" * 900, True),
        (LAST_WORDS + b"x" * 5000, False),
        (LAST_WORDS[:-6], False),
        (b"[   61.224093] reboot: Restarting system\r\n", False),
        (b"", False),
    ],
)
def test_the_end_of_the_console_tells(files: VMFiles, tmp_path: Path, content: bytes, off: bool) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(content)
    assert powered_off(files, PIDFile(files.pid_file, GONE, {"console_log": str(log)})) is off


@pytest.mark.parametrize("kind", ["nothing", "folder", "fifo", "link", "no name"])
def test_what_is_no_console_log_tells_nothing(files: VMFiles, tmp_path: Path, kind: str) -> None:
    log = tmp_path / "console.log"
    if kind == "folder":
        log.mkdir()
    elif kind == "fifo":
        os.mkfifo(log)
    elif kind == "link":
        (tmp_path / "other").write_bytes(LAST_WORDS)
        log.symlink_to("other")
    name = "a\0b" if kind == "no name" else str(log)
    assert powered_off(files, PIDFile(files.pid_file, GONE, {"console_log": name})) is False


def test_without_a_log_of_its_own_the_recording_of_its_process_counts(files: VMFiles) -> None:
    named = PIDFile(files.pid_file, GONE)
    assert powered_off(files, named) is False
    log = begin(files)
    log.write_bytes(LAST_WORDS)
    belongs_to(log, GONE - 1, Source.ATTACHED)
    named.write()
    os.utime(files.pid_file, (1000, 1000))
    assert powered_off(files, named) is False
    belongs_to(log, GONE, Source.ATTACHED)
    assert powered_off(files, named) is True
    os.utime(log, (900, 900))  # ended before this QEMU was started
    assert powered_off(files, named) is False
    os.utime(log, (1100, 1100))
    files.pid_file.unlink()
    assert powered_off(files, named) is False


def test_without_a_home_there_is_no_recording_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run")
    PIDFile(files.pid_file, GONE).write()
    assert powered_off(files, PIDFile(files.pid_file, GONE)) is False
