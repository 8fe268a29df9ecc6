"""Verbs as calls of the backend: what the disk has against them before they begin, and what they do."""

from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings
from podplane_tui.tui.actions.tasks import sync_fault
from podplane_tui.tui.screens.create import CreateRequest
from podplane_tui.tui.verbs import Verb
from tests.conftest import Workspace
from tests.tui.actions.support import image_of, vm_of, workshop_of


@pytest.mark.parametrize("name", ["", "debian-12.qcow2", "https://example.org/x.qcow2"])
def test_only_a_path_is_looked_at_before_a_vm_is_made(workspace: Workspace, name: str) -> None:
    assert workshop_of(workspace).create_fault(CreateRequest("dev", name), "amd64") is None


def test_an_image_that_is_not_there_or_is_none_is_a_fault_of_its_field(workspace: Workspace) -> None:
    workshop = workshop_of(workspace)
    path = workspace.root / "base.qcow2"
    assert workshop.create_fault(CreateRequest("dev", str(path)), "amd64") == (
        "image",
        f"there is no file {path}: check the path",
    )
    path.write_bytes(b"junk")
    fault = workshop.create_fault(CreateRequest("dev", str(path)), "amd64")
    assert fault is not None
    assert fault[0] == "image"
    assert "not a qcow2 image" in fault[1]


def test_user_data_is_a_fault_of_its_field_unless_there_is_to_be_none(workspace: Workspace) -> None:
    workshop = workshop_of(workspace)
    path = workspace.root / "user-data"
    assert workshop.user_data_fault("dev", "amd64", "") is None
    fault = workshop.user_data_fault("dev", "amd64", str(path))
    assert fault is not None
    assert fault[0] == "user-data"
    assert str(path) in fault[1]
    path.write_text("#cloud-config\n")
    assert workshop.user_data_fault("dev", "amd64", str(path)) is None


def test_without_a_home_directory_there_are_no_images(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert workshop_of(workspace).cached_images("amd64") == ()


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.DELETE, Verb.SYNC, Verb.WATCH, Verb.REPAIR, Verb.SERVER])
def test_verbs_that_need_more_than_a_vm_are_not_done_with_nothing_else(workspace: Workspace, verb: Verb) -> None:
    with pytest.raises(AssertionError, match=f"{verb} needs more than a machine"):
        workshop_of(workspace).plain(verb, vm_of(workspace))(Control())


def test_a_delete_removes_what_was_agreed_to_and_nothing_that_came_later(workspace: Workspace) -> None:
    vm = vm_of(workspace)
    image = image_of(vm)
    plan = workshop_of(workspace).cluster("dev", "amd64").delete_plan()
    vm.files.efivars.write_bytes(b"later")
    assert workshop_of(workspace).delete(vm, plan)(Control()) == ""
    assert not image.exists()
    assert vm.files.efivars.exists()


@pytest.mark.usefixtures("require_qemu")
def test_a_vm_is_made_with_its_size_and_what_was_named_for_its_starts(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(workspace.root))  # where podplane has no image
    request = CreateRequest("dev", disk_size="16M", memory="1G")
    done = workshop_of(workspace).create(request, "amd64", start_key="F5")(Control())
    assert done == "press F5 to start it"
    files = vm_of(workspace).files
    assert read_image(files.image).virtual_bytes == 16 * 2**20
    assert read_settings(files) == ClusterSettings(memory="1G")


@pytest.mark.parametrize(("name", "fault"), [("there", None), ("there/", "Not a directory"), ("[red]", "No such file")])
def test_what_is_copied_has_to_be_there(tmp_path: Path, name: str, fault: str | None) -> None:
    (tmp_path / "there").touch()
    found = sync_fault(SyncRequest(f"{tmp_path}/{name}", "/b"))
    if fault is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] == "source"
        assert fault in found[1]
        assert name in found[1]
