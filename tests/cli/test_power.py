"""`pause`, `resume` and `reset`."""

from __future__ import annotations

import json

import pytest

from tests.cli.support import Call, LiveVM, assert_needs_a_running_vm
from tests.conftest import Workspace


@pytest.mark.parametrize("verb", ["pause", "resume", "reset"])
def test_verbs_for_running_machines_refuse_stopped_ones(workspace: Workspace, call: Call, verb: str) -> None:
    assert_needs_a_running_vm(workspace, call, verb)


@pytest.mark.parametrize(
    ("verb", "command", "told"),
    [("pause", "stop", "is paused"), ("resume", "cont", "was resumed"), ("reset", "system_reset", "was reset")],
)
def test_qemu_is_told_and_so_is_the_user(call: Call, live_vm: LiveVM, verb: str, command: str, told: str) -> None:
    live_vm.run_state = "paused" if verb == "resume" else "running"
    result = call(verb, "--arch", "amd64")
    assert (result.returncode, result.stdout) == (0, f"podplane-local-default {told}\n"), result
    assert [word for word in live_vm.asked if word not in {"qmp_capabilities", "query-status"}] == [command]


@pytest.mark.parametrize(
    ("verb", "state", "told"), [("pause", "paused", "was paused already"), ("resume", "running", "was running already")]
)
def test_what_is_so_already_is_done(call: Call, live_vm: LiveVM, verb: str, state: str, told: str) -> None:
    live_vm.run_state = state
    result = call(verb, "--arch", "amd64")
    assert (result.returncode, result.stdout) == (0, f"podplane-local-default {told}\n"), result
    assert set(live_vm.asked) == {"qmp_capabilities", "query-status"}


def test_a_vm_that_can_not_be_resumed_is_told_with_what_to_do(call: Call, live_vm: LiveVM) -> None:
    live_vm.run_state = "shutdown"
    result = call("resume", "--arch", "amd64")
    told = "podplane-local-default can't be resumed: it is shut down, but QEMU has not ended; stop clears it"
    assert (result.returncode, result.stderr) == (1, f"podplane-tui: {told}\n"), result
    error = json.loads(call("resume", "--arch", "amd64", "--json").stdout.splitlines()[-1])["error"]
    assert (error["type"], error["hint"]) == ("RunStateError", "stop clears it")
