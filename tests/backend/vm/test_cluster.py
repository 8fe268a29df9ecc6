"""`Cluster` without a running machine: whose it is, its ports, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import CorruptFile, InvalidInput, NotRunning
from podplane_tui.backend.core.status import Phase, Ports
from podplane_tui.backend.runtime.ports import write_state_file
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.cluster import Cluster


def test_ports_of_a_machine_that_does_not_run_are_those_of_its_state_file(cluster: Cluster) -> None:
    assert cluster.ports() == Ports()
    write_state_file(cluster.files.state_file, "a", Ports(ssh=2222))
    assert cluster.ports() == Ports(ssh=2222)
    cluster.files.state_file.write_text("junk")
    with pytest.raises(CorruptFile, match=r"a\.state\.json is not a cluster's state file"):
        cluster.ports()
    with pytest.raises(NotRunning, match="podplane-local-a is not running"):
        cluster.ssh_target()


def test_the_cluster_of_files_has_these_files(cluster: Cluster) -> None:
    assert Cluster.of(cluster.files).files == cluster.files


def test_an_id_podplane_would_refuse_is_no_cluster(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="invalid cluster id 'A'"):
        Cluster(data_dir=tmp_path, runtime_dir=tmp_path, cluster_id="A", arch="amd64")


@pytest.mark.parametrize(
    "verb",
    [
        Cluster.stop,
        Cluster.pause,
        Cluster.resume,
        Cluster.reset,
        Cluster.adopt,
        Cluster.console,
        Cluster.shell,
        lambda cluster: cluster.shell(["true"]),
        lambda cluster: cluster.wait(Phase.SSH, timeout=60),
        lambda cluster: cluster.sync(SyncRequest("/etc/hostname", "there")),
        lambda cluster: cluster.preview_sync(SyncRequest("/etc/hostname", "there")),
    ],
)
def test_what_needs_a_running_vm_says_so_and_leaves_nothing(
    cluster: Cluster, tmp_path: Path, verb: Callable[[Cluster], object]
) -> None:
    with pytest.raises(NotRunning, match="podplane-local-a is not running"):
        verb(cluster)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
