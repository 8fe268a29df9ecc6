"""What stands where the table would be while there is nothing to list."""

from pathlib import Path

from textual.content import Content
from textual.widgets import Static

from podplane_tui.text import format_path


class EmptyState(Static):
    """Says where was looked and which key makes a machine."""

    def __init__(self, data_dir: Path, runtime_dir: Path) -> None:
        super().__init__(
            Content.assemble(
                ("No VMs here yet.", "bold $text-primary"),
                "\n\nLooked for disks in\n",
                (f"  {format_path(data_dir / 'vms')}", "$text-accent"),
                "\nand for running ones in\n",
                (f"  {format_path(runtime_dir / 'vms')}", "$text-accent"),
                "\n\nPress ",
                ("n", "bold $text-primary"),
                " to make one, ",
                ("?", "bold $text-primary"),
                " for all keys.",
            ),
            id="empty-state",
        )
