"""`list` and `status`: what they print for people and as JSON."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any

import pytest

from podplane_tui.backend.core.paths import VMFiles, ca_certificate
from podplane_tui.backend.core.status import Action, Phase, Problem, Readiness, State, VMStatus
from podplane_tui.backend.recording.host_keys import learn
from podplane_tui.backend.runtime.local_server import LocalServer
from podplane_tui.cli.inspect import describe, describe_server, iso_time, say_server
from tests.backend.recording.support import key, recording, shown
from tests.cli.json_schema import check_object
from tests.cli.support import ESCAPES, Call, LiveVM, assert_refused, files_below, make_disk
from tests.conftest import Workspace


def as_json(call: Call, *arguments: str) -> Any:
    result = call(*arguments, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_an_empty_list_is_an_empty_array_and_a_hint(workspace: Workspace, call: Call) -> None:
    assert as_json(call, "list") == {"schema": 1, "vms": []}
    result = call("list")
    assert (result.returncode, result.stdout) == (0, "")
    assert str(workspace.data) in result.stderr
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]


def test_a_stopped_vm_as_json(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace, "dev")
    (vm,) = as_json(call, "list")["vms"]
    assert (vm["id"], vm["arch"], vm["name"]) == ("dev", "amd64", "podplane-local-dev")
    assert (vm["state"], vm["problems"]) == ("stopped", [])
    assert vm["disk_virtual_bytes"] == 2**30
    assert vm["disk_bytes"] == image.stat().st_blocks * 512
    assert all(vm[key] is None for key in ("pid", "started_at", "cpu_percent", "memory_bytes", "note", "readiness"))
    assert vm["paths"]["image"] == str(image)
    assert vm["paths"]["pid_file"] == str(workspace.runtime / "vms" / "podplane-local-dev.amd64.pid.json")
    assert set(vm["ports"].values()) == {None}
    assert as_json(call, "status", "--id", "dev", "--arch", "amd64") == {"schema": 1, **vm}


def test_list_can_be_narrowed(workspace: Workspace, call: Call) -> None:
    make_disk(workspace, "dev")
    make_disk(workspace, "dev", arch="arm64")
    make_disk(workspace, "prod")
    vms = as_json(call, "list", "--id", "dev")["vms"]
    assert [(vm["id"], vm["arch"]) for vm in vms] == [("dev", "amd64"), ("dev", "arm64")]


def test_the_table_lines_up(workspace: Workspace, call: Call) -> None:
    make_disk(workspace, "dev")
    make_disk(workspace, "a-much-longer-name")
    header, *rows = call("list").stdout.splitlines()
    assert header.split() == ["CLUSTER", "ARCH", "STATE", "CPU", "MEMORY", "DISK", "UPTIME", "SSH"]
    column = header.index("STATE")
    assert [row[column : column + 7] for row in rows] == ["stopped", "stopped"]


def test_status_of_a_machine_that_is_not_there(call: Call) -> None:
    assert_refused(call("status", "--id", "dev"), 1, "no VM dev")


def test_status_for_people(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    result = call("status")
    assert result.returncode == 0
    assert re.search(r"^state +stopped$", result.stdout, re.MULTILINE)
    assert str(image) in result.stdout


def test_a_host_key_that_is_not_the_known_one_is_told(workspace: Workspace, call: Call) -> None:
    make_disk(workspace, "dev")
    assert as_json(call, "status", "--id", "dev")["other_host_key"] is None
    files = VMFiles("amd64", "dev", workspace.data, workspace.runtime, workspace.state)
    path = recording(files, shown(key(1)) + shown(key(2)))
    learn(files, path)
    told = as_json(call, "status", "--id", "dev")["other_host_key"]
    assert (told["recording"], told["offset"]) == (path.name, len(path.read_bytes()) - 2)
    result = call("status", "--id", "dev")
    assert f"not the known one was shown on the console ({told['fingerprint']}, {path.name} up to" in result.stdout
    files.known_hosts.write_bytes(b"x" * 100_000)
    assert as_json(call, "status", "--id", "dev")["other_host_key"] is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"pid": "' + ESCAPES.encode() + b'"}', b'{"pid": 1e999}', b"[" * 60_000, b"\0" * 9]
)
def test_a_corrupt_pid_file_is_a_row_and_stays(workspace: Workspace, call: Call, content: bytes) -> None:
    make_disk(workspace)
    make_disk(workspace, "fine")
    pid_file = workspace.runtime / "vms" / "podplane-local-default.amd64.pid.json"
    pid_file.parent.mkdir()
    pid_file.write_bytes(content)
    states = {vm["id"]: vm for vm in as_json(call, "list")["vms"]}
    assert states["fine"]["state"] == "stopped"
    assert states["default"]["state"] == "broken"
    (problem,) = states["default"]["problems"]
    assert "pid.json" in problem["problem"]
    assert_refused(call("start"), 1, "pid.json")
    assert pid_file.read_bytes() == content


def test_bytes_that_are_no_text_are_printed_all_the_same(workspace: Workspace, call: Call) -> None:
    place = os.fsdecode(os.fsencode(workspace.root) + b"/\xff\xfe")
    assert call("list", "--data-dir", place).returncode == 0
    assert_refused(call("status", "--data-dir", place), 1, "no VM default", r"\udcff\udcfe")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, None), (0, "1970-01-01T00:00:00Z"), (1700000000.9, "2023-11-14T22:13:20Z"), (1e300, None), (-1e300, None)],
)
def test_times_are_iso_8601_as_far_as_calendars_go(seconds: float | None, told: str | None) -> None:
    assert iso_time(seconds) == told


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf])
def test_what_is_no_time_is_none(seconds: float) -> None:
    assert iso_time(seconds) is None


LOG = Path("/run/podplane/local-server.log")


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (LocalServer(False, LOG), "not running"),
        (LocalServer(False, LOG, problem=Problem("process 1 is \x1b[31mvim")), "not running: process 1 is vim"),
        (LocalServer(True, LOG, 7), "running as process 7"),
        (LocalServer(True, LOG, 7, https_port=443), "running as process 7, ports: https 443"),
        (LocalServer(True, LOG, 7, 80, 443, 4433), "running as process 7, ports: http 80, https 443, ingress 4433"),
    ],
)
def test_the_local_server_in_a_few_words(server: LocalServer, words: str) -> None:
    assert say_server(server) == words


def test_the_local_server_as_json_has_null_for_what_is_not_known() -> None:
    told = describe_server(LocalServer(False, LOG), Path("/data"))
    assert told.pop("ca_cert_file") == str(ca_certificate(Path("/data")))
    assert (told.pop("running"), told.pop("log_file")) == (False, str(LOG))
    assert told.pop("problems") == []
    assert set(told) == {"http_port", "https_port", "pid", "ingress_https_port"}
    assert set(told.values()) == {None}


def vm(state: State, **facts: Any) -> VMStatus:
    return VMStatus(VMFiles("amd64", "dev", Path("/data"), Path("/run/podplane")), state, **facts)


def test_a_live_vm_as_json() -> None:
    readiness = Readiness(((Phase.PROCESS, 0.0), (Phase.SSH, None)), (Phase.API,))
    action = Action("stop", 9, 0.0)
    told = describe(
        vm(
            State.STOPPING,
            problems=(Problem("bad", "repair it"), Problem("odd")),
            action=action,
            pid=7,
            started_at=4e9,
            cpu_percent=12.345,
            readiness=readiness,
        ),
        LocalServer(False, LOG),
    )
    assert (told["running"], told["state"], told["cpu_percent"]) == (True, "stopping", 12.3)
    assert told["problems"] == [{"problem": "bad", "hint": "repair it"}, {"problem": "odd", "hint": ""}]
    assert told["action"] == {"verb": "stop", "pid": 9, "started_at": "1970-01-01T00:00:00Z"}
    assert told["started_at"] == "2096-10-02T07:06:40Z"
    assert told["readiness"] == {
        "ready": False,
        "waiting_for": "Kubernetes API",
        "elapsed_seconds": 0.0,  # a clock that was put back makes no time negative
        "phases": [
            {"name": "process", "reached": True, "after_seconds": 0.0},
            {"name": "SSH", "reached": True, "after_seconds": None},
            {"name": "Kubernetes API", "reached": False, "after_seconds": None},
        ],
    }
    check_object("vm", told)


def test_it_has_every_name_of_podplanes_own_status(workspace: Workspace, call: Call) -> None:
    make_disk(workspace, "dev", arch="amd64")
    told = as_json(call, "status", "--id", "dev", "--arch", "amd64")
    assert {"cluster_id", "running", "vm", "local_server", "components"} <= set(told)
    assert (told["cluster_id"], told["running"]) == ("dev", False)
    assert told["local_server"]["running"] is False


def test_a_problem_has_a_column_of_its_own(workspace: Workspace, call: Call) -> None:
    make_disk(workspace, "fine")
    make_disk(workspace, "bad").write_bytes(b"\x1b[31mnot a disk")
    header, bad, fine = call("list").stdout.splitlines()
    assert header.endswith("PROBLEM")
    assert len(fine) < header.index("PROBLEM")
    assert "qcow2" in bad[header.index("PROBLEM") :]


@pytest.mark.usefixtures("live_vm")
def test_a_live_vm_for_people(call: Call, live_vm: LiveVM) -> None:
    result = call("status", "--arch", "amd64")
    assert re.search(rf"^process +{live_vm.pid}$", result.stdout, re.MULTILINE), result
    assert re.search(r"^state +orphaned$", result.stdout, re.MULTILINE)
    assert re.search(r"^started +\S+Z, \d+s ago$", result.stdout, re.MULTILINE)
    assert re.search(r"^local server +not running$", result.stdout, re.MULTILINE)
