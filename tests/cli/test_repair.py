"""`repair` and `adopt`: what they say, do and leave alone."""

from __future__ import annotations

import json

from tests.cli.support import Call, LiveVM, assert_needs_a_running_vm, assert_refused, make_disk
from tests.conftest import Workspace


def test_nothing_to_repair(workspace: Workspace, call: Call) -> None:
    assert_refused(call("repair", "--yes"), 1, "no VM default")
    make_disk(workspace)
    result = call("repair")
    assert (result.returncode, result.stdout) == (0, "nothing is wrong with podplane-local-default\n")


def test_repair_says_what_it_does_and_keeps_the_disk(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    content = image.read_bytes()
    pid_file = workspace.runtime / "vms" / "podplane-local-default.amd64.pid.json"
    pid_file.parent.mkdir()
    pid_file.write_text('{"pid":1,"data":null}')
    assert_refused(call("repair"), 2, "--yes")
    assert pid_file.exists()
    result = call("repair", "--yes")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"remove {pid_file.name}" in result.stdout
    assert f"{pid_file.name} was removed" in result.stdout
    assert (pid_file.exists(), image.read_bytes()) == (False, content)
    assert json.loads(call("list", "--json").stdout)[0]["state"] == "stopped"


def test_repair_leaves_a_broken_disk_to_its_owner(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    image.write_bytes(b"\x1b[31mnot a disk")
    result = call("repair", "--yes")
    assert result.returncode == 1
    assert "left to you" in result.stdout
    assert image.read_bytes() == b"\x1b[31mnot a disk"


def test_adopt_refuses_a_stopped_vm(workspace: Workspace, call: Call) -> None:
    assert_needs_a_running_vm(workspace, call, "adopt")


def test_adopt_writes_the_pid_file_of_a_vm_that_runs_without_one(
    workspace: Workspace, call: Call, live_vm: LiveVM
) -> None:
    assert json.loads(call("list", "--json").stdout)[0]["state"] == "orphaned"
    result = call("adopt", "--arch", "amd64")
    assert (result.returncode, result.stdout) == (0, f"podplane-local-default runs as process {live_vm.pid}\n"), result
    pid_file = workspace.runtime / "vms" / "podplane-local-default.amd64.pid.json"
    assert json.loads(pid_file.read_text())["pid"] == live_vm.pid


def test_leaks_are_looked_for_where_nothing_else_is_wrong(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    assert_refused(call("repair", "--leaks"), 2, "--yes")
    result = call("repair", "--leaks", "--yes")
    assert (result.returncode, result.stderr) == (0, ""), result
    assert result.stdout.startswith("this will be done:\n  free what the disk has lost\n")
