"""The bench a case works on: a machine, innocent bystanders, and the check that nothing was harmed or left over."""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from podplane_tui.backend import (
    Cluster,
    Inventory,
    PIDFile,
    StartSpec,
    State,
    StopTimeouts,
    VMStatus,
)
from podplane_tui.backend.core.paths import CONSOLE_SUFFIX, IMAGE_SUFFIX
from podplane_tui.backend.qemu.process import ProcessTable
from podplane_tui.backend.vm.create import EMPTY_DISK
from tests.conftest import Workspace
from tests.stand_ins import python_as

HERE = Path(__file__).parent
SMALL = StartSpec(network=False, memory="64M", cpus="1")
AT_ONCE = StopTimeouts(powerdown=0, terminate=60)
SHORT = StopTimeouts(powerdown=0.3, terminate=60)
"""For machines that obey SIGTERM, however late on a busy host."""


class Sentinel:
    """A foreign process that tells whether anybody signalled it."""

    def __init__(self, arguments: tuple[str, ...] = (), *, executable: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [str(executable or sys.executable), "-I", "-S", str(HERE / "sentinel.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        """Assert that it is alive, not suspended, and that no signal ever reached it."""
        assert self.process.poll() is None, f"a foreign process was ended: {self.process.returncode}"
        assert psutil.Process(self.pid).status() not in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        assert json.loads(self.process.stdout.readline()) == [], "a foreign process was signalled"

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


class Bench:
    """One machine `a` in a workspace of its own, with bystanders: a plain process, and the QEMU of another machine.

    What a case starts through the bench is ended by the bench. `allowed` are patterns of names that may be left in
    the runtime directory, or beside the disks.
    """

    def __init__(self, workspace: Workspace, *, cluster_id: str = "a") -> None:
        self.workspace = workspace
        self.root = workspace.root
        self.cluster = self.machine(cluster_id)
        self.files = self.cluster.files
        self.allowed: list[str] = []
        self._children: list[subprocess.Popen[bytes]] = []
        self._disks: dict[Path, tuple[int, int, str]] = {}
        self._ends = contextlib.ExitStack()
        self._mounts = contextlib.ExitStack()
        self._programs = self.root / "programs"
        python_as(self.fake_qemu)
        bystander_disk = self.root / "bystander.qcow2"
        bystander_disk.write_bytes(b"another machine's disk")
        self.plain = Sentinel()
        self.bystander = Sentinel(("-drive", f"file={bystander_disk},if=virtio"), executable=self.fake_qemu)
        assert any(process.pid == self.bystander.pid for process in ProcessTable().scan())

    @property
    def fake_qemu(self) -> Path:
        """A program of QEMU's name that is a Python."""
        return self._programs / "qemu-system-x86_64"

    def machine(self, cluster_id: str, arch: str = "amd64") -> Cluster:
        return Cluster(
            data_dir=self.workspace.data, runtime_dir=self.workspace.runtime, cluster_id=cluster_id, arch=arch
        )

    def again(self) -> Cluster:
        """The machine as another program, which knows nothing of this one, sees it."""
        return self.machine(self.files.cluster_id)

    # Machines

    def create(self, cluster: Cluster | None = None) -> None:
        """A disk, whose content counts from now on."""
        cluster = cluster or self.cluster
        cluster.create(EMPTY_DISK)
        self.guard(cluster.files.image)

    def guard(self, disk: Path) -> None:
        """Check in the end that `disk` is the same file with the same content."""
        self._disks[disk] = _fingerprint(disk)

    def unguard(self, disk: Path) -> None:
        """The case itself does away with this disk."""
        del self._disks[disk]

    def start(self, settings: StartSpec = SMALL) -> int:
        """The machine under the real QEMU; gives its PID."""
        self.cluster.start(settings)
        pid = self.cluster.qemu.pid()
        assert pid is not None
        return pid

    def stand_in(
        self,
        *arguments: str,
        disk: Path | str | None = None,
        sockets: bool = False,
        console: bool = True,
        record: bool = True,
        cwd: Path | None = None,
        **behaviour: object,
    ) -> subprocess.Popen[bytes]:
        """A process that has the VM's disk open and its console, with a PID file unless `record` says no.

        With `sockets` it has the control socket too.
        """
        files = self.files
        files.pid_dir.mkdir(parents=True, exist_ok=True)
        if sockets:
            arguments += ("-qmp", f"unix:{files.qmp},server=on,wait=off")
        if console:
            stem = Path(disk or files.image).name.removesuffix(IMAGE_SUFFIX)
            arguments += ("-serial", f"unix:{files.pid_dir / stem}{CONSOLE_SUFFIX},server=on,wait=off")
        child = subprocess.Popen(
            [
                *(str(self.fake_qemu), "-I", "-S", str(HERE / "stand_in.py"), json.dumps(behaviour)),
                *("-drive", f"file={disk or files.image},format=qcow2,if=virtio", *arguments),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            cwd=cwd,
        )
        self._children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        if record:
            self.write_pid_file(child.pid)
        return child

    def write_pid_file(self, pid: int, data: Mapping[str, str] | None = None) -> None:
        PIDFile(self.files.pid_file, pid, data).write()

    def leave_socket(self, path: Path) -> None:
        """A socket nobody listens on any more, as a killed QEMU leaves it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))

    def child(self, *command: str, **keywords: Any) -> subprocess.Popen[bytes]:
        """Any other program, ended with the case."""
        child = subprocess.Popen(command, **keywords)
        self._children.append(child)
        return child

    def drive(self, verb: str, *arguments: str) -> subprocess.Popen[bytes]:
        """A verb in a program of its own, which prints its steps; see `driver.py`."""
        return self.child(
            *(sys.executable, "-m", "tests.faults.driver", str(self.workspace.data), str(self.workspace.runtime)),
            *(self.files.cluster_id, verb, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=HERE.parents[1],
        )

    def defer(self, action: Callable[[], object]) -> None:
        """Do `action` when the case is over, before what it left is looked at."""
        self._ends.callback(action)

    def mounted(self, directory: Path) -> None:
        """Unmount `directory` at the very end."""
        self._mounts.callback(lambda: subprocess.run(["umount", "--lazy", directory], check=True))

    # Looking

    def inventory(self) -> Inventory:
        return Inventory(self.workspace.data, self.workspace.runtime)

    def seen(self) -> VMStatus:
        """The machine's row."""
        vm = self.inventory().find(self.files.cluster_id, self.files.arch)
        assert vm is not None, "the machine has no row"
        return vm

    def state(self) -> State:
        return self.seen().state

    def real_machines(self) -> int:
        """How many real QEMUs run here, the bystander and the stand-ins not among them."""
        return sum("-machine" in process.cmdline() for process in self.workspace.qemu_processes())

    def tree(self) -> dict[str, tuple[int, int, int]]:
        """Every path in the workspace with its mode, size and time of change."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            info = path.lstat()
            found[str(path)] = (info.st_mode, info.st_size, info.st_mtime_ns)
        return found

    # The end

    def finish(self) -> None:
        """End what still runs, and check that nothing was harmed and nothing left over."""
        self._ends.close()
        for cluster in [self.cluster, *(self.machine(vm.cluster_id, vm.arch) for vm in self.inventory().statuses())]:
            if cluster.qemu.running():
                cluster.stop(timeouts=AT_ONCE)
        self.plain.check()
        self.bystander.check()
        for disk, fingerprint in self._disks.items():
            assert disk.exists(), f"the disk {disk} is gone"
            assert _fingerprint(disk) == fingerprint, f"the disk {disk} is another one"
        left = list(self._left_over())
        assert left == [], f"left over: {left}"

    def _left_over(self) -> Iterator[str]:
        own = ("*.image.qcow2", "*.cloudinitdata.iso", "*.efivars.fd", "id_ed25519", "id_ed25519.pub", *self.allowed)
        for directory in (self.workspace.data, self.workspace.runtime):
            for path in sorted(directory.rglob("*")):
                if path.is_dir() and not path.is_symlink():
                    continue
                patterns = own if directory == self.workspace.data else tuple(self.allowed)
                if not any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns):
                    yield str(path.relative_to(self.root))

    def close(self) -> None:
        """End every process of the bench."""
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL) if _leads(child) else child.kill()
            child.wait(10)
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    stream.close()
        self.plain.end()
        self.bystander.end()
        self._mounts.close()


def _leads(child: subprocess.Popen[bytes]) -> bool:
    return child.poll() is None and os.getpgid(child.pid) == child.pid


def _fingerprint(disk: Path) -> tuple[int, int, str]:
    """Device, inode and content of a disk; the content of an empty 128G disk is some hundred kilobytes."""
    info = disk.stat()
    assert stat.S_ISREG(info.st_mode)
    return info.st_dev, info.st_ino, hashlib.sha256(disk.read_bytes()).hexdigest()
