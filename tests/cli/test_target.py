"""The VM a verb acts on."""

from __future__ import annotations

from pathlib import Path

import pytest

from podplane_tui.cli.context import Choices
from podplane_tui.cli.target import cluster_of
from tests.cli.support import ESCAPES, Call, assert_refused, files_below
from tests.conftest import Workspace


@pytest.mark.parametrize(
    "verb", ["status", "start", "stop", "restart", "pause", "resume", "reset", "delete", "console"]
)
@pytest.mark.parametrize("bad", ["", "Upper", "a--b", "-a", "a-", "a" * 33, "../x", "local", "k8s", "oidc", ESCAPES])
def test_a_bad_cluster_id_is_refused(workspace: Workspace, call: Call, verb: str, bad: str) -> None:
    assert_refused(call(verb, f"--id={bad}"), 2, "cluster id")
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]


def test_the_choices_name_the_vm_whether_it_exists_or_not(tmp_path: Path) -> None:
    choices = Choices("dev", tmp_path / "data", tmp_path / "run", tmp_path / "state", "arm64")
    files = cluster_of(choices).files
    assert (files.name, files.stem) == ("podplane-local-dev", "podplane-local-dev.arm64")
    assert files.image.parent == tmp_path / "data" / "vms"
    assert files.pid_file.parent == tmp_path / "run" / "vms"
    assert files.settings.is_relative_to(tmp_path / "state")
    assert list(tmp_path.iterdir()) == []


def test_without_an_id_it_is_the_default_cluster(tmp_path: Path) -> None:
    assert cluster_of(Choices(data_dir=tmp_path, runtime_dir=tmp_path)).files.cluster_id == "default"
