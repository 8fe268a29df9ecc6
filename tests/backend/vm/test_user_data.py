"""A cluster's cloud-init user-data: which text counts, what is kept of it, what the seed holds."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import CorruptFile, InvalidInput
from podplane_tui.backend.vm.cloud_init import write_seed
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.user_data import keep_user_data, read_user_data, user_data_in_use
from tests.backend.vm.support import put


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


def test_user_data_has_its_limit(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, 16 * 2**20)
    assert len(read_user_data(cluster.files, path)) == 16 * 2**20
    os.truncate(path, 16 * 2**20 + 1)
    with pytest.raises(InvalidInput, match="large is larger than 16 MB: use a smaller file"):
        read_user_data(cluster.files, path)


def test_a_fifo_is_not_waited_for_and_a_link_is_followed(cluster: Cluster, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InvalidInput, match="fifo can't be read: not a regular file; make it a file that you may read"):
        read_user_data(cluster.files, tmp_path / "fifo")
    put(tmp_path / "real", "#text")
    (tmp_path / "link").symlink_to("real")
    assert read_user_data(cluster.files, tmp_path / "link") == "#text"
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(InvalidInput, match=r"there is no user-data file .*dangling: check the path"):
        read_user_data(cluster.files, tmp_path / "dangling")


def test_what_is_kept_is_private_and_read_again(cluster: Cluster) -> None:
    files = cluster.files
    keep_user_data(files, "#cloud-config\r\nä\n")
    keep_user_data(files, "#cloud-config\r\nö\n")
    assert read_user_data(files, files.kept_user_data) == "#cloud-config\r\nö\n"
    assert stat.S_IMODE(files.kept_user_data.stat().st_mode) == 0o600
    files.kept_user_data.unlink()
    files.kept_user_data.mkdir()
    with pytest.raises(
        CorruptFile, match=r"the user-data of podplane-local-a can't be written: .*; move that directory"
    ):
        keep_user_data(files, "#new")


def test_what_is_in_use_is_what_the_seed_holds(cluster: Cluster) -> None:
    seed = cluster.files.seed
    assert user_data_in_use(cluster.files) == ""
    write_seed(seed, cluster_id="a", arch="amd64", user_data="#cloud-config\n", ssh_authorized_key="")
    put(cluster.files.user_data, "#not yet in use")
    assert user_data_in_use(cluster.files) == "#cloud-config\n"
    seed.write_bytes(seed.read_bytes()[:40_000])
    assert user_data_in_use(cluster.files) == ""
