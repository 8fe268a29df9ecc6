"""How a cluster is started: what is asked for and what is remembered, with a program that stands in for QEMU."""

from __future__ import annotations

from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import InvalidInput, StartFailed
from podplane_tui.backend.vm.cloud_init import read_seed, write_seed
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.create import EMPTY_DISK
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings
from podplane_tui.backend.vm.start import StartSpec
from tests.backend.vm.support import be_qemu, put


def test_settings_are_checked_before_anything_is_made(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no user-data file"):
        cluster.start(StartSpec(user_data=tmp_path / "none"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def tell_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A QEMU that ends at once; its arguments, and the user-data it would have read, stand in the folder given."""
    told = tmp_path / "told"
    told.mkdir()
    be_qemu(
        f'printf "%s\\n" "$@" >{told}/arguments; cp {tmp_path}/data/vms/*.iso {told}/seed.iso; exit 1',
        tmp_path,
        monkeypatch,
    )
    return told


def option(told: Path, name: str) -> str:
    arguments = (told / "arguments").read_text().splitlines()
    return arguments[arguments.index(name) + 1]


@pytest.mark.usefixtures("require_qemu")
def test_what_is_remembered_counts_where_nothing_is_asked_for(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.create(EMPTY_DISK)
    kept = put(tmp_path / "kept", "#cloud-config\nkept: 1\n")
    cluster.remember(cpus="3", memory="640M", user_data=str(kept))
    told = tell_arguments(tmp_path, monkeypatch)
    with pytest.raises(StartFailed, match="ended at once"):
        cluster.start(StartSpec(network=False, accelerator="tcg"))
    assert (option(told, "-smp"), option(told, "-m"), option(told, "-nic")) == ("3", "640M", "none")
    assert read_seed(told / "seed.iso").user_data == "#cloud-config\nkept: 1\n"
    asked = StartSpec(cpus="2", user_data=put(tmp_path / "asked", "#asked"), network=False, accelerator="tcg")
    with pytest.raises(StartFailed, match="ended at once"):
        cluster.start(asked)
    assert (option(told, "-smp"), option(told, "-m")) == ("2", "640M")
    assert read_seed(told / "seed.iso").user_data == "#asked"
    # It never ran, so there is nothing to remember.
    assert read_settings(cluster.files) == ClusterSettings(cpus="3", memory="640M", user_data=str(kept))
    assert not cluster.files.kept_user_data.exists()


@pytest.mark.usefixtures("require_qemu")
def test_ports_that_are_taken_again_and_again_end_the_start(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.create(EMPTY_DISK)
    be_qemu(
        f"echo x >>{tmp_path}/starts; echo \"Could not set up host forwarding rule 'tcp:127.0.0.1:1-:22'\"; exit 1",
        tmp_path,
        monkeypatch,
    )
    steps: list[str] = []
    with pytest.raises(StartFailed, match="Could not set up host forwarding rule"):
        cluster.start(StartSpec(accelerator="tcg"), control=Control(report=steps.append))
    assert (tmp_path / "starts").read_text() == "x\n" * 3
    assert steps.count("a port was taken meanwhile: choosing others") == 2
    assert not cluster.files.state_file.exists()
    assert list(cluster.files.pid_dir.iterdir()) == []


@pytest.mark.usefixtures("require_qemu")
def test_a_restart_of_what_does_not_run_starts_it_with_the_user_data_of_its_seed(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.create(EMPTY_DISK)
    write_seed(cluster.files.seed, cluster_id="a", arch="amd64", user_data="#in use", ssh_authorized_key="")
    told = tell_arguments(tmp_path, monkeypatch)
    for own, counts in (("", "#in use"), ("#own", "#own")):
        if own:
            put(cluster.files.user_data, own)
        with pytest.raises(StartFailed, match="ended at once"):
            cluster.restart(StartSpec(network=False, accelerator="tcg"))
        assert read_seed(told / "seed.iso").user_data == counts
