"""`Context`: what the verbs of a cluster work with. Its manager, its files, its ports, and what is remembered of it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from podplane_tui.backend.config.fields import check_fields
from podplane_tui.backend.core.errors import CorruptFile, NotRunning, StopFailed
from podplane_tui.backend.core.files import os_errors_as
from podplane_tui.backend.core.paths import ARCHITECTURES, VMFiles
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.runtime.leftovers import clear
from podplane_tui.backend.runtime.ports import ports_of, read_state_file
from podplane_tui.backend.vm.manager import Qemu
from podplane_tui.backend.vm.protocol import Options
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings, update_settings


@dataclass(frozen=True, slots=True)
class Context:
    """One cluster's VM. `Cluster` makes one for its verbs; like it, a `Context` belongs to one thread."""

    qemu: Qemu

    @classmethod
    def of(cls, files: VMFiles, *, force: bool = False) -> Context:
        """The context of the VM that has these files; for `force` see `Options`."""
        place = (files.data_dir, files.runtime_dir, files.state_dir)
        return cls(Qemu(Options(files.arch, files.cluster_id, *place, force)))

    @property
    def files(self) -> VMFiles:
        """Where everything of the VM is."""
        return self.qemu.files

    def require_running(self) -> None:
        """Raise `NotRunning` when no QEMU of ours has the VM's disk open."""
        if not self.qemu.running():
            raise NotRunning(f"{self.qemu.vm_name} is not running", hint="start it first")

    # Ports

    def ports(self) -> Ports:
        """The ports of the running cluster: those of its state file, else those its QEMU was told.

        Raises `CorruptFile` when it does not run and the state file can't be understood.
        """
        process = self.qemu.process()
        try:
            ports = read_state_file(self.files.state_file)
        except CorruptFile:
            if process is None:
                raise
            ports = Ports()
        if process is None or any(ports.items()):
            return ports
        return ports_of(process.arguments)

    def remove_state_file(self) -> bool:
        """Remove the state file, unless the same cluster's VM of the other architecture runs by it.

        Gives whether there was one. Raises `StopFailed`.
        """
        if not os.path.lexists(self.files.state_file) or self.other_runs():
            return False
        with os_errors_as(StopFailed, f"{self.qemu.vm_name} has ended, but its state file can't be removed"):
            clear(self.files, self.files.state_file)
        return True

    def other_runs(self) -> bool:
        """Whether the same cluster has a running VM of the other architecture."""
        files = self.files
        others = (arch for arch in ARCHITECTURES if arch != files.arch)
        return any(Qemu(Options(a, files.cluster_id, files.data_dir, files.runtime_dir)).running() for a in others)

    # Remembered settings

    def remembered(self) -> ClusterSettings:
        """What is remembered of the cluster. Never raises."""
        return read_settings(self.files)

    def remember(self, **changes: str) -> None:
        """Remember how the VM is started; the names are those of `ClusterSettings`.

        Raises `InvalidInput` for CPUs or memory that QEMU would refuse, and `CorruptFile` when nothing can be written.
        """
        check_fields(cpus=changes.get("cpus", ""), memory=changes.get("memory", ""))
        with os_errors_as(CorruptFile, f"the settings of {self.qemu.vm_name} can't be written"):
            update_settings(self.files, **changes)
