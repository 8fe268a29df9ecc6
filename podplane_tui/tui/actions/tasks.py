"""Verbs as calls of the backend: what a job's thread runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from podplane_tui import backend
from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.errors import Cancelled
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.vm.verbs import Verb

if TYPE_CHECKING:
    from podplane_tui.backend.config.fields import FieldFault
    from podplane_tui.backend.sync.copy import SyncPreview
    from podplane_tui.backend.sync.rsync import SyncRequest
    from podplane_tui.backend.vm.create import CreateSpec
    from podplane_tui.backend.vm.start import StartSpec

Work = Callable[[Control], str]
"""Does one verb in the calling thread and returns a line about how it ended ("": nothing to add). Raises `VMError`."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where the VMs are and how verbs are done to them. Each call makes a `Cluster` of its own thread.

    Without `start_spec` a start takes the defaults. What the verbs need is imported by the first of them: half of the
    backend has nothing to do with looking.
    """

    data_dir: Path
    runtime_dir: Path
    stop_timeouts: StopTimeouts
    start_spec: StartSpec | None
    state_dir: Path | None = None

    def cluster(self, cluster_id: str, arch: str) -> backend.Cluster:
        """The VM's backend object, for the calling thread."""
        return backend.Cluster(
            data_dir=self.data_dir,
            runtime_dir=self.runtime_dir,
            state_dir=self.state_dir,
            cluster_id=cluster_id,
            arch=arch,
        )

    def of(self, vm: VMStatus) -> backend.Cluster:
        """The same for a VM that was seen."""
        return self.cluster(vm.cluster_id, vm.arch)

    def plain(self, verb: Verb, vm: VMStatus) -> Work:
        """The work of a verb that needs nothing but its VM."""
        do = _PLAIN[verb]
        return lambda control: do(self, self.of(vm), control)

    def start(self, vm: VMStatus, *, vm_only: bool = False) -> Work:
        """The work of starting a VM, through podplane where that made its cluster, unless `vm_only`."""

        def work(control: Control) -> str:
            spec = self.start_spec or backend.StartSpec()
            self.of(vm).start(replace(spec, vm_only=spec.vm_only or vm_only), control=control)
            return ""

        return work

    def confirmed(self, vm: VMStatus, chain: tuple[str, ...], work: Work) -> Work:
        """`work`, once it is remembered that the guest of `vm` may read the files of `chain`."""
        if not chain:
            return work

        def confirmed_work(control: Control) -> str:
            self.of(vm).confirm_chain(chain)
            return work(control)

        return confirmed_work

    def start_server(self, control: Control) -> str:
        """Start podplane's local server; gives where it listens. A `Work` itself."""
        from podplane_tui.backend.podplane import start_server  # noqa: PLC0415 - it brings half of the backend

        server = start_server(data_dir=self.data_dir, runtime_dir=self.runtime_dir, control=control)
        return f"process {server.pid}, https port {server.https_port}"

    def cached_images(self, arch: str) -> tuple[str, ...]:
        """The names of the images in podplane's cache, that of its manifest first."""
        from podplane_tui.backend.images.cache import list_images  # noqa: PLC0415 - see the class

        try:
            found = list_images(arch)
        except backend.VMError:
            return ()  # no home directory, so no cache either
        return tuple(image.title for image in found)

    def user_data_fault(self, vm: VMStatus, path: str) -> FieldFault | None:
        """What is wrong with a file of user-data; None when nothing is, or there is to be none."""
        from podplane_tui.backend.vm.user_data import user_data_fault  # noqa: PLC0415 - see the class

        return user_data_fault(vm.files, path)

    def create(self, cluster_id: str, spec: CreateSpec, arch: str, *, start_key: str) -> Work:
        """The work of making a VM."""

        def work(control: Control) -> str:
            self.cluster(cluster_id, arch).create(spec, control=control)
            return f"press {start_key} to start it"

        return work

    def delete(self, vm: VMStatus, plan: tuple[Path, ...]) -> Work:
        """The work of removing what was listed and agreed to."""

        def work(control: Control) -> str:
            self.of(vm).delete(plan, control=control)
            return ""

        return work

    def repair(self, vm: VMStatus, plan: backend.RepairPlan) -> Work:
        """The work of mending what was listed and agreed to."""

        def work(control: Control) -> str:
            done = self.of(vm).repair(plan, control=control)
            for line in done:
                control.report(line)
            return "; ".join(done)

        return work

    def preview_sync(self, vm: VMStatus, request: SyncRequest) -> Callable[[Control], SyncPreview]:
        """Asks what the sync would do, in the calling thread."""
        return lambda control: self.of(vm).preview_sync(request, control=control)

    def watch(self, vm: VMStatus, request: SyncRequest) -> Work:
        """The work of keeping a copy in a VM up to date."""

        def work(control: Control) -> str:
            self.of(vm).watch_sync(request, control=control)
            raise Cancelled("the watch was ended", hint="what was copied stays in the VM")

        return work

    def sync(self, vm: VMStatus, request: SyncRequest) -> Work:
        """The work of copying files into a VM."""

        def work(control: Control) -> str:
            cluster = self.of(vm)
            cluster.sync(request, control=control)
            return f"{request.source} → {request.destination}; the whole log is in {cluster.files.sync_log}"

        return work


def _stop(workshop: Workshop, cluster: backend.Cluster, control: Control) -> str:
    return cluster.stop(timeouts=workshop.stop_timeouts, control=control).message


def _restart(workshop: Workshop, cluster: backend.Cluster, control: Control) -> str:
    cluster.restart(timeouts=workshop.stop_timeouts, control=control)
    return ""


def _pause(_workshop: Workshop, cluster: backend.Cluster, control: Control) -> str:
    return "" if cluster.pause(control=control) else "it was paused already"


def _resume(_workshop: Workshop, cluster: backend.Cluster, control: Control) -> str:
    return "" if cluster.resume(control=control) else "it was running already"


def _reset(_workshop: Workshop, cluster: backend.Cluster, control: Control) -> str:
    cluster.reset(control=control)
    return ""


_PLAIN: Mapping[Verb, Callable[[Workshop, backend.Cluster, Control], str]] = {
    Verb.STOP: _stop,
    Verb.RESTART: _restart,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.RESET: _reset,
}
"""What is done for a verb that needs nothing but its VM."""


def sync_fault(request: SyncRequest) -> FieldFault | None:
    """What is wrong with what is to be copied; None when nothing is."""
    from podplane_tui.backend.config.fields import FieldFault  # noqa: PLC0415 - see `Workshop`
    from podplane_tui.backend.sync.rsync import check_source  # noqa: PLC0415

    try:
        check_source(request.source)
    except backend.VMError as error:
        return FieldFault("source", error)
    return None
