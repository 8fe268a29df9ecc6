"""What a machine is called and where its files are, under the names of podplane's VM manager."""

from __future__ import annotations

from pathlib import Path

from podplane_tui.backend.paths import NODE_ADDRESS, VMFiles

HOST_ADDRESS = "10.0.2.2"
"""The host as the guest sees it (QEMU's user network)."""


class Names:
    """The part of `Manager` that only tells; `files` says it all."""

    files: VMFiles

    @property
    def vm_name(self) -> str:
        """`podplane-local-<cluster id>`."""
        return self.files.name

    @property
    def vm_image_directory(self) -> Path:
        return self.files.image_dir

    @property
    def vm_image_path(self) -> Path:
        return self.files.image

    @property
    def vm_pid_directory(self) -> Path:
        return self.files.pid_dir

    @property
    def vm_pid_filename(self) -> str:
        """The PID file's name, without its directory."""
        return self.files.pid_file.name

    @property
    def serial_console_path(self) -> Path:
        return self.files.console

    @property
    def cloud_init_data_disk_path(self) -> Path:
        return self.files.seed

    def addr(self) -> str:
        """The host's address as the guest sees it."""
        return HOST_ADDRESS

    def node_ip(self) -> str:
        """The guest's address as its pods see it."""
        return NODE_ADDRESS
