"""What is asked before a VM's settings or snapshots change, and the work that follows; real disks."""

from dataclasses import replace

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.vm.create import EMPTY_IMAGE, CreateSpec
from podplane_tui.backend.vm.remembered import read_settings
from podplane_tui.tui.actions.configure import ask_settings, ask_snapshot
from podplane_tui.tui.screens.vm_settings import MachineSettings, SnapshotRequest
from tests.conftest import Workspace
from tests.tui.actions.support import User, vm_of, workshop_of

SETTINGS = MachineSettings(cpus="3", memory="2G", user_data="", user="me", grow_to="")


@pytest.fixture
def made(workspace: Workspace, require_qemu: None) -> VMStatus:
    """A VM with a disk of 8M."""
    workshop_of(workspace).cluster("dev", "amd64").create(CreateSpec(image=EMPTY_IMAGE, disk_size="8M"))
    return vm_of(workspace)


async def test_settings_are_remembered_and_say_from_when_on_they_hold(workspace: Workspace, made: VMStatus) -> None:
    for vm, words in (
        (made, "from its next start on"),
        (replace(made, state=State.RUNNING, pid=1), "press r to restart it with them"),
    ):
        work = await ask_settings(User(SETTINGS), workshop_of(workspace), vm)
        assert work is not None
        assert work(Control()) == words
    found = read_settings(made.files)
    assert (found.cpus, found.memory, found.user) == ("3", "2G", "me")
    assert read_image(made.files.image).virtual_bytes == 8 * 2**20


async def test_a_disk_grows_where_that_is_asked_for(workspace: Workspace, made: VMStatus) -> None:
    work = await ask_settings(User(replace(SETTINGS, grow_to="16M")), workshop_of(workspace), made)
    assert work is not None
    work(Control())
    assert read_image(made.files.image).virtual_bytes == 16 * 2**20


async def test_who_leaves_the_settings_changes_nothing(workspace: Workspace) -> None:
    assert await ask_settings(User(None), workshop_of(workspace), vm_of(workspace)) is None


async def test_a_snapshot_is_taken_without_a_question_and_gone_back_to_after_one(
    workspace: Workspace, made: VMStatus
) -> None:
    workshop = workshop_of(workspace)
    user = User(SnapshotRequest("take", "clean"))
    work = await ask_snapshot(user, workshop, made)
    assert work is not None
    assert work(Control()) == "took clean"
    assert len(user.shown) == 1
    assert [each.name for each in workshop.cluster("dev", "amd64").disk.snapshots()] == ["clean"]
    for what, ended in (("restore", "restored clean"), ("delete", "deleted clean")):
        for answer in (None, False):
            user = User(SnapshotRequest(what, "clean"), answer)
            assert await ask_snapshot(user, workshop, made) is None
            assert len(user.shown) == 2
        work = await ask_snapshot(User(SnapshotRequest(what, "clean"), True), workshop, made)
        assert work is not None
        assert work(Control()) == ended
    assert workshop.cluster("dev", "amd64").disk.snapshots() == ()


async def test_snapshots_of_a_disk_that_is_none_can_not_be_asked_about(workspace: Workspace) -> None:
    vm = vm_of(workspace)
    vm.files.image.parent.mkdir(parents=True)
    vm.files.image.write_bytes(b"junk")
    user = User()
    with pytest.raises(VMError, match="qcow2"):
        await ask_snapshot(user, workshop_of(workspace), vm)
    assert user.shown == []
