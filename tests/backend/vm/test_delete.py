"""What deleting removes: all that is the cluster's, and nothing else."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import DeleteFailed
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.sync.log import previous
from podplane_tui.backend.vm import delete
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.delete import deletion_plan, kind_of, machine_files, remove
from tests.backend.vm.support import put
from tests.conftest import deep_tree


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
            raise KeyboardInterrupt("half way")

    with pytest.raises(KeyboardInterrupt, match="half way"):
        cluster.delete(cluster.delete_plan(), control=Control(report=report))
    assert files.image.exists()
    cluster.delete(cluster.delete_plan())
    assert cluster.delete_plan() == ()


@contextlib.contextmanager
def few_descriptors(spare: int) -> Iterator[None]:
    """Let this process open about `spare` more files and no more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path("/dev/null").open() as file:
        lowest = file.fileno()  # the limit is on the number, and the lowest free one is taken
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + spare, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.slow
def test_folders_deeper_than_calls_may_nest_are_deleted(cluster: Cluster) -> None:
    put(cluster.files.image)
    with deep_tree(cluster.files.cluster_dir):
        cluster.delete(cluster.delete_plan())
        assert not cluster.files.cluster_dir.exists()
        assert cluster.delete_plan() == ()


@pytest.mark.slow
def test_folders_too_deep_for_us_are_left_to_rm(cluster: Cluster) -> None:
    put(cluster.files.image)
    with deep_tree(cluster.files.cluster_dir), few_descriptors(100):
        # The premise on every Python: its own way needs a descriptor for each level.
        with pytest.raises(OSError, match="Too many open files"):
            shutil.rmtree(cluster.files.cluster_dir)
        cluster.delete(cluster.delete_plan())
        assert cluster.delete_plan() == ()


@pytest.mark.slow
def test_a_folder_that_rm_cannot_remove_either_leaves_a_vm_to_delete(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cluster.files.image)
    programs = tmp_path / "programs"
    put(programs / "rm", "#!/bin/sh\necho 'rm: not today' >&2\nexit 1\n")
    (programs / "rm").chmod(0o755)
    with deep_tree(cluster.files.cluster_dir):
        with monkeypatch.context() as patch:
            patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
            with few_descriptors(100), pytest.raises(DeleteFailed, match="removed: rm: not today; remove it"):
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


def test_what_is_not_the_vms_own_is_never_removed(cluster: Cluster, tmp_path: Path) -> None:
    image, treasure = put(cluster.files.image), put(tmp_path / "treasure")
    steps: list[str] = []
    remove((treasure, cluster.files.data_dir, image, cluster.files.seed), cluster.files, Control(report=steps.append))
    assert treasure.exists()
    assert not image.exists()
    assert cluster.files.data_dir.is_dir()
    assert steps == [f"removing {image.name}"]


def test_links_are_removed_and_not_followed(cluster: Cluster, tmp_path: Path) -> None:
    files, folder = cluster.files, tmp_path / "folder"
    treasure = put(folder / "treasure")
    links = (files.image, files.recordings_dir, files.cluster_dir, files.known_hosts)
    for link in links:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(tmp_path / "gone" if link == files.known_hosts else folder)
    plan = deletion_plan(files)
    assert set(plan) == set(links)
    remove(plan, files, Control())
    assert treasure.exists()
    assert not any(link.is_symlink() for link in links)


def test_the_disk_goes_last(cluster: Cluster) -> None:
    for path in (cluster.files.image, cluster.files.seed, cluster.files.settings, cluster.files.state_file):
        put(path)
    assert machine_files(cluster.files) == (cluster.files.image, cluster.files.seed)
    steps: list[str] = []
    remove(deletion_plan(cluster.files), cluster.files, Control(report=steps.append))
    assert len(steps) == 4
    assert steps[-1] == f"removing {cluster.files.image.name}"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"tenant_id": 1}', '{"tenant_id": ["a"]}', "[" * 60_000])
def test_an_instance_that_names_no_tenant_is_nobodys(cluster: Cluster, content: str) -> None:
    instances = cluster.files.data_dir / "nstance-fake" / "fakeserver" / "instances"
    put(instances / "1" / "instance.json", content)
    put(instances / "2" / "instance.json", '{"tenant_id": "a"}')
    (instances / "3").symlink_to("2")
    assert deletion_plan(cluster.files) == (instances / "2",)


@pytest.mark.parametrize(("below", "of_file"), [("", False), ("deep/er", False), ("", True)])
def test_nothing_goes_where_something_is_mounted(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str, of_file: bool
) -> None:
    files = cluster.files
    for path in (files.image, files.seed, files.cluster_config, files.cluster_dir / "deep" / "er" / "x"):
        put(path)
    mount = files.image if of_file else files.cluster_dir / below
    mounts = [Path("/"), Path(os.path.realpath(mount))]
    monkeypatch.setattr(delete, "mount_points", lambda: mounts)
    plan = deletion_plan(files)
    with pytest.raises(
        DeleteFailed, match=f"something is mounted at {os.path.realpath(mount)}: remove that mount, then"
    ):
        remove(plan, files, Control())
    assert deletion_plan(files) == plan
    mounts[1:] = [files.data_dir, Path(f"{files.cluster_dir}x")]
    remove(plan, files, Control())
    assert deletion_plan(files) == ()


def test_what_is_said_of_each_path_is_true(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/elsewhere\x1b[2J")
    (tmp_path / "to folder").symlink_to(tmp_path)
    assert kind_of(tmp_path) == "/"
    assert kind_of(tmp_path / "file") == kind_of(tmp_path / "none") == ""
    assert kind_of(tmp_path / "link") == " (a link; /elsewhere stays)"
    assert kind_of(tmp_path / "to folder") == f" (a link; {tmp_path} stays)"
