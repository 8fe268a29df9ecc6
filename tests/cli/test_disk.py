"""`set`, `grow` and `snapshot`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings
from tests.cli.support import Call, LiveVM, assert_refused, files_below, make_disk
from tests.conftest import Workspace

# -- set --------------------------------------------------------------------------------------------------------------


def remembered(workspace: Workspace) -> ClusterSettings:
    return read_settings(VMFiles("amd64", "default", workspace.data, workspace.runtime))


def test_set_shows_what_is_set_and_the_rest_is_default(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    result = call("set", "--arch", "amd64")
    assert (result.returncode, result.stdout.split()) == (
        0,
        ["cpus", "default", "memory", "default", "user-data", "default"],
    )
    assert files_below(workspace.root / "state") == []
    result = call("set", "--arch", "amd64", "--cpus", "4", "--memory", "512M")
    assert result.stdout.split() == ["cpus", "4", "memory", "512M", "user-data", "default"]
    assert call("set", "--arch", "amd64", "--memory", "").stdout.split()[:4] == ["cpus", "4", "memory", "default"]
    assert remembered(workspace) == ClusterSettings(cpus="4")


def test_user_data_is_remembered_wherever_it_was_named_from(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    seed = workspace.root / "seed.yaml"
    seed.write_text("#cloud-config\n")
    result = call("set", "--arch", "amd64", "--user-data", "seed.yaml", cwd=workspace.root)
    assert result.stdout.splitlines()[-1] == f"user-data  {seed}"
    assert remembered(workspace).user_data == str(seed)
    assert_refused(call("set", "--arch", "amd64", "--user-data", "/nowhere"), 2, "/nowhere")
    assert remembered(workspace).user_data == str(seed)
    call("set", "--arch", "amd64", "--user-data", "")
    assert remembered(workspace).user_data == ""


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--cpus", "many", "number of CPUs 'many'"),
        ("--cpus", "0", "number of CPUs '0'"),
        ("--memory", "lots", "memory size 'lots'"),
        ("--memory", "-1G", "memory size '-1G'"),
    ],
)
def test_what_qemu_would_refuse_is_not_remembered(
    workspace: Workspace, call: Call, option: str, value: str, words: str
) -> None:
    make_disk(workspace)
    assert_refused(call("set", "--arch", "amd64", option, value), 2, f"invalid {words}")
    assert remembered(workspace) == ClusterSettings()


def test_nothing_is_remembered_of_a_vm_that_is_not_there(workspace: Workspace, call: Call) -> None:
    assert_refused(call("set", "--id", "dev", "--cpus", "4"), 1, "no VM dev", "podplane-tui list")
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]


# -- grow -------------------------------------------------------------------------------------------------------------


def test_a_disk_grows(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    result = call("grow", "--arch", "amd64", "3G")
    assert (result.returncode, result.stdout) == (0, "the disk of podplane-local-default has 3G now\n")
    assert read_image(image).virtual_bytes == 3 * 2**30


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("512M", "has 1G and can only grow"),
        ("1G", "has 1G and can only grow"),
        ("0", "invalid disk size '0'"),
        ("-2G", "invalid disk size '-2G'"),
        ("big", "invalid disk size 'big'"),
        ("", "invalid disk size ''"),
        ("1e9G", "invalid disk size '1e9G'"),
    ],
)
def test_a_disk_only_grows_and_to_sizes(workspace: Workspace, call: Call, size: str, words: str) -> None:
    image = make_disk(workspace)
    content = image.read_bytes()
    assert_refused(call("grow", "--arch", "amd64", "--", size), 2, words)
    assert image.read_bytes() == content


def test_a_disk_that_is_in_use_or_not_there_does_not_grow(workspace: Workspace, call: Call, live_vm: LiveVM) -> None:
    assert_refused(call("grow", "--arch", "amd64", "2G"), 1, f"running as process {live_vm.pid}", "stop it")
    assert_refused(call("grow", "--id", "dev", "2G"), 1, "no disk")


# -- snapshot ---------------------------------------------------------------------------------------------------------


def names(call: Call) -> list[str]:
    found = json.loads(call("snapshot", "list", "--json", "--arch", "amd64").stdout)
    return [item["name"] for item in found["snapshots"]]


@pytest.mark.slow
def test_a_snapshot_is_taken_listed_and_deleted(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    assert call("snapshot", "take", "--arch", "amd64", "one").stdout == "took snapshot one of podplane-local-default\n"
    call("snapshot", "take", "--arch", "amd64", "before-upgrade")
    found = json.loads(call("snapshot", "list", "--arch", "amd64", "--json").stdout)["snapshots"]
    assert [item["name"] for item in found] == ["one", "before-upgrade"]
    rows = [line.split() for line in call("snapshot", "list", "--arch", "amd64").stdout.splitlines()]
    assert rows == [[item["name"], item["taken_at"]] for item in found]
    assert datetime.fromisoformat(rows[0][1]).tzinfo is not None
    assert_refused(call("snapshot", "take", "--arch", "amd64", "one"), 1, "already has a snapshot 'one'")
    result = call("snapshot", "delete", "--arch", "amd64", "--yes", "one")
    assert result.stdout == "deleted snapshot one of podplane-local-default\n"
    assert names(call) == ["before-upgrade"]


def test_no_snapshots_are_a_hint_and_an_empty_array(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    result = call("snapshot", "list", "--arch", "amd64")
    assert (result.returncode, result.stdout) == (0, "")
    assert "has no snapshots" in result.stderr
    told = json.loads(call("snapshot", "list", "--arch", "amd64", "--json").stdout)
    assert told == {"schema": 1, "id": "default", "arch": "amd64", "snapshots": []}


def write(image: os.PathLike[str], byte: str) -> None:
    command = ["qemu-io", "-f", "qcow2", "-c", f"write -q -P {byte} 0 64k", os.fspath(image)]
    subprocess.run(command, check=True, capture_output=True)


def holds(image: os.PathLike[str], byte: str) -> bool:
    command = ["qemu-io", "-f", "qcow2", "-c", f"read -P {byte} 0 64k", os.fspath(image)]
    return b"Pattern verification failed" not in subprocess.run(command, check=False, capture_output=True).stdout


def test_a_restored_disk_is_what_it_was(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    write(image, "0xaa")
    call("snapshot", "take", "--arch", "amd64", "one")
    write(image, "0xbb")
    assert_refused(call("snapshot", "restore", "--arch", "amd64", "one"), 2, "--yes")
    assert holds(image, "0xbb")
    result = call("snapshot", "restore", "--arch", "amd64", "--yes", "one")
    assert result.stdout == "the disk of podplane-local-default is that of snapshot one again\n"
    assert holds(image, "0xaa")


@pytest.mark.parametrize("verb", ["restore", "delete"])
def test_a_snapshot_that_is_not_there_is_told_with_those_that_are(workspace: Workspace, call: Call, verb: str) -> None:
    make_disk(workspace)
    call("snapshot", "take", "--arch", "amd64", "one")
    assert_refused(call("snapshot", verb, "--arch", "amd64", "--yes", "two"), 1, "no snapshot 'two'", "use one of one")


@pytest.mark.parametrize("name", ["", "1", "a b", "-x", "a/b", "é", "x" * 65])
def test_a_name_that_qemu_might_take_for_something_else_is_refused(workspace: Workspace, call: Call, name: str) -> None:
    make_disk(workspace)
    assert_refused(call("snapshot", "take", "--arch", "amd64", "--", name), 2, "invalid snapshot name")
    assert names(call) == []


@pytest.mark.parametrize(("answer", "left"), [("n\n", ["one"]), ("\n", ["one"]), ("y\n", [])])
def test_a_snapshot_is_deleted_after_a_yes_alone(
    workspace: Workspace, call: Call, answer: str, left: list[str]
) -> None:
    make_disk(workspace)
    call("snapshot", "take", "--arch", "amd64", "one")
    ours, theirs = os.openpty()
    os.write(ours, answer.encode())
    with open(theirs) as terminal, pytest.MonkeyPatch.context() as patch:  # noqa: PTH123 - a descriptor, not a path
        patch.setattr(sys, "stdin", terminal)
        result = call("snapshot", "delete", "--arch", "amd64", "one")
    os.close(ours)
    assert "Delete snapshot one of podplane-local-default for good?" in result.stdout
    assert result.returncode == (1 if left else 0)
    assert ("nothing was changed" in result.stderr) is bool(left)
    assert names(call) == left
