"""A throw-away place for machines: directories of their own that vanish, with every machine in them, in every way out.

A keeper process makes the directory and clears it when its standard input ends, which happens however the owner ends:
in the ordinary way, by an error, by a signal it can't catch. The keeper only ever removes what it made itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.errors import Busy, DeleteFailed, NotRunning, StartFailed, VMError
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.python import python_command
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.inventory import Inventory

PREFIX = "podplane-demo-"

_PATIENCE = 30.0
"""Seconds the keeper waits for a verb the owner has in progress on one of the machines."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The directories: everything is below `root`."""

    root: Path

    @property
    def data_dir(self) -> Path:
        return self.root / "data"

    @property
    def runtime_dir(self) -> Path:
        return self.root / "run"

    @property
    def state_dir(self) -> Path:
        return self.root / "state"


@contextlib.contextmanager
def throw_away_workspace() -> Iterator[Workspace]:
    """A new workspace, its directories 0700. At the end its machines have ended and nothing of it is left."""
    keeper = subprocess.Popen(
        python_command(__name__),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert keeper.stdin is not None  # noqa: S101 - asked for above
    assert keeper.stdout is not None  # noqa: S101
    try:
        root = os.fsdecode(keeper.stdout.readline().removesuffix(b"\n"))
        if not root:
            raise StartFailed("the demo's directory could not be created", hint="set TMPDIR to a writable directory")
        yield Workspace(Path(root))
    finally:
        keeper.stdin.close()
        keeper.stdout.close()
        keeper.wait()


def _make() -> Workspace:
    """The directories, in a place where the paths of sockets stay short enough."""
    for parent in dict.fromkeys(("/tmp", tempfile.gettempdir())):  # noqa: S108 - mkdtemp makes it private
        if not os.access(parent, os.W_OK | os.X_OK):
            continue
        workspace = Workspace(Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)))
        for directory in (workspace.data_dir, workspace.runtime_dir, workspace.state_dir):
            directory.mkdir(mode=0o700)
        return workspace
    raise StartFailed("no directory for temporary files is writable", hint="set TMPDIR to a writable directory")


def _clear(workspace: Workspace) -> None:
    """End every machine of the workspace and remove it."""
    deadline = time.monotonic() + _PATIENCE
    inventory = Inventory(workspace.data_dir, workspace.runtime_dir, state_dir=workspace.state_dir)
    while True:
        for vm in inventory.statuses():
            if vm.live:
                _end(workspace, vm, deadline)
        shutil.rmtree(workspace.root, ignore_errors=True)
        # An owner killed in the middle of a start may have let one more machine slip in meanwhile.
        if not workspace.root.exists() and not any(vm.live for vm in inventory.statuses()):
            return
        if time.monotonic() > deadline:
            raise DeleteFailed(f"{workspace.root} could not be cleared", hint="remove it by hand")


def _end(workspace: Workspace, vm: VMStatus, deadline: float) -> None:
    cluster = Cluster(
        data_dir=workspace.data_dir,
        runtime_dir=workspace.runtime_dir,
        state_dir=workspace.state_dir,
        cluster_id=vm.cluster_id,
        arch=vm.arch,
    )
    while True:
        try:
            cluster.stop(timeouts=StopTimeouts(powerdown=0, terminate=3))
        except NotRunning:
            return
        except Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _keep() -> None:
    """The keeper: make, tell where, wait for the owner's end, clear."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # the end of the input is what counts
    workspace = _make()
    try:
        sys.stdout.buffer.write(os.fsencode(workspace.root) + b"\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()
    finally:
        _clear(workspace)


if __name__ == "__main__":
    try:
        _keep()
    except (VMError, OSError) as error:
        sys.exit(f"podplane-tui: {one_line(str(error))}")
