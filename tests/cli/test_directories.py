"""Which directories and which architecture a verb uses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import Place, cluster_id_of, cluster_ids, directories_of, place_of
from tests.cli.support import Call, assert_refused, make_disk
from tests.conftest import Workspace


def test_a_relative_directory_is_the_callers(workspace: Workspace, call: Call) -> None:
    make_disk(workspace, "dev")
    result = call("list", "--json", "--data-dir", "podplane", cwd=workspace.data.parent)
    assert json.loads(result.stdout)["vms"][0]["paths"]["image"].startswith(str(workspace.data))


def test_without_a_home_the_given_directories_do(workspace: Workspace, call: Call) -> None:
    homeless = {"HOME": "", "USERPROFILE": "", "XDG_DATA_HOME": "", "XDG_RUNTIME_DIR": ""}
    assert_refused(call("list", environ=homeless), 2, "HOME")
    make_disk(workspace, "dev")
    places = ["--data-dir", str(workspace.data), "--runtime-dir", str(workspace.runtime)]
    assert "dev" in call("list", *places, environ=homeless).stdout


def test_a_bad_architecture_variable_is_refused(call: Call) -> None:
    assert_refused(call("list", environ={"PODPLANE_ARCH": "vax"}), 2, "PODPLANE_ARCH")


HOMELESS = ("HOME", "USERPROFILE", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")


def test_what_is_chosen_stands_in_place_of_the_usual(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    usual = directories_of(Choices())
    assert (usual.data, usual.runtime, usual.own_state) == (workspace.data, workspace.runtime, workspace.state)
    chosen = directories_of(Choices(state_dir=Path("/s")))
    assert chosen == usual._replace(own_state=Path("/s"))


def test_the_state_directory_stays_open_unless_it_is_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in HOMELESS:
        monkeypatch.setenv(name, "")
    choices = Choices(data_dir=Path("d"), runtime_dir=Path("d/../r"), arch="arm64")
    here = Path.cwd()
    assert place_of(choices) == Place(here / "d", here / "r", "arm64", None)
    assert place_of(replace(choices, state_dir=Path("s"))).state_dir == here / "s"
    with pytest.raises(InvalidInput, match="set HOME"):
        place_of(replace(choices, runtime_dir=None))


def test_links_are_kept_as_the_user_names_them(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert place_of(Choices(data_dir=tmp_path / "link", runtime_dir=tmp_path)).data_dir == tmp_path / "link"


def test_no_id_is_the_default_one_and_an_empty_one_is_wrong() -> None:
    assert cluster_id_of(Choices()) == "default"
    with pytest.raises(InvalidInput, match="cluster id ''"):
        cluster_id_of(Choices(cluster_id=""))


def test_clusters_are_those_with_a_disk_each_once(tmp_path: Path) -> None:
    folder = tmp_path / "vms"
    folder.mkdir()
    valid = "hgfedcba"
    names = [*(f"{each}.amd64" for each in valid), "a.arm64", "Bad.amd64", "x.riscv64"]
    for name in (f"podplane-local-{each}.image.qcow2" for each in names):
        (folder / name).touch()
    for name in ("podplane-local-y.amd64.image.qcow2.part", "podplane-local-z.amd64.efivars.fd", "notes.txt"):
        (folder / name).touch()
    assert cluster_ids(Choices(data_dir=tmp_path)) == sorted(valid)


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_where_no_clusters_can_be_read_there_are_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert cluster_ids(Choices(data_dir=tmp_path / name)) == []


def test_without_a_home_no_clusters_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in HOMELESS:
        monkeypatch.setenv(name, "")
    assert cluster_ids(Choices()) == []


def test_every_verb_that_needs_a_vm_says_so_where_there_is_none(workspace: Workspace, call: Call) -> None:
    for verb in ("status", "set", "repair"):
        result = call(verb, "--id", "dev", "--arch", "arm64")
        assert_refused(result, 1, f"there is no VM dev (arm64) in {workspace.data / 'vms'}", "podplane-tui list")
