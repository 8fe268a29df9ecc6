"""What stands where the table would be while there is nothing to list."""

from pathlib import Path

from textual.content import Content
from textual.widgets import Static

from podplane_tui.backend.core.format import format_path
from podplane_tui.tui.keys.naming import key_name


class EmptyState(Static):
    """Says where was looked and which key makes a machine."""

    def __init__(self, data_dir: Path, runtime_dir: Path) -> None:
        super().__init__(id="empty-state")
        self._data_dir = data_dir
        self._runtime_dir = runtime_dir

    def on_mount(self) -> None:
        """Say it."""
        self.update(
            Content.assemble(
                ("No VMs here yet.", "bold $text-primary"),
                "\n\nLooked for disks in\n",
                (f"  {format_path(self._data_dir / 'vms')}", "$text-accent"),
                "\nand for running ones in\n",
                (f"  {format_path(self._runtime_dir / 'vms')}", "$text-accent"),
                "\n\nPress ",
                (key_name(self, "vm.create"), "bold $text-primary"),
                " to make one, ",
                (key_name(self, "app.help"), "bold $text-primary"),
                " for all keys.",
            )
        )
