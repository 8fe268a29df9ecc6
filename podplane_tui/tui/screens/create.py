"""The create dialog: a cluster id, a base image, and what the VM is started with."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from textual.containers import Horizontal
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from podplane_tui.backend.config.fields import FieldFault
from podplane_tui.backend.config.model import CreateDefaults
from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.paths import validate_cluster_id
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.vm.create import EMPTY_IMAGE, CreateSpec, spec_fault
from podplane_tui.tui.screens.dialog import Form
from podplane_tui.tui.threads import in_thread


class CreateRequest(NamedTuple):
    """What to make, and under which id."""

    cluster_id: str
    spec: CreateSpec


class PathSuggester(Suggester):
    """Completes the last part of a path from what the directory holds; before that, one of `names`."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._names = names

    async def get_suggestion(self, value: str) -> str | None:
        """The first entry, in order of name, that begins with `value`."""
        if not value:
            return None
        if name := next((name for name in self._names if name.startswith(value)), None):
            return name
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


def absolute(path: str) -> str:
    """`path` as it means the same in every folder; "" stays that, and so does the `~` of a user who does not exist."""
    return str(Path(os.path.expanduser(path)).absolute()) if path else ""  # noqa: PTH111 - a Path raises for such a user


def check_id(value: str, taken: frozenset[str]) -> str:
    """What is wrong with `value` as a new cluster's id; "" when nothing is."""
    if value in taken:
        return f"{value} exists already: choose another id"
    try:
        validate_cluster_id(value)
    except InvalidInput as error:
        return str(error)
    return ""


_FIELDS = (
    ("id", "Cluster id", "lower-case letters, digits, hyphens"),
    ("image", "Base image", "path, URL, or name in podplane's cache"),
    ("digest", "Digest", "for a URL: sha256:… or sha512:…"),
    ("disk-size", "Disk size", "128G"),
    ("cpus", "CPUs", "2"),
    ("memory", "Memory", "4G"),
    ("user-data", "user-data", "path of a cloud-init file; none"),
)


class CreateDialog(Form[CreateRequest]):
    """Dismisses with what to make. `taken` are the ids there are, `cached` the names of the images podplane has.

    The fields begin with `start`, which did not work out for the reason `error`; without, with `defaults`.
    """

    AUTO_FOCUS = "#create-id"

    def __init__(
        self,
        *,
        taken: frozenset[str],
        cached: tuple[str, ...] = (),
        defaults: CreateDefaults | None = None,
        start: CreateRequest | None = None,
        error: str = "",
        check: Callable[[CreateRequest], FieldFault | None] | None = None,
    ) -> None:
        super().__init__("create", title="New VM", accept="Create", check=check)
        first = (defaults or CreateDefaults()) if start is None else start.spec
        values = {"id": "" if start is None else start.cluster_id}
        self._values = values | {name: getattr(first, name.replace("-", "_")) for name, _, _ in _FIELDS if name != "id"}
        self._error = error
        self._max_size = (defaults or CreateDefaults()).max_size
        """No field: it is a setting, which may have been changed since `start` did not work out."""
        self._taken = taken
        self._cached = cached

    def compose_body(self) -> Iterable[Widget]:
        """A field a line; what is left empty is as its placeholder says."""
        usual = f"default: {self._cached[0]}" if self._cached else f'"{EMPTY_IMAGE}" for an empty disk'
        image = f"path or URL; {usual}"
        suggesters: dict[str, Suggester] = {
            "image": PathSuggester(self._cached),
            "user-data": PathSuggester(),
        }
        for name, label, placeholder in _FIELDS:
            with Horizontal(classes="dialog-field"):
                yield Label(label)
                yield Input(
                    self._values[name],
                    id=f"create-{name}",
                    placeholder=image if name == "image" else placeholder,
                    suggester=suggesters.get(name),
                    compact=True,
                )
        yield self.error_line(one_line(self._error, limit=300))
        yield Static(
            "The base image is never written to, and must stay where it is. "
            "podplane's own command can't start a VM it did not make; this program can.",
            classes="dialog-note",
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        """Complain while typing only about what more typing can't mend."""
        event.stop()
        name = (event.input.id or "").removeprefix("create-")
        if event.value != self._values[name]:  # else it only came to be
            self._values[name] = event.value
            self.query_one("#create-error", Static).update("")

    def answer(self) -> CreateRequest | None:
        """The fields, once they make sense."""
        values = {name: self.query_one(f"#create-{name}", Input).value.strip() for name, _, _ in _FIELDS}
        if error := check_id(values["id"], self._taken):
            self.complain("id", error)
            return None
        image = values["image"]
        if image.lower() not in {"", EMPTY_IMAGE} and image not in self._cached and "://" not in image:
            image = absolute(image)
        spec = CreateSpec(
            image,
            values["digest"],
            values["disk-size"],
            values["cpus"],
            values["memory"],
            absolute(values["user-data"]),
            max_size=self._max_size,
        )
        if fault := spec_fault(spec):
            self.blame(fault)
            return None
        return CreateRequest(values["id"], spec)
