"""Recordings: what is read of them, their life, how much is kept."""

from __future__ import annotations

import base64
import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.console.relay import Ending, relay
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.qemu.process import boot_id, create_ticks
from podplane_tui.backend.recording.file import RecordingReader
from podplane_tui.backend.recording.store import (
    HowEnded,
    Limits,
    Recorder,
    Source,
    begin,
    belongs_to,
    boots_in,
    current_recording,
    discard,
    finish,
    keep_within,
    past_boots,
    recorded,
    recordings,
)
from podplane_tui.backend.ssh.known_hosts import HostKeys, read_host_keys
from tests.backend.recording.support import MB
from tests.backend.recording.support import can_punch as can_punch  # noqa: PLC0414 - other tests import it from here


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for a machine's QEMU: recordings only look at whether it lives."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def made(files: VMFiles, content: bytes, pid: int | None = None) -> Path:
    path = begin(files)
    path.write_bytes(content)
    if pid is not None:
        belongs_to(path, pid)
    return path


def test_one_of_a_process_that_was_gone_before_is_not_of_one_that_lives(
    files: VMFiles, stranger: subprocess.Popen[bytes]
) -> None:
    stranger.kill()
    stranger.wait()
    made(files, b"hello", stranger.pid)
    [recording] = recordings(files)
    assert not recording.live
    assert recording.ended_at is not None


def test_a_recordings_life(files: VMFiles, stranger: subprocess.Popen[bytes]) -> None:
    assert recordings(files) == ()
    path = made(files, b"first words", stranger.pid)
    assert path.parent == files.recordings_dir
    for each in (path, path.with_suffix(".json")):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.recordings_dir.stat().st_mode) == 0o700

    (recording,) = recordings(files)
    assert (recording.path, recording.size, recording.pid) == (path, 11, stranger.pid)
    assert recording.live
    assert recording.complete_from_power_on
    assert abs(recording.started_at - time.time()) < 60
    finish(files, HowEnded.KILL)
    assert recordings(files) == (recording,)  # it still runs: nothing to note

    stranger.kill()
    stranger.wait()
    (ended,) = recordings(files)  # nobody has noted the end yet
    assert (ended.ended_at, ended.how_ended) == (path.stat().st_mtime, None)
    before = time.time()
    finish(files, HowEnded.TERMINATE)
    finish(files, HowEnded.KILL)  # what is noted stays
    (noted,) = recordings(files)
    assert noted == replace(ended, ended_at=noted.ended_at, how_ended=HowEnded.TERMINATE, boots=1)
    assert noted.ended_at is not None
    assert noted.ended_at >= before  # and not when it last printed, which may be days ago
    assert json.loads(path.with_suffix(".json").read_bytes())["ended_at"] == noted.ended_at
    discard(path)


def test_the_newest_is_the_one_made_last_whatever_the_clock_says(
    files: VMFiles, stranger: subprocess.Popen[bytes]
) -> None:
    files.recordings_dir.mkdir(parents=True)
    ahead = files.recordings_dir / "29991231T235959.999999Z.raw"  # made when the clock was ahead
    ahead.write_bytes(b"older")
    first, second = made(files, b"old", stranger.pid), made(files, b"new", stranger.pid)
    assert [recording.path for recording in recordings(files)] == [second, first, ahead]
    for recording in recordings(files)[:2]:
        assert abs(recording.started_at - time.time()) < 600
    stranger.kill()
    stranger.wait()
    keep_within(files, Limits(boots=1))
    assert [recording.path for recording in recordings(files)] == [second]


def test_a_name_that_none_can_come_after_keeps_nothing_from_beginning(files: VMFiles) -> None:
    files.recordings_dir.mkdir(parents=True)
    (files.recordings_dir / "99991231T235959.999999Z.raw").touch()
    assert made(files, b"new").exists()
    assert len(recordings(files)) == 2


def test_what_was_not_seen_to_end_ended_with_its_last_output(files: VMFiles, stranger: subprocess.Popen[bytes]) -> None:
    path = made(files, b"hello\n", pid=stranger.pid)
    stranger.kill()
    stranger.wait()
    finish(files)
    (noted,) = recordings(files)
    assert (noted.ended_at, noted.how_ended) == (path.stat().st_mtime, HowEnded.GONE)
    discard(path)
    assert list(files.recordings_dir.iterdir()) == []


@pytest.mark.parametrize(
    "number", ["-1", "1e999", "NaN", '"1"', "[]", *(pytest.param("1" + n * "0", id=f"1e{n}") for n in (400, 4200))]
)
def test_numbers_that_can_not_be_are_none(files: VMFiles, number: str) -> None:
    path = made(files, b"hello")
    times = f'"started_at": {number}, "ended_at": {number}'
    about = f'{{"pid": {number}, "boots": {number}, {times}, "boot_id": "{boot_id()}"}}'
    path.with_suffix(".json").write_text(about)
    (found,) = recordings(files)
    assert (found.pid, found.boots, found.ended_at) == (None, None, path.stat().st_mtime)
    assert abs(found.started_at - time.time()) < 600


def test_the_newest_comes_first_and_what_is_no_recording_is_left_out(files: VMFiles) -> None:
    first, second = made(files, b"1"), made(files, b"2")
    (files.recordings_dir / "notes.raw").write_bytes(b"not ours")
    (files.recordings_dir / "20260101T000000.000000Z.raw").mkdir()
    (files.recordings_dir / "20260101T000001.000000Z.raw").symlink_to("/etc/passwd")
    assert [r.path for r in recordings(files)] == [second, first]
    second.with_suffix(".json").write_bytes(b"\xff{")
    assert [r.path for r in recordings(files)] == [second, first]


KEY = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519" + bytes(36)).decode()
SHOWN = b"Cloud-init v. 22.4.2 running 'modules:final' at noon. Up 9.00 seconds\n"
SHOWN += f"-----BEGIN SSH HOST KEY KEYS-----\n{KEY} root@host\n-----END SSH HOST KEY KEYS-----\n".encode()
RESTART = b"[    0.000000] Linux version 6.1\n[    9.000000] reboot: Restarting system\n"


def test_boots_are_counted_and_host_keys_kept_at_the_end(files: VMFiles) -> None:
    made(files, RESTART + RESTART + b"[    0.000000] Linux version 6.1\n")
    made(files, SHOWN + RESTART)
    finish(files)
    newer, older = recordings(files)
    assert (newer.boots, older.boots) == (1, 3)
    assert [boot.number for _, boot in past_boots(files)] == [1, 3, 2, 1]
    assert read_host_keys(files.known_hosts) == HostKeys((KEY,), verified=True)
    assert stat.S_IMODE(files.known_hosts.stat().st_mode) == 0o600
    assert [len(keep_within(files, Limits(boots=1))), len(recordings(files))] == [1, 1]


def test_boots_behind_a_hole_are_found(files: VMFiles) -> None:
    path = made(files, RESTART)
    with path.open("r+b") as file:
        file.truncate(MB)
        file.seek(0, os.SEEK_END)
        file.write(b"\n[FAILED] Failed to start x.\n")
    (recording,) = recordings(files)
    boot = boots_in(recording)[-1]
    assert [failure.offset for failure in boot.failures] == [MB + 1]


def test_old_boots_make_room(files: VMFiles) -> None:
    paths = [made(files, b"x") for _ in range(5)]
    assert len(keep_within(files, Limits(boots=3))) == 2
    assert [r.path for r in recordings(files)] == paths[:1:-1]
    assert not paths[0].exists()
    assert not paths[0].with_suffix(".json").exists()


def test_old_bytes_make_room_but_never_those_of_a_live_machine(
    files: VMFiles, stranger: subprocess.Popen[bytes]
) -> None:
    live = made(files, bytes(1000), stranger.pid)
    old = made(files, bytes(1000))
    newer = made(files, bytes(1000))
    keep_within(files, Limits(size=1500))
    assert [r.path for r in recordings(files)] == [newer, old, live]
    keep_within(files, Limits(size=1000))
    assert [r.path for r in recordings(files)] == [newer, live]


@pytest.mark.usefixtures("trimming")
def test_a_live_recording_over_its_cap_keeps_beginning_and_end(
    files: VMFiles, stranger: subprocess.Popen[bytes]
) -> None:
    content = b"".join(b"%015d\n" % number for number in range(6 * MB // 16))
    path = made(files, content, stranger.pid)
    with path.open("ab") as qemu:
        assert keep_within(files, Limits(size=4 * MB)) == (
            f"the recording {path.name} is larger than 4 MB: its middle was removed",
        )
        qemu.write(b"and on\n")
    content += b"and on\n"
    (recording,) = recordings(files)
    assert recording.hole == (1 * MB, 4 * MB)
    assert recording.size == 3 * MB + 7
    assert recording.complete_from_power_on
    assert keep_within(files, Limits(size=4 * MB)) == ()

    with RecordingReader(path) as reader:
        chunks = list(iter(reader.read, None))
    read = b"".join(chunk.data for chunk in chunks)
    assert read == content[: 1 * MB] + content[4 * MB :]
    assert all(content[chunk.offset :].startswith(chunk.data) for chunk in chunks)


def running(files: VMFiles, pid: int, *arguments: str) -> VMStatus:
    return VMStatus(files, State.RUNNING, pid=pid, arguments=("qemu-system-x86_64", *arguments))


def test_who_attaches_to_a_machine_that_is_not_recorded_records_it(
    files: VMFiles, stranger: subprocess.Popen[bytes]
) -> None:
    vm = running(files, stranger.pid, "-serial", f"unix:{files.console},server=on,wait=off")
    assert current_recording(vm) is None
    for words in (b"one ", b"two"):
        recorder = Recorder.of(vm)
        assert recorder is not None
        recorder.write(words)
        recorder.close()
        recorder.write(b"not any more")
    recording = current_recording(vm)
    assert recording is not None
    assert (recording,) == recordings(files)
    assert (recording.source, recording.complete_from_power_on) == (Source.ATTACHED, False)
    assert recording.create_ticks == create_ticks(stranger.pid)
    assert recording.path.read_bytes() == b"one two"


def test_an_attached_console_is_shown_and_recorded(files: VMFiles, stranger: subprocess.Popen[bytes]) -> None:
    ours, guest = socket.socketpair()
    keyboard, screen = os.pipe(), os.pipe()
    ours.setblocking(False)
    guest.sendall(b"what the guest prints\r\n")
    guest.close()
    with ours, recorded(running(files, stranger.pid)) as record:
        assert relay(ours, input_fd=keyboard[0], output_fd=screen[1], record=record) is Ending.CLOSED
    assert os.read(screen[0], 100) == b"what the guest prints\r\n"
    (recording,) = recordings(files)
    assert recording.path.read_bytes() == b"what the guest prints\r\n"
    for handle in (*keyboard, *screen):
        os.close(handle)


def test_a_machine_that_records_itself_is_not_recorded_twice(files: VMFiles, stranger: subprocess.Popen[bytes]) -> None:
    path = made(files, b"x", stranger.pid)
    vm = running(files, stranger.pid, "-serial", f"unix:/c,server=on,wait=off,logfile={path},logappend=on")
    assert Recorder.of(vm) is None
    recording = current_recording(vm)
    assert recording is not None
    assert recording.path == path
    assert current_recording(replace(vm, pid=None)) is None


def test_where_nothing_can_be_written_nothing_is_recorded(files: VMFiles, stranger: subprocess.Popen[bytes]) -> None:
    files.recordings_dir.parent.mkdir(parents=True)
    files.recordings_dir.write_bytes(b"in the way")
    assert Recorder.of(running(files, stranger.pid)) is None
    with pytest.raises(OSError, match="Not a directory"):
        begin(files)
