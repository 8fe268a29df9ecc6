"""Verbs that trust podplane's directories refuse where others may write to them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import InsecureDirectory
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.runtime.directories import INSECURE_VARIABLE, require_secure_directories


@pytest.fixture
def files(tmp_path: Path) -> VMFiles:
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run", tmp_path / "state")
    for path in (files.image_dir, files.pid_dir, files.state_file.parent, files.identity.parent):
        path.mkdir(parents=True)
    return files


def test_ones_own_directories_are_fine_and_so_are_those_that_do_not_exist(files: VMFiles, tmp_path: Path) -> None:
    require_secure_directories(files)
    require_secure_directories(files._replace(data_dir=tmp_path / "none", runtime_dir=tmp_path / "neither"))


@pytest.mark.parametrize("name", ["data", "data/vms", "data/ssh", "run", "run/vms", "run/local"])
def test_each_that_others_may_write_to_is_refused_with_the_command(
    files: VMFiles, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.chmod(0o757)
    with pytest.raises(InsecureDirectory, match=f"anybody may write to {path}, so what is in it can't be tr") as caught:
        require_secure_directories(files)
    assert caught.value.hint == f"chmod o-w {path}"
    monkeypatch.setenv(INSECURE_VARIABLE, "1")
    require_secure_directories(files)
    monkeypatch.setenv(INSECURE_VARIABLE, "0")
    with pytest.raises(InsecureDirectory, match="anybody may write"):
        require_secure_directories(files)
    assert os.system(caught.value.hint) == 0  # noqa: S605 - as the user would
    monkeypatch.delenv(INSECURE_VARIABLE)
    require_secure_directories(files)


def test_a_loop_is_an_error_of_ours(files: VMFiles, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InsecureDirectory, match="the directories of podplane-local-a can't be examined"):
        require_secure_directories(files._replace(runtime_dir=tmp_path / "loop"))
