"""Recordings of real machines: from the first byte, with nothing lost or doubled, through to the end."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import stat
import threading
from collections.abc import Iterator

import pytest

from podplane_tui.backend import Cluster, Control, DirectBootOptions, StartFailed, StartSpec, StopTimeouts
from podplane_tui.backend.recording.file import follow
from podplane_tui.backend.recording.store import HowEnded, Source, boots_in, current_recording, recorded, recordings
from podplane_tui.backend.vm.create import EMPTY_DISK
from tests.conftest import Workspace
from tests.guest.boot import Serial
from tests.guest.tiny import PROMPT, READY, TinyGuest

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300), pytest.mark.usefixtures("require_qemu")]

AT_ONCE = StopTimeouts(powerdown=0)


@pytest.fixture
def cluster(workspace: Workspace) -> Iterator[Cluster]:
    made = Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id="a", arch="amd64")
    made.create(EMPTY_DISK)
    yield made
    if made.qemu.running():
        made.stop(timeouts=AT_ONCE)


def settings(guest: TinyGuest, cmdline: str) -> StartSpec:
    boot = DirectBootOptions(str(guest.kernel), str(guest.initramfs), f"{guest.cmdline} {cmdline}")
    return StartSpec(network=False, memory="256M", cpus="1", boot=boot)


def test_a_guest_that_numbers_its_lines_is_recorded_whole(cluster: Cluster, tiny_guest: TinyGuest) -> None:
    cluster.start(settings(tiny_guest, "tiny.flood=20000"))
    vm = cluster.status()
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


def test_a_panic_is_told_and_the_restart_is_another_boot(cluster: Cluster, tiny_guest: TinyGuest) -> None:
    """The kernel resets the machine a second after a panic; QEMU, and the recording, go on."""
    guest = dataclasses.replace(tiny_guest, cmdline=tiny_guest.cmdline.removesuffix(" quiet"))
    cluster.start(settings(guest, "panic=1"))
    client = Serial(cluster.files.console, timeout=30)
    client.wait_for_prompt()
    client.send("dmesg | head -3\n")
    client.wait_for(PROMPT)
    client.send("echo c > /proc/sysrq-trigger\n")
    client.wait_for(READY)
    client.close()
    cluster.stop(timeouts=AT_ONCE)

    (recording,) = recordings(cluster.files)
    assert recording.boots == 2
    content = recording.path.read_bytes()
    first, second = boots_in(recording)
    assert [stage.name for stage in first.stages] == ["kernel", "initramfs", "login prompt"]
    (panic,) = first.failures
    assert (panic.kind.value, panic.at is not None) == ("panic", True)
    assert b"Kernel panic - not syncing: sysrq triggered crash" in content.split(b"\n")[panic.line - 1]
    assert content[panic.offset :].startswith(content.split(b"\n")[panic.line - 1])
    assert content[second.offset :].startswith(b"[    0.000000] Linux version ")
    assert second.failures == ()


def test_where_nothing_can_be_recorded_the_machine_starts_all_the_same(cluster: Cluster, workspace: Workspace) -> None:
    shutil.rmtree(workspace.root / "state")
    (workspace.root / "state").write_bytes(b"in the way")
    steps: list[str] = []
    cluster.start(StartSpec(network=False, memory="64M"), control=Control(report=steps.append))
    assert [step for step in steps if step.startswith("the console can't be recorded: ")]
    vm = cluster.status()
    assert vm is not None
    assert current_recording(vm) is None


def test_a_start_that_fails_leaves_no_recording(cluster: Cluster, tiny_guest: TinyGuest) -> None:
    broken = DirectBootOptions(str(cluster.files.image), str(tiny_guest.initramfs), "")
    with pytest.raises(StartFailed, match="QEMU ended at once"):
        cluster.start(StartSpec(network=False, memory="64M", boot=broken))
    assert list(cluster.files.recordings_dir.iterdir()) == []
