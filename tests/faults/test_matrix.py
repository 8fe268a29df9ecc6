"""Runs the table. The cases that are not quick are marked `faults` and left to `make faults`."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.faults.matrix import CASES, Case, load_cases, run_case

load_cases()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the stand-ins and namespaces are Linux's"),
]


def _marks(case: Case) -> list[pytest.MarkDecorator]:
    marks = [pytest.mark.timeout(1500 if "long" in case.needs else 300 if case.needs & {"tiny", "tiny-ssh"} else 120)]
    if "qemu" in case.needs:
        marks.append(pytest.mark.vm)
    if not case.quick:
        marks.append(pytest.mark.faults)
    return marks


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name, marks=_marks(case)) for case in CASES])
def test_fault(case: Case, request: pytest.FixtureRequest) -> None:
    _require(case, request)
    if "namespace" in case.needs:
        _in_namespace(case)
        return
    run_case(case, request.getfixturevalue("workspace"))


def _require(case: Case, request: pytest.FixtureRequest) -> None:
    if shutil.which("qemu-img") is None:
        missing("qemu-img is not installed")
    if "qemu" in case.needs:
        request.getfixturevalue("require_qemu")
        if platform.machine() != "x86_64":
            pytest.skip("the real machines of these cases are x86-64")
    if "tiny" in case.needs:
        request.getfixturevalue("tiny_guest")
    if "tiny-ssh" in case.needs:
        request.getfixturevalue("tiny_ssh_guest")
    if "root" in case.needs and os.geteuid() != 0:
        pytest.skip("only root can start a process of another user")


def _in_namespace(case: Case) -> None:
    """Run the case in mount and network namespaces of its own, as root in there."""
    unshare = ["unshare", "--map-root-user", "--mount", "--net", "--"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode
    ):
        missing("this system does not let us make namespaces (unshare --map-root-user --mount --net)")
    result = subprocess.run(
        [*unshare, sys.executable, "-m", "tests.faults.inside", case.name],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_table_has_at_least_forty_cases_and_a_representative_third_is_quick() -> None:
    groups = {case.group for case in CASES}
    assert groups == {"crash", "files", "identity", "in_use", "ownership", "resources", "soak", "start", "stop"}
    assert len(CASES) >= 40
    quick = [case for case in CASES if case.quick]
    assert {case.group for case in quick} == groups - {"soak"}
    assert len(CASES) / 4 < len(quick) < len(CASES) / 2
