"""What tests of VMs share: clusters below a directory, programs that stand in for QEMU's, and looks into disks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from podplane_tui.backend.vm.cluster import Cluster


def put(path: Path, content: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def cluster(root: Path, cluster_id: str) -> Cluster:
    return Cluster(
        data_dir=root / "data", runtime_dir=root / "run", state_dir=root / "s", cluster_id=cluster_id, arch="amd64"
    )


def io(image: Path, *commands: str) -> str:
    options = [word for command in commands for word in ("-c", command)]
    result = subprocess.run(["qemu-io", "-f", "qcow2", *options, image], check=True, capture_output=True, text=True)
    return result.stdout


def holds(image: Path, pattern: str) -> bool:
    return "verification failed" not in io(image, f"read -P {pattern} 0 64k")


def be_qemu_img(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of this name, a shell script, first in PATH."""
    program = tmp_path / "bin" / "qemu-img"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


def be_qemu(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "programs"
    directory.mkdir()
    program = directory / "qemu-system-x86_64"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=os.pathsep)
