"""The create dialog: a cluster id and a base image."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textual.content import Content
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from podplane_tui.backend.errors import InvalidInput
from podplane_tui.backend.paths import validate_cluster_id
from podplane_tui.tui.screens.dialog import Dialog
from podplane_tui.tui.threads import in_thread


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """What to make: the id, and the image its disk is based on (None: an empty disk)."""

    cluster_id: str
    image: Path | None


class PathSuggester(Suggester):
    """Completes the last part of a path from what the directory holds."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first entry, in order of name, that begins with `value`."""
        if not value:
            return None
        return await in_thread(lambda: _complete(value), name="path-completion")


def _complete(value: str) -> str | None:
    directory, slash, prefix = value.rpartition("/")
    try:
        entries = sorted(Path(f"{directory}{slash}" or ".").expanduser().iterdir())
    except (OSError, RuntimeError):
        return None
    for entry in entries:
        if entry.name.startswith(prefix) and (prefix or not entry.name.startswith(".")) and entry.name.isprintable():
            return f"{directory}{slash}{entry.name}" + ("/" if entry.is_dir() else "")
    return None


def check_id(value: str, taken: frozenset[str]) -> str:
    """What is wrong with `value` as a new cluster's id; "" when nothing is."""
    if value in taken:
        return f"{value} exists already: choose another id"
    try:
        validate_cluster_id(value)
    except InvalidInput as error:
        return str(error)
    return ""


class CreateDialog(Dialog[CreateRequest]):
    """Dismisses with what to make. `taken` are the ids there are."""

    AUTO_FOCUS = "#create-id"

    def __init__(self, *, taken: frozenset[str]) -> None:
        super().__init__(title="New VM", accept="Create")
        self._taken = taken

    def compose_body(self) -> Iterable[Widget]:
        """Two fields."""
        yield Label("Cluster id")
        yield Input(id="create-id", placeholder="lower-case letters, digits, hyphens", max_length=64, compact=True)
        yield Label("Base image (qcow2)")
        yield Input(
            id="create-image",
            placeholder="path; leave empty for an empty disk",
            suggester=PathSuggester(),
            compact=True,
        )
        yield Static("", id="create-error", classes="dialog-error")
        yield Static(
            "The disk is an overlay: the base image is never written to, and must stay where it is. "
            "podplane's own command can't start a VM it did not make; this program can.",
            classes="dialog-note",
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        """Complain while typing only about what more typing can't mend."""
        event.stop()
        self.query_one("#create-error", Static).update("")

    def answer(self) -> CreateRequest | None:
        """The fields, once the id is right; the backend looks at the image."""
        field = self.query_one("#create-id", Input)
        cluster_id = field.value.strip()
        error = check_id(cluster_id, self._taken)
        if error:
            self.query_one("#create-error", Static).update(Content(error))
            field.focus()
            return None
        image = self.query_one("#create-image", Input).value.strip()
        return CreateRequest(cluster_id, Path(image).expanduser().absolute() if image else None)
