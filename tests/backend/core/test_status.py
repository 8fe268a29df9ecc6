"""What a status tells in short."""

from __future__ import annotations

from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Phase, Ports, Problem, Readiness, State, VMStatus

FILES = VMFiles("arm64", "a", Path("/d"), Path("/r"))


def test_only_ports_that_are_known_are_listed_in_podplanes_order() -> None:
    ports = Ports(registry=5001, ssh=2222)
    assert list(ports.items()) == [("ssh", 2222), ("registry", 5001)]
    assert list(Ports().items()) == []


@pytest.mark.parametrize(
    ("readiness", "told"),
    [
        (Readiness((), ()), ""),
        (Readiness(((Phase.PROCESS, 0.1),), (Phase.CONSOLE, Phase.SSH)), "waiting for console output"),
        (
            Readiness(((Phase.PROCESS, 0.1), (Phase.CONSOLE, 2.4), (Phase.SSH, None)), (Phase.API,)),
            "console output 2 s, SSH ✓, waiting for Kubernetes API",
        ),
        (Readiness(((Phase.CONSOLE, 0.0), (Phase.SSH, 12.6)), ()), "console output 0 s, SSH 13 s"),
    ],
)
def test_what_was_reached_and_what_is_waited_for_is_one_line(readiness: Readiness, told: str) -> None:
    assert readiness.told == told
    assert readiness.ready is ("waiting for" not in told)


@pytest.mark.parametrize("state", State)
def test_only_a_vm_that_starts_is_waited_for(state: State) -> None:
    vm = VMStatus(FILES, state, readiness=Readiness((), (Phase.SSH, Phase.API)))
    assert vm.waiting_for is (Phase.SSH if state is State.STARTING else None)
    assert VMStatus(FILES, state).waiting_for is None


def test_a_vm_is_told_from_that_of_another_architecture() -> None:
    other = VMStatus(FILES._replace(arch="amd64"), State.STOPPED)
    vm = VMStatus(FILES, State.STOPPED)
    assert (vm.key, other.key) == ("a.arm64", "a.amd64")
    assert vm != other
    assert vm == VMStatus(FILES, State.STOPPED)
    assert (vm.cluster_id, vm.arch, vm.name) == ("a", "arm64", "podplane-local-a")
    assert (vm.label("amd64"), vm.label("arm64")) == ("a arm64", "a")


def test_a_vm_lives_while_it_has_a_process() -> None:
    assert VMStatus(FILES, State.ORPHANED, pid=1).live
    assert not VMStatus(FILES, State.STARTING).live


def test_problems_are_one_line_as_errors_are() -> None:
    error = CorruptFile("/a: not JSON", hint="remove it")
    vm = VMStatus(FILES, State.BROKEN, (Problem.of(error), Problem("odd"), Problem("bad", "repair it")))
    assert vm.problem == "/a: not JSON; remove it; odd; bad: repair it"
    assert str(Problem.of(error)) == str(error)
    assert VMStatus(FILES, State.STOPPED).problem is None
