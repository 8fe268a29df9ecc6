"""`watch`: lines as things change on disk, and how it ends."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from podplane_tui.backend.core.paths import VMFiles
from tests.cli.json_schema import check_lines, check_object
from tests.cli.support import assert_refused, make_disk, run
from tests.conftest import Workspace
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

Watch = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def watch(workspace: Workspace) -> Iterator[Watch]:
    """Start the real program, its output in a pipe."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "podplane_tui", "watch", "--arch", "amd64", "--interval", "0.1", *options]
        process = subprocess.Popen(
            command, env=workspace.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def output(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def told(process: subprocess.Popen[str]) -> tuple[str, str, str, dict[str, Any]]:
    """The next line: event, cluster, state, and the whole machine."""
    line = json.loads(output(process).readline())
    check_object("watch", line)
    return line["event"], line["vm"]["id"], line["vm"]["state"], line["vm"]


def ended(process: subprocess.Popen[str]) -> int:
    code = process.wait(60)
    assert process.stderr is not None
    assert process.stderr.read() == ""
    return code


def files(workspace: Workspace, cluster_id: str) -> VMFiles:
    return VMFiles("amd64", cluster_id, workspace.data, workspace.runtime)


def dead_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def write_pid_file(workspace: Workspace, cluster_id: str) -> Path:
    path = files(workspace, cluster_id).pid_file
    path.parent.mkdir(exist_ok=True)
    record = {"pid": dead_process(), "image_path": str(files(workspace, cluster_id).image)}
    path.write_text(json.dumps(record))
    return path


def test_every_change_is_a_line_as_it_happens(workspace: Workspace, watch: Watch) -> None:
    make_disk(workspace, "one")
    process = watch("--json")
    event, cluster_id, state, vm = told(process)
    assert (event, cluster_id, state) == ("found", "one", "stopped")
    assert vm["paths"]["image"] == str(files(workspace, "one").image)
    pid_file = write_pid_file(workspace, "one")
    assert told(process)[:3] == ("changed", "one", "crashed")
    pid_file.unlink()
    assert told(process)[:3] == ("changed", "one", "stopped")
    disk = make_disk(workspace, "two")
    assert told(process)[:2] == ("found", "two")
    disk.unlink()
    while (seen := told(process))[0] == "changed":  # qemu-img makes a disk in steps
        pass
    assert seen[:2] == ("gone", "two")


def grow(disk: Path) -> None:
    with disk.open("ab") as file:
        file.write(b"x" * 1_000_000)


def test_a_changed_number_alone_is_no_change_unless_asked_for(workspace: Workspace, watch: Watch) -> None:
    disk = make_disk(workspace, "one")
    without, with_metrics = watch("--json"), watch("--json", "--metrics")
    before = [told(process) for process in (without, with_metrics)]
    assert [event for event, *_ in before] == ["found", "found"]
    grow(disk)
    seen = told(with_metrics)
    assert seen[0] == "changed"
    assert seen[3]["disk_bytes"] > before[1][3]["disk_bytes"]
    for _ in range(3):  # the other one has looked meanwhile, if not more often
        grow(disk)
        assert told(with_metrics)[0] == "changed"
    write_pid_file(workspace, "one")
    assert told(without)[:3] == ("changed", "one", "crashed")


def test_with_an_id_it_is_about_that_cluster(workspace: Workspace, watch: Watch) -> None:
    make_disk(workspace, "one")
    make_disk(workspace, "two")
    process = watch("--json", "--id", "two")
    assert told(process)[:2] == ("found", "two")
    write_pid_file(workspace, "one")
    write_pid_file(workspace, "two")
    assert told(process)[:3] == ("changed", "two", "crashed")


def test_lines_for_people(workspace: Workspace, watch: Watch) -> None:
    make_disk(workspace, "one")
    process = watch()
    assert output(process).readline().split("  ")[1:] == ["one.amd64", "stopped\n"]
    write_pid_file(workspace, "one")
    assert output(process).readline().split("  ", 2)[2].startswith("crashed: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_it_well(workspace: Workspace, watch: Watch, number: signal.Signals) -> None:
    make_disk(workspace, "one")
    process = watch("--json", "--interval", "3600")
    assert told(process)[0] == "found"
    process.send_signal(number)
    assert ended(process) == 0
    assert output(process).read() == ""


def test_a_reader_who_leaves_ends_it_well_though_nothing_happens(workspace: Workspace, watch: Watch) -> None:
    make_disk(workspace, "one")
    process = watch("--json", "--interval", "3600")
    assert told(process)[0] == "found"
    output(process).close()
    assert ended(process) == 0


def test_a_signal_ends_it_though_nobody_takes_what_it_writes(workspace: Workspace, watch: Watch) -> None:
    disk = make_disk(workspace, "m0")
    for number in range(1, 60):
        shutil.copy(disk, files(workspace, f"m{number}").image)
    process = watch("--json", "--interval", "3600")

    def waiting() -> int:
        (count,) = struct.unpack("i", fcntl.ioctl(output(process), termios.FIONREAD, b"\0" * 4))
        return int(count)

    wait_until(lambda: waiting() > 40_000, "as much as a pipe holds")
    process.send_signal(signal.SIGTERM)
    assert ended(process) == 0
    lines = list(output(process))
    check_lines("watch", 0, lines)  # each of them whole
    assert 10 < len(lines) < 60


@pytest.mark.parametrize("value", ["0", "-1", "soon", "1e9"])
def test_an_interval_that_makes_no_sense_is_refused(workspace: Workspace, value: str) -> None:
    assert_refused(run(workspace, "watch", "--interval", value), 2, "--interval")
