"""`doctor`: its checks for people and as JSON, and its exit code."""

from __future__ import annotations

import json
import re

from tests.cli.support import Call, files_below
from tests.conftest import Workspace


def test_doctor_as_json(workspace: Workspace, call: Call) -> None:
    result = call("doctor", "--json")
    checks = json.loads(result.stdout)["checks"]
    assert {"qemu-img", "accelerator", "data"} <= {check["name"] for check in checks}
    assert result.returncode == (1 if any(check["status"] == "fail" for check in checks) else 0)
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]


def test_doctor_fails_without_qemu_and_says_what_to_install(call: Call) -> None:
    result = call("doctor", environ={"PATH": "/nonexistent"})
    assert result.returncode == 1
    assert re.search(r"FAIL +qemu-system", result.stdout)
    assert "install it with" in result.stdout


def test_doctor_looks_at_the_directories_given(call: Call) -> None:
    result = call("doctor", "--data-dir", "/somewhere/else")
    assert "/somewhere/else" in result.stdout


def test_advice_stands_below_what_it_is_about(call: Call) -> None:
    lines = call("doctor", environ={"PATH": "/nonexistent"}).stdout.splitlines()
    (number,) = (number for number, line in enumerate(lines) if re.match(r"  FAIL  qemu-img ", line))
    detail = re.match(r"  FAIL  qemu-img +(?=\S)", lines[number])
    assert detail is not None
    assert lines[number + 1].index("→") == detail.end()
    groups = [line for line in lines if line and not line.startswith(" ")]
    assert len(groups) == len(set(groups)) > 1
    assert all(lines[lines.index(group) - 1] == "" for group in groups[1:])
