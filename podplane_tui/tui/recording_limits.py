"""Keeps the recordings of running machines within their limits while the dashboard is open."""

import contextlib
from collections.abc import Iterable

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.recording.store import keep_within


class Upkeep:
    """Does it, and says what is new about it. For one thread at a time."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def look(self, machines: Iterable[VMStatus]) -> list[str]:
        """Trim what is too much; what was done, each thing once however often it is done."""
        said = []
        for vm in machines:
            if vm.live:
                with contextlib.suppress(OSError):  # the next look may fare better, and a start says what is wrong
                    said += [f"{vm.cluster_id}: {line}" for line in keep_within(vm.files)]
        new = [line for line in said if line not in self._said]
        self._said.update(new)
        return new
