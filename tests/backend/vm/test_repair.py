"""Repair plans, and that only what was planned is done. What repairs mend is in the fault matrix."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.create import EMPTY_DISK
from podplane_tui.backend.vm.repair import RepairKind, RepairPlan, RepairStep

pytestmark = pytest.mark.usefixtures("require_qemu")


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    made = Cluster(data_dir=tmp_path / "data", runtime_dir=tmp_path / "run", cluster_id="a", arch="amd64")
    made.create(EMPTY_DISK)
    return made


def leave_socket(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def test_nothing_wrong_nothing_planned_nothing_done(cluster: Cluster, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert cluster.repair_plan() == RepairPlan()
    assert cluster.repair(cluster.repair_plan()) == ()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_crash_is_cleared_and_the_disk_checked(cluster: Cluster) -> None:
    files = cluster.files
    leave_socket(files.console)
    leave_socket(files.qmp)
    files.pid_file.write_text('{"pid":2147483647,"data":null}')
    plan = cluster.repair_plan()
    assert [(step.kind, step.path) for step in plan.steps] == [
        (RepairKind.CLEAR, files.pid_file),
        (RepairKind.CLEAR, files.console),
        (RepairKind.CLEAR, files.qmp),
        (RepairKind.CHECK, files.image),
    ]
    assert all(step.description.isprintable() for step in plan.steps)
    done = cluster.repair(plan)
    assert len(done) == 4
    assert "no errors" in done[-1]
    assert list(files.pid_dir.iterdir()) == []
    assert cluster.repair_plan() == RepairPlan()


def test_only_what_was_planned_is_done(cluster: Cluster) -> None:
    files = cluster.files
    leave_socket(files.console)
    plan = cluster.repair_plan()
    files.pid_file.write_text("junk")  # since the plan was shown
    cluster.repair(plan)
    assert not files.console.exists()
    assert files.pid_file.read_text() == "junk"


def test_a_plan_that_has_been_overtaken_does_nothing(cluster: Cluster, tmp_path: Path) -> None:
    other = tmp_path / "treasure"
    other.write_text("gold")
    forged = RepairPlan((RepairStep(RepairKind.CLEAR, "remove treasure", other),))
    assert cluster.repair(forged) == ()
    assert other.read_text() == "gold"


def test_a_stale_temporary_file_is_cleared(cluster: Cluster) -> None:
    stale = cluster.files.image_dir / f".{cluster.files.seed.name}.2147483647-abc.tmp"
    stale.touch()
    ours = cluster.files.image_dir / f".{cluster.files.seed.name}.{os.getpid()}-abc.tmp"
    ours.touch()
    [step] = cluster.repair_plan().steps
    assert step.path == stale
    cluster.repair(cluster.repair_plan())
    assert (stale.exists(), ours.exists()) == (False, True)


def test_leaks_are_freed_on_request_only_and_the_disk_is_then_always_checked(cluster: Cluster) -> None:
    [line] = cluster.repair(RepairPlan(), fix_leaks=True)
    assert "no errors" in line


def test_two_things_moved_aside_in_one_second_are_both_kept(cluster: Cluster) -> None:
    files = cluster.files
    files.pid_dir.mkdir(parents=True, exist_ok=True)
    for content in ("one", "two", "three"):
        files.pid_file.write_text(content)
        cluster.repair(cluster.repair_plan())
    kept = {path.read_text() for path in files.pid_dir.glob("*.broken-*")}
    assert kept == {"one", "two", "three"}


def test_what_only_the_user_can_mend_is_said(cluster: Cluster) -> None:
    cluster.files.image.write_text("no image")
    [step] = cluster.repair_plan().steps
    assert step.kind is RepairKind.MANUAL
    assert "qemu-img convert" in step.description
    [line] = cluster.repair(cluster.repair_plan())
    assert line.startswith("left to you")
    assert cluster.files.image.read_text() == "no image"
