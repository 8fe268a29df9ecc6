"""Fixtures of tests of VMs: clusters that do not run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.create import CreateSpec
from tests.backend.vm import support


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(
        data_dir=tmp_path / "data",
        runtime_dir=tmp_path / "run",
        state_dir=tmp_path / "state",
        cluster_id="a",
        arch="amd64",
    )


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "bäse, x.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "64M"], check=True)
    support.io(path, "write -P 0xbb 1M 64k")
    return path


@pytest.fixture
def made(tmp_path: Path, base: Path) -> Cluster:
    result = support.cluster(tmp_path, "a")
    result.create(CreateSpec(image=str(base), disk_size="1G"))
    support.io(result.files.image, "write -P 0x11 0 64k")
    return result
