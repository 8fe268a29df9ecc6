"""`Cluster` without a running machine: user-data, ports, and what deleting removes."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import CorruptFile, DeleteFailed, InvalidInput, NotRunning
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.runtime.ports import write_state_file
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.ssh.client import ensure_identity
from podplane_tui.backend.sync.log import previous
from podplane_tui.backend.vm.access import run_in_guest
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.start import StartSettings
from tests.conftest import deep_tree


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(
        data_dir=tmp_path / "data",
        runtime_dir=tmp_path / "run",
        state_dir=tmp_path / "state",
        cluster_id="a",
        arch="amd64",
    )


def put(path: Path, content: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_user_data_is_the_clusters_own_unless_another_is_given(cluster: Cluster, tmp_path: Path) -> None:
    assert cluster.user_data() == ""
    put(cluster.files.user_data, "#cloud-config\nä\n")
    assert cluster.user_data() == "#cloud-config\nä\n"
    assert cluster.user_data(put(tmp_path / "other", "x")) == "x"
    with pytest.raises(InvalidInput, match="no user-data file"):
        cluster.user_data(tmp_path / "none")
    (tmp_path / "latin").write_bytes(b"\xe4")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        cluster.user_data(tmp_path / "latin")
    with pytest.raises(InvalidInput, match="not a regular file"):
        cluster.user_data(tmp_path)


def test_ports_of_a_machine_that_does_not_run_are_those_of_its_state_file(cluster: Cluster) -> None:
    assert cluster.ports() == Ports()
    write_state_file(cluster.files.state_file, "a", Ports(ssh=2222))
    assert cluster.ports() == Ports(ssh=2222)
    cluster.files.state_file.write_text("junk")
    with pytest.raises(CorruptFile):
        cluster.ports()
    with pytest.raises(NotRunning):
        cluster.ssh_target()


def test_a_state_file_alone_is_cleared_by_stop(cluster: Cluster) -> None:
    write_state_file(cluster.files.state_file, "a", Ports(ssh=2222))
    assert cluster.stop().step == "gone"
    assert not cluster.files.state_file.exists()
    with pytest.raises(NotRunning):
        cluster.stop()


def test_deleting_takes_what_is_the_clusters_and_nothing_else(cluster: Cluster) -> None:
    files, data = cluster.files, cluster.files.data_dir
    instance = data / "nstance-fake/fakeserver/instances/1/instance.json"
    ours = [
        *(put(path) for path in (files.image, files.seed, files.efivars, files.state_file, files.qemu_log)),
        *(put(path) for path in (files.console, files.qmp)),
        *(put(path) for path in (files.known_hosts, files.settings, files.settings_lock)),
        *(put(path) for path in (files.kept_user_data, files.sync_log)),
        put(previous(files.sync_log)),
        put(files.recordings_dir / "20260101T000000Z.raw"),
        put(files.pid_file, '{"pid":1,"data":null}'),
        put(files.user_data),
        *(
            put(data / folder / f"a-{kind}" / "x")
            for folder in ("s3/buckets", "s3/metadata")
            for kind in ("netsy", "telemetry")
        ),
        put(data / "nstance-fake/fakeserver/tenants/a/x"),
        put(data / "nstance-fake/podplane/clusters/a"),
        put(instance, '{"tenant_id": "a"}'),
        put(files.pid_dir / f"{files.pid_file.name}.broken-20260101T000000Z"),
        put(files.pid_dir / f"{files.qemu_log.name}.broken-20260101T000000Z"),
        put(files.state_file.parent / f"{files.state_file.name}.broken-20260101T000000Z"),
        put(files.console_lock),
        put(files.console_request),
        put(files.image_dir / f".{files.seed.name}.2147483647-x.tmp"),
    ]
    theirs = [
        put(data / "s3/buckets/ab-netsy/x"),
        put(data / "s3/buckets/a-other/x"),
        put(data / "nstance-fake/fakeserver/tenants/b"),
        put(data / "nstance-fake/fakeserver/instances/2/instance.json", '{"tenant_id": "b"}'),
        put(data / "nstance-fake/fakeserver/instances/3/instance.json", '["tenant_id"]'),
        put(data / "ssh/id_ed25519"),
        put(data / "ssh/id_ed25519.pub"),
        put(data / "local-server/tls/oidc/ca.pem"),
        put(files.known_hosts.with_name("podplane-local-b.amd64")),
        put(files.recordings_dir.with_name("podplane-local-b.amd64") / "20260101T000000Z.raw"),
        put(data / "local/b/user-data"),
        put(data / "vms/podplane-local-b.amd64.image.qcow2"),
        put(data / "vms/podplane-local-a-b.amd64.image.qcow2"),
        put(files.pid_dir / "podplane-local-b.amd64.pid.json.broken-20260101T000000Z"),
        put(files.runtime_dir / "local-server.json"),
    ]
    plan = cluster.delete_plan()
    assert all(any(path == item or item in path.parents for item in plan) for path in ours)
    assert not any(path == item or item in path.parents for path in theirs for item in plan)
    cluster.delete(plan)
    assert [path for path in ours if path.exists()] == []
    assert [path for path in theirs if not path.exists()] == []
    assert cluster.delete_plan() == ()


def test_a_deletion_that_ends_half_way_leaves_a_machine_to_delete(cluster: Cluster) -> None:
    files = cluster.files
    for path in (files.image, files.settings, files.cluster_config, files.state_file):
        put(path)
    removed: list[str] = []

    def report(step: str) -> None:
        removed.append(step)
        vm = cluster.status()
        assert vm is not None
        if len(removed) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cluster.delete(cluster.delete_plan(), control=Control(report=report))
    assert files.image.exists()
    cluster.delete(cluster.delete_plan())
    assert cluster.delete_plan() == ()


def test_folders_too_deep_for_us_are_left_to_rm(cluster: Cluster) -> None:
    put(cluster.files.image)
    with deep_tree(cluster.files.cluster_dir):
        with pytest.raises(DeleteFailed, match="rm -r"):
            cluster.delete(cluster.delete_plan())
        assert cluster.files.image.exists()


def test_what_two_architectures_share_stays_with_the_other(cluster: Cluster) -> None:
    files = cluster.files
    other = VMFiles("arm64", "a", files.data_dir, files.runtime_dir, files.state_dir)

    def own(one: VMFiles) -> set[Path]:
        names = (one.image, one.seed, one.efivars, one.pid_file, one.console, one.qmp, one.qemu_log, one.known_hosts)
        return {*names, one.settings}

    for path in own(files) | own(other):
        put(path)
    records = (
        *(f"s3/{folder}/a-{kind}" for folder in ("buckets", "metadata") for kind in ("netsy", "telemetry")),
        "nstance-fake/fakeserver/tenants/a",
        "nstance-fake/podplane/clusters/a",
        "nstance-fake/fakeserver/instances/1",
    )
    shared = {files.cluster_dir, files.state_file, *(files.data_dir / record for record in records)}
    put(files.cluster_config)
    put(files.user_data)
    put(files.state_file)
    for record in records:
        put(files.data_dir / record / "instance.json", '{"tenant_id": "a"}')

    cluster.delete(cluster.delete_plan())
    assert not any(path.exists() for path in own(files))
    assert all(path.exists() for path in own(other) | shared)
    second = Cluster(
        data_dir=files.data_dir, runtime_dir=files.runtime_dir, state_dir=files.state_dir, cluster_id="a", arch="arm64"
    )
    second.delete(second.delete_plan())
    assert not any(path.exists() for path in own(other) | shared)


@pytest.mark.slow
def test_the_effort_to_stop_containerd_ends_after_two_seconds(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_identity(cluster.files.identity)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        write_state_file(cluster.files.state_file, "a", Ports(ssh=silent.getsockname()[1]))
        monkeypatch.setattr(ssh, "LOGIN_TIMEOUT", 3600.0)  # so that nothing but its own limit can end it
        begun = time.monotonic()
        assert run_in_guest(Context.of(cluster.files), "true", timeout=2.0) is False
        assert time.monotonic() - begun > 1.5


def test_settings_are_checked_before_anything_is_made(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        cluster.start(StartSettings(user_data=tmp_path / "none"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
