"""Verbs as calls of the backend: what the disk has against them before they begin, and what they do."""

from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.create import EMPTY_IMAGE, CreateSpec
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings
from podplane_tui.tui.actions.tasks import sync_fault
from tests.conftest import Workspace
from tests.tui.actions.support import image_of, vm_of, workshop_of


def test_without_a_home_directory_there_are_no_images(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert workshop_of(workspace).cached_images("amd64") == ()


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
    spec = CreateSpec(EMPTY_IMAGE, disk_size="16M", memory="1G")
    done = workshop_of(workspace).create("dev", spec, "amd64", start_key="F5")(Control())
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
        assert found.field == "source"
        assert fault in str(found.error)
        assert name in str(found.error)
