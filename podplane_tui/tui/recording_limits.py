"""Keeps the recordings of running VMs within their limits while the dashboard is open, and reads host keys in them."""

import contextlib
from collections.abc import Iterable

from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.recording.store import keep_within
from podplane_tui.backend.vm.endpoint import learn_host_keys
from podplane_tui.tui.state.events import Event, Level, event


class Upkeep:
    """Does it, and says what is new about it. For one thread at a time."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def look(self, machines: Iterable[VMStatus]) -> list[Event]:
        """Trim what is too much and read host keys; what was done or found, each thing once however often it is."""
        said: list[tuple[str, Level]] = []
        for vm in machines:
            if vm.live:
                with contextlib.suppress(OSError):  # the next look may fare better, and a start says what is wrong
                    said += [(f"{vm.cluster_id}: {line}", Level.INFO) for line in keep_within(vm.files)]
                if warning := _host_key_warning(vm):
                    said.append((warning, Level.BAD))
        new = [event(line, level) for line, level in said if line not in self._said]
        self._said.update(line for line, _ in said)
        return new


def _host_key_warning(vm: VMStatus) -> str:
    """What to say of host keys that the console has shown and that are not the known ones, "" for none."""
    try:
        others = learn_host_keys(vm.files)
    except (OSError, VMError):  # a connection says what is wrong
        return ""
    if others is None:
        return ""
    return (
        f"{vm.cluster_id}: the console has shown an SSH host key that is not the known one ({others.told}); "
        f"nothing was changed. If you have recreated the VM's keys: "
        f"podplane-tui shell --id {vm.cluster_id} --forget-host-key"
    )
