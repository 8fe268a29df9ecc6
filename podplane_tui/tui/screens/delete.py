"""The delete dialog: exactly what goes, with sizes; Cancel has the focus."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from podplane_tui.backend.core.files import disk_usage
from podplane_tui.backend.core.format import count, format_path, format_size
from podplane_tui.backend.vm.delete import kind_of
from podplane_tui.tui.screens.dialog import Dialog


@dataclass(frozen=True, slots=True)
class DoomedFile:
    """A path that would be removed, with the bytes it takes on disk (a directory: with all below it), and `kind_of`."""

    path: Path
    size: int
    kind: str = ""


def measure(plan: Iterable[Path]) -> tuple[DoomedFile, ...]:
    """Sizes of what a delete would remove. Blocks on the disk; follows no symbolic link; never raises."""
    return tuple(DoomedFile(path, disk_usage(path), kind_of(path)) for path in plan)


class DeleteDialog(Dialog[bool]):
    """Dismisses with True when the listed files shall go."""

    def __init__(self, *, title: str, files: Sequence[DoomedFile], text: Content | None = None) -> None:
        super().__init__(title=title, accept="Delete", style="-dangerous -large")
        self._files = files
        self._text = text

    def compose_body(self) -> Iterable[Widget]:
        """The list, and what stays."""
        if self._text is not None:
            yield Static(self._text, classes="dialog-text")
        total = format_size(sum(file.size for file in self._files))
        yield Static(
            Content.assemble("This removes for good ", (f"{count(len(self._files), 'path')}, {total}", "bold"), ":"),
            classes="dialog-text",
        )
        yield Static(Content("\n").join(_lines(self._files)), id="delete-list", classes="dialog-text")
        yield Static("Base images, SSH keys and other VMs stay.", classes="dialog-note")

    def answer(self) -> bool | None:
        """Yes."""
        return True


def _lines(files: Sequence[DoomedFile]) -> Iterable[Content]:
    directory: Path | None = None
    for file in files:
        if file.path.parent != directory:
            directory = file.path.parent
            yield Content.styled(format_path(directory) + "/", "$foreground 60%")
        name = format_path(Path(file.path.name)) + file.kind
        yield Content.assemble((f"{format_size(file.size):>6}  ", "$text-warning"), name)
