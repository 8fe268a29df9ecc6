"""The create dialog: a cluster id, a base image, and what the machine is started with."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.containers import Horizontal
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from podplane_tui.backend.config.model import CreateDefaults
from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.paths import validate_cluster_id
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.qemu.arguments import parse_memory, validate_cpus
from podplane_tui.tui.screens.dialog import Fault, Form
from podplane_tui.tui.threads import in_thread


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """What to make. `image` is a path, a URL with its `digest`, or a name in podplane's cache; "": podplane's own.

    "" stands for the default of each of the others.
    """

    cluster_id: str
    image: str = ""
    digest: str = ""
    disk_size: str = ""
    cpus: str = ""
    memory: str = ""
    user_data: str = ""


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

    The fields begin with `start`, which did not work out for the reason `error`; without, with `defaults`. Without an
    image of podplane's an empty field stands for an empty disk.
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
        check: Callable[[CreateRequest], Fault | None] | None = None,
    ) -> None:
        super().__init__("create", title="New VM", accept="Create", check=check)
        defaults = defaults or CreateDefaults()
        values = {"id": "" if start is None else start.cluster_id}
        self._values = values | {
            name: getattr(start or defaults, name.replace("-", "_")) for name, _, _ in _FIELDS if name != "id"
        }
        self._error = error
        self._taken = taken
        self._cached = cached

    def compose_body(self) -> Iterable[Widget]:
        """A field a line; what is left empty is as its placeholder says."""
        image = f"path or URL; empty: {self._cached[0]}" if self._cached else "path or URL; empty: an empty disk"
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
        wrong = self._wrong(values)
        if wrong is not None:
            self.complain(*wrong)
            return None
        image = values["image"]
        if image and image not in self._cached and "://" not in image:
            image = absolute(image)
        return CreateRequest(
            values["id"],
            image,
            values["digest"],
            values["disk-size"],
            values["cpus"],
            values["memory"],
            absolute(values["user-data"]),
        )

    def _wrong(self, values: Mapping[str, str]) -> Fault | None:
        """The first field that can't be, and why."""
        if error := check_id(values["id"], self._taken):
            return "id", error
        from podplane_tui.backend.core.sizes import parse_disk_size  # noqa: PLC0415
        from podplane_tui.backend.images.digest import (  # noqa: PLC0415 - when somebody makes a machine
            digest_fault,
            validate_digest,
        )

        if fault := digest_fault(values["image"], values["digest"]):
            return "digest", str(fault)

        checks: dict[str, Callable[[str], object]] = {
            "digest": validate_digest,
            "disk-size": parse_disk_size,
            "cpus": validate_cpus,
            "memory": parse_memory,
        }
        for name, check in checks.items():
            try:
                if values[name]:
                    check(values[name])
            except InvalidInput as error:
                return name, str(error)
        return None
