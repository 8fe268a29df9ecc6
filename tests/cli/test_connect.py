"""`console`, `shell` and `wait`: what they refuse and how they end."""

from __future__ import annotations

import pytest

from podplane_tui.backend.console.claim import take
from podplane_tui.backend.core.paths import VMFiles
from tests.cli.support import Call, assert_needs_a_running_vm, assert_refused, make_disk
from tests.conftest import Workspace


@pytest.mark.parametrize("verb", ["console", "shell"])
def test_verbs_for_running_machines_refuse_stopped_ones(workspace: Workspace, call: Call, verb: str) -> None:
    assert_needs_a_running_vm(workspace, call, verb, "not running")


def test_console_ask_says_who_is_asked(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    files = VMFiles("amd64", "default", workspace.data, workspace.runtime)
    with take(files, "somebody\x1b[31m else"):
        without = call("console", "--arch", "amd64")
        asked = call("console", "--arch", "amd64", "--ask")
    assert "asking" not in without.stderr
    assert asked.stderr.startswith("asking somebody")
    assert "\x1b" not in asked.stderr
    assert asked.returncode == 1


def test_a_timeout_without_a_command_is_refused(call: Call) -> None:
    assert_refused(call("shell", "--timeout", "5"), 2, "--timeout goes with a command")


def test_options_after_the_command_are_the_commands(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    assert_refused(call("shell", "-n", "ls", "--id", "Not-An-Id", "--timeout", "soon"), 1, "not running")


def test_the_host_keys_are_forgotten_of_a_stopped_vm_too(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    files = VMFiles("amd64", "default", workspace.data, workspace.runtime)
    files.known_hosts.parent.mkdir(parents=True)
    files.known_hosts.write_text(f"{files.stem} ssh-ed25519 AAAA\n")
    assert_refused(call("shell", "-n", "--arch", "amd64", "true"), 1, "not running")
    assert "AAAA" in files.known_hosts.read_text()
    assert_refused(call("shell", "-n", "--arch", "amd64", "--forget-host-key", "true"), 1, "not running")
    assert files.known_hosts.read_text() == ""


@pytest.mark.parametrize("disk", [True, False])
def test_nothing_is_waited_for_that_does_not_run(workspace: Workspace, call: Call, disk: bool) -> None:
    if disk:
        make_disk(workspace)
    assert_refused(call("wait", "--timeout", "600"), 1, "not running: start it first")


@pytest.mark.usefixtures("live_vm")
@pytest.mark.parametrize("options", [[], ["--for", "cloud-init"], ["--user", "somebody"]])
def test_a_vm_without_ssh_is_not_waited_for(call: Call, options: list[str]) -> None:
    assert_refused(call("wait", "--arch", "amd64", "--timeout", "600", *options), 1, "SSH")


def test_there_is_nothing_else_to_wait_for(call: Call) -> None:
    assert_refused(call("wait", "--for", "breakfast"), 2, "ssh", "cloud-init")
