"""Verbs as calls of the backend: what a job's thread runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from podplane_tui import backend
from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.errors import Cancelled
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.tui.verbs import Verb

if TYPE_CHECKING:
    from podplane_tui.backend.sync.copy import SyncPreview
    from podplane_tui.backend.sync.rsync import SyncRequest
    from podplane_tui.tui.screens.create import CreateRequest
    from podplane_tui.tui.screens.dialog import Fault

Work = Callable[[Control], str]
"""Does one verb in the calling thread and returns a line about how it ended ("": nothing to add). Raises `VMError`."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where the machines are and how verbs are done to them. Each call makes a `Cluster` of its own thread.

    Without `start_settings` a start takes the defaults. What the verbs need is imported by the first of them: half of
    the backend has nothing to do with looking.
    """

    data_dir: Path
    runtime_dir: Path
    stop_timeouts: StopTimeouts
    start_settings: backend.StartSettings | None
    state_dir: Path | None = None

    def cluster(self, cluster_id: str, arch: str) -> backend.Cluster:
        """The machine's backend object, for the calling thread."""
        return backend.Cluster(
            data_dir=self.data_dir,
            runtime_dir=self.runtime_dir,
            state_dir=self.state_dir,
            cluster_id=cluster_id,
            arch=arch,
        )

    def plain(self, verb: Verb, vm: VMStatus) -> Work:
        """The work of a verb that needs nothing but its machine."""

        def work(control: Control) -> str:
            from podplane_tui.backend import podplane  # noqa: PLC0415 - it brings half of the backend

            cluster = self.cluster(vm.cluster_id, vm.arch)
            match verb:
                case Verb.START:
                    self._start(cluster, control, alone=False)
                case Verb.STOP:
                    return cluster.stop(timeouts=self.stop_timeouts, control=control).message
                case Verb.RESTART:
                    if cluster.files.made_by_podplane:
                        control.report(podplane.VM_ONLY_WARNING)
                    cluster.restart(timeouts=self.stop_timeouts, control=control)
                case Verb.PAUSE:
                    cluster.pause(control=control)
                case Verb.RESUME:
                    cluster.resume(control=control)
                case Verb.RESET:
                    cluster.reset(control=control)
                case Verb.CREATE | Verb.DELETE | Verb.SYNC | Verb.WATCH | Verb.REPAIR | Verb.SERVER:
                    raise AssertionError(f"{verb} needs more than a machine")
            return ""

        return work

    def start_alone(self, vm: VMStatus) -> Work:
        """The work of starting a machine without podplane, whoever made it."""

        def work(control: Control) -> str:
            self._start(self.cluster(vm.cluster_id, vm.arch), control, alone=True)
            return ""

        return work

    def _start(self, cluster: backend.Cluster, control: Control, *, alone: bool) -> None:
        """Start it through podplane where that made it and can be run, else the machine alone, with a warning."""
        from podplane_tui.backend import podplane  # noqa: PLC0415 - it brings half of the backend

        if cluster.files.made_by_podplane:
            if not alone and podplane.podplane_installed():
                podplane.start_cluster(cluster.qemu, control)
                return
            control.report(podplane.VM_ONLY_WARNING)
        cluster.start(self.start_settings, control=control)

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
        return tuple(image.path.name for image in found)

    def create_fault(self, request: CreateRequest, arch: str) -> Fault | None:
        """What the disk has against making that machine, before anything is begun; None when there is nothing."""
        from podplane_tui.backend.images.qcow2 import read_image  # noqa: PLC0415 - see the class

        if (image := Path(request.image)).is_absolute():  # neither a URL nor a name in podplane's cache
            if not image.exists():
                return "image", f"there is no file {image}: check the path"
            try:
                read_image(image)
            except backend.VMError as error:
                return "image", str(error)
        return self.user_data_fault(request.cluster_id, arch, request.user_data)

    def user_data_fault(self, cluster_id: str, arch: str, path: str) -> Fault | None:
        """What is wrong with a file of user-data; None when nothing is, or there is to be none."""
        try:
            if path:
                self.cluster(cluster_id, arch).user_data(Path(path))
        except backend.VMError as error:
            return "user-data", str(error)
        return None

    def create(self, request: CreateRequest, arch: str, *, start_key: str) -> Work:
        """The work of making a machine."""

        def work(control: Control) -> str:
            from podplane_tui.backend.images.cache import choose_image  # noqa: PLC0415 - see the class
            from podplane_tui.backend.images.qemu_img import VIRTUAL_SIZE  # noqa: PLC0415

            image = None
            if request.image or self.cached_images(arch):
                image = choose_image(request.image, arch, control, digest=request.digest)
            cluster = self.cluster(request.cluster_id, arch)
            cluster.create(image, size=request.disk_size or VIRTUAL_SIZE, control=control)
            named = {"cpus": request.cpus, "memory": request.memory, "user_data": request.user_data}
            if changes := {name: value for name, value in named.items() if value}:
                cluster.remember(**changes)
            return f"press {start_key} to start it"

        return work

    def delete(self, vm: VMStatus, plan: tuple[Path, ...]) -> Work:
        """The work of removing what was listed and agreed to."""

        def work(control: Control) -> str:
            self.cluster(vm.cluster_id, vm.arch).delete(plan, control=control)
            return ""

        return work

    def repair(self, vm: VMStatus, plan: backend.RepairPlan) -> Work:
        """The work of mending what was listed and agreed to."""

        def work(control: Control) -> str:
            done = self.cluster(vm.cluster_id, vm.arch).repair(plan, control=control)
            for line in done:
                control.report(line)
            return "; ".join(done)

        return work

    def preview_sync(self, vm: VMStatus, request: SyncRequest) -> Callable[[Control], SyncPreview]:
        """Asks what the sync would do, in the calling thread."""
        return lambda control: self.cluster(vm.cluster_id, vm.arch).preview_sync(request, control=control)

    def watch(self, vm: VMStatus, request: SyncRequest) -> Work:
        """The work of keeping a copy in a machine up to date."""

        def work(control: Control) -> str:
            from podplane_tui.backend.vm.remembered import remember_sync  # noqa: PLC0415 - see the class

            cluster = self.cluster(vm.cluster_id, vm.arch)
            remember_sync(cluster.files, request)
            cluster.watch_sync(request, control=control)
            raise Cancelled("ended", hint="what was copied stays in the machine")

        return work

    def sync(self, vm: VMStatus, request: SyncRequest) -> Work:
        """The work of copying files into a machine."""

        def work(control: Control) -> str:
            from podplane_tui.backend.vm.remembered import remember_sync  # noqa: PLC0415 - see the class

            cluster = self.cluster(vm.cluster_id, vm.arch)
            remember_sync(cluster.files, request)
            cluster.sync(request, control=control)
            return f"{request.source} → {request.destination}; the whole log is in {cluster.files.sync_log}"

        return work


def sync_fault(request: SyncRequest) -> Fault | None:
    """What is wrong with what is to be copied; None when nothing is."""
    from podplane_tui.backend.sync.rsync import check_source  # noqa: PLC0415 - see `Workshop`

    try:
        check_source(request.source)
    except backend.VMError as error:
        return "source", str(error)
    return None
