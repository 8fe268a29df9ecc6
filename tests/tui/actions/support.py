"""Who answers the dialogs of actions, and where they find the VMs."""

from pathlib import Path
from typing import Any

from textual.screen import Screen

from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.tui.actions.tasks import Workshop
from tests.conftest import Workspace

KEYS = {"vm.stop": "x", "vm.start": "s", "vm.restart": "r", "vm.repair": "!"}


class User:
    """Gives these answers, one to each dialog; keeps the dialogs it was shown."""

    arch = "amd64"

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.shown: list[Screen[Any]] = []

    def key(self, binding_id: str) -> str:
        return KEYS[binding_id]

    async def push_screen_wait(self, screen: Screen[Any]) -> Any:
        self.shown.append(screen)
        return self.answers.pop(0)


def workshop_of(workspace: Workspace) -> Workshop:
    return Workshop(workspace.data, workspace.runtime, StopTimeouts(powerdown=90, terminate=0, kill=5), None)


def vm_of(workspace: Workspace, cluster_id: str = "dev", state: State = State.STOPPED) -> VMStatus:
    return VMStatus(VMFiles("amd64", cluster_id, workspace.data, workspace.runtime), state)


def image_of(vm: VMStatus) -> Path:
    """A file where the disk belongs."""
    vm.files.image.parent.mkdir(parents=True, exist_ok=True)
    vm.files.image.write_bytes(b"disk")
    return vm.files.image
