"""`pause`, `resume` and `reset`."""

from __future__ import annotations

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
    result = call(verb, "--arch", "amd64")
    assert (result.returncode, result.stdout) == (0, f"podplane-local-default {told}\n"), result
    assert [word for word in live_vm.asked() if word not in {"qmp_capabilities", "query-status"}] == [command]
