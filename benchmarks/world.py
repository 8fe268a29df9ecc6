"""Base directories with machines in them: stopped ones, and stand-ins whose processes look like QEMU's."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.images.qemu_img import create_overlay
from podplane_tui.backend.qemu.arguments import qemu_arguments
from podplane_tui.backend.qemu.process import BOOT_ID_KEY, TICKS_KEY, boot_id, create_ticks
from podplane_tui.backend.recording.store import belongs_to
from podplane_tui.backend.runtime.pidfile import PIDFile
from podplane_tui.backend.runtime.ports import FORWARDS, port_forwards, write_state_file
from tests.base_directories import BaseDirectories
from tests.stand_ins import STAND_IN, python_as

_FIRST_PORT = 20_000


@dataclass(frozen=True, slots=True)
class World(BaseDirectories):
    """Machines `vm-000`, `vm-001` …; those that run come first."""

    machines: list[VMFiles] = field(default_factory=list)
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a program that is to find all this, and may keep its bytecode as installed ones do."""
        return {name: value for name, value in self.environment.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def recording(self, machine: VMFiles) -> Path:
        """Where the console of a stand-in is recorded: whoever appends to it is its guest."""
        return machine.recordings_dir / "20260101T000000.000000Z.raw"


@contextmanager
def world(*, running: int, stopped: int, ssh_port: int | None = None) -> Iterator[World]:
    """Make one; in the end it is gone, and so are its processes. `ssh_port` is where a server for the first listens."""
    made = World(Path(tempfile.mkdtemp(prefix="pb-", dir="/tmp")))
    try:
        made.data.joinpath("vms").mkdir(parents=True)
        made.runtime.joinpath("vms").mkdir(parents=True)
        template = made.root / "empty.qcow2"
        create_overlay(template, None)
        program = python_as(made.root / "programs" / "qemu-system-x86_64")
        for number in range(running + stopped):
            machine = VMFiles("amd64", f"vm-{number:03}", made.data, made.runtime, made.state)
            shutil.copyfile(template, machine.image)
            shutil.copyfile(template, machine.seed)
            made.machines.append(machine)
            if number < running:
                _start(made, machine, program, None if number else ssh_port)
        yield made
    finally:
        for child in made.children:
            child.kill()
            child.communicate()
        shutil.rmtree(made.root)


def _start(made: World, machine: VMFiles, program: Path, ssh_port: int | None) -> None:
    """A process with QEMU's name and arguments, a control socket that answers, and all the files of a machine."""
    first = _FIRST_PORT + len(FORWARDS) * len(made.children)
    ports = Ports(*range(first, first + len(FORWARDS)))  # nobody listens there, and nobody connects
    if ssh_port is not None:
        ports = ports._replace(ssh=ssh_port)
    recording = made.recording(machine)
    recording.parent.mkdir(parents=True)
    recording.write_bytes(b"")
    recording.chmod(0o600)
    arguments = qemu_arguments(
        monitor=False,
        arch="amd64",
        vm_image=machine.image,
        cloud_init_data_iso_path=machine.seed,
        serial_console_path=machine.console,
        ports=port_forwards(ports),
        accelerator="tcg",
        console_log=recording,
        qmp_path=machine.qmp,
    )
    child = subprocess.Popen(
        [str(program), "-I", "-S", str(STAND_IN), "{}", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    made.children.append(child)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    data = {"qmp": str(machine.qmp), "console_log": str(recording)}
    identity = {BOOT_ID_KEY: boot_id(), TICKS_KEY: create_ticks(child.pid) or ""}
    PIDFile(machine.pid_file, child.pid, {**data, **identity}).write()
    belongs_to(recording, child.pid)
    write_state_file(machine.state_file, machine.cluster_id, ports)
