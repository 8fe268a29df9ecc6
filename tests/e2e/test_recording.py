"""Recordings of real machines: from the first byte, with nothing lost or doubled, through to the end."""

from __future__ import annotations

import json
import re
import stat
import threading
from collections.abc import Iterator

import pytest

from podplane_tui.backend import Cluster, DirectBootOptions, StartSettings, StopTimeouts
from podplane_tui.backend.recording_file import follow
from podplane_tui.backend.recordings import HowEnded, Source, current_recording, recorded, recordings
from tests.conftest import Workspace
from tests.guest.boot import Serial
from tests.guest.tiny import PROMPT, READY, TinyGuest

pytestmark = [pytest.mark.vm, pytest.mark.usefixtures("require_qemu")]

AT_ONCE = StopTimeouts(powerdown=0)


@pytest.fixture
def cluster(workspace: Workspace) -> Iterator[Cluster]:
    made = Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id="a", arch="amd64")
    made.create(None)
    yield made
    if made.qemu.running():
        made.stop(timeouts=AT_ONCE)


def settings(guest: TinyGuest, cmdline: str) -> StartSettings:
    boot = DirectBootOptions(str(guest.kernel), str(guest.initramfs), f"{guest.cmdline} {cmdline}")
    return StartSettings(network=False, memory="256M", cpus="1", boot=boot)


def test_a_guest_that_numbers_its_lines_is_recorded_whole(cluster: Cluster, tiny_guest: TinyGuest) -> None:
    cluster.start(settings(tiny_guest, "tiny.flood=20000"))
    vm = cluster.snapshot()
    assert vm is not None
    recording = current_recording(vm)
    assert recording is not None
    assert json.loads(cluster.files.pid_file.read_bytes())["data"]["console_log"] == str(recording.path)
    assert stat.S_IMODE(recording.path.stat().st_mode) == 0o600
    assert recording.complete_from_power_on
    with recorded(vm) as record:
        assert record is None  # QEMU does it

    ready = threading.Event()
    text = bytearray()
    for chunk in follow(recording.path, ended=lambda: not cluster.qemu.running(), cancel=ready):
        assert chunk.offset == len(text)
        text += chunk.data
        if READY.encode() in text:
            ready.set()
    numbers = [int(number) for number in re.findall(rb"flood line (\d{8})\r\r?\n", bytes(text))]
    assert numbers == list(range(1, 20001))

    client = Serial(cluster.files.console)
    client.send("echo so $((40 + 2))\n")
    client.wait_for(r"^so 42\r?$")
    client.wait_for(PROMPT)
    client.close()
    cluster.stop()
    (ended,) = recordings(cluster.files)
    assert (ended.how_ended, ended.source, ended.live) == (HowEnded.POWERDOWN, Source.QEMU, False)
    content = ended.path.read_bytes()
    assert content.startswith(bytes(text))
    assert b"so 42" in content[len(text) :]  # what the client read is on record too, and what came after it left


def test_a_start_that_fails_leaves_no_recording(cluster: Cluster, tiny_guest: TinyGuest) -> None:
    broken = DirectBootOptions(str(cluster.files.image), str(tiny_guest.initramfs), "")
    with pytest.raises(Exception, match="QEMU"):
        cluster.start(StartSettings(network=False, memory="64M", boot=broken))
    assert list(cluster.files.recordings_dir.iterdir()) == []
