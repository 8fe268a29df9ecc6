"""`Manager`: podplane's VM manager as a Python protocol, and the `Options` that name a VM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TextIO

from podplane_tui.backend.core.control import ShellOptions
from podplane_tui.backend.qemu.arguments import DirectBootOptions, PortForward
from podplane_tui.backend.runtime.pidfile import PIDFile


class Options(NamedTuple):
    """Which machine a manager is for.

    `arch` is `amd64` or `arm64`; the directories are podplane's own data and runtime directories
    (`~/.local/share/podplane` and the like), not their `vms` folders; `state_dir` is our own, None for the usual one.
    With `force`, verbs go on where it can't be told whether somebody else uses the disk.
    """

    arch: str
    cluster_id: str
    data_dir: Path
    runtime_dir: Path
    state_dir: Path | None = None
    force: bool = False


class Manager(Protocol):
    """One virtual machine: the verbs of podplane's own VM manager."""

    @property
    def vm_name(self) -> str: ...
    @property
    def vm_image_directory(self) -> Path: ...
    @property
    def vm_image_path(self) -> Path: ...
    @property
    def vm_pid_directory(self) -> Path: ...
    @property
    def vm_pid_filename(self) -> str: ...
    @property
    def serial_console_path(self) -> Path: ...
    @property
    def cloud_init_data_disk_path(self) -> Path: ...

    def vm_pid_file(self) -> PIDFile | None: ...
    def addr(self) -> str: ...
    def node_ip(self) -> str: ...
    def set_output(self, stream: TextIO | None) -> None: ...
    def exists(self) -> bool: ...
    def running(self) -> bool: ...
    def pid(self) -> int | None: ...
    def create(self, base_image: Path) -> None: ...
    def start(
        self,
        *,
        user_data: str,
        cpus: str = "",
        memory: str = "",
        ssh_authorized_key: str = "",
        monitor: bool = False,
        boot: DirectBootOptions | None = None,
        ports: Sequence[PortForward] = (),
    ) -> None: ...
    def stop(self) -> object: ...
    def delete(self) -> None: ...
    def console(self) -> object: ...
    def shell(
        self,
        command: Sequence[str] = (),
        *,
        ssh_port: int,
        identity_file: Path,
        options: ShellOptions | None = None,
    ) -> bytes | None: ...
    def sync(
        self,
        source: str,
        destination: str,
        *,
        chown: str = "",
        excludes: Sequence[str] = (),
        ssh_port: int,
        identity_file: Path,
    ) -> None: ...
