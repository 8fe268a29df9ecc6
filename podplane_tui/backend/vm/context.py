"""`Context`: what the verbs of a cluster work with. Its manager, its files, its ports, and what is remembered of it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from podplane_tui.backend.config.fields import check_fields
from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import CorruptFile, StopFailed, VMError
from podplane_tui.backend.core.files import os_errors_as
from podplane_tui.backend.core.paths import ARCHITECTURES, VMFiles
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.qemu.process import QemuProcess
from podplane_tui.backend.runtime.leftovers import clear
from podplane_tui.backend.runtime.ports import ports_of, read_state_file, write_state_file
from podplane_tui.backend.vm.manager import Qemu
from podplane_tui.backend.vm.protocol import Options
from podplane_tui.backend.vm.remembered import ClusterSettings, claim, read_settings, update_settings


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

    # Ports

    def ports(self) -> Ports:
        """The ports of the running VM: those its QEMU was told. Of one that does not run, those of its state file.

        The state file of a running VM may be old, or that of the cluster's VM of the other architecture: somebody else
        may have its ports. Raises `CorruptFile` when the VM does not run and the state file can't be understood.
        """
        process = self.qemu.process()
        return read_state_file(self.files.state_file) if process is None else ports_of(process.arguments)

    def remove_state_file(self) -> bool:
        """Remove the state file; where the cluster's VM of the other architecture runs, make it name that one's ports.

        Gives whether it was removed. Raises `StopFailed`.
        """
        path = self.files.state_file
        if not os.path.lexists(path):
            return False
        with os_errors_as(StopFailed, f"{self.qemu.vm_name} has ended, but its state file can't be removed"):
            other = self._other()
            if other is None:
                clear(self.files, path)
                return True
        with (
            os_errors_as(StopFailed, f"{self.qemu.vm_name} has ended, but its state file can't be changed"),
            contextlib.suppress(CorruptFile),  # the other one's status says so
        ):
            ports = ports_of(other.arguments)
            if any(ports.items()) and read_state_file(path) != ports:
                write_state_file(path, self.files.cluster_id, ports)
        return False

    def other_runs(self) -> bool:
        """Whether the same cluster has a running VM of the other architecture."""
        return self._other() is not None

    def _other(self) -> QemuProcess | None:
        """The process of the same cluster's VM of the other architecture, if that runs."""
        files = self.files
        others = (arch for arch in ARCHITECTURES if arch != files.arch)
        found = (Qemu(Options(a, files.cluster_id, files.data_dir, files.runtime_dir)).process() for a in others)
        return next((process for process in found if process is not None), None)

    # Remembered settings

    def remembered(self) -> ClusterSettings:
        """What is remembered of the cluster. Never raises."""
        return read_settings(self.files)

    def claim(self, control: Control, *, new: bool = False) -> None:
        """Forget what is remembered of a former disk; see `claim`. What fails is a warning, for the VM is usable."""
        try:
            with os_errors_as(CorruptFile, f"what is remembered of {self.qemu.vm_name} can't be changed"):
                claim(self.files, new=new)
        except VMError as error:
            control.warn(str(error))

    def remember(self, **changes: str) -> None:
        """Remember how the VM is started; the names are those of `ClusterSettings`.

        Raises `InvalidInput` for CPUs or memory that QEMU would refuse, and `CorruptFile` when nothing can be written.
        """
        check_fields(cpus=changes.get("cpus", ""), memory=changes.get("memory", ""))
        with os_errors_as(CorruptFile, f"the settings of {self.qemu.vm_name} can't be written"):
            update_settings(self.files, **changes)
