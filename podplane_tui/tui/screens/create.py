"""The create dialog: a cluster id, a base image, and what the machine is started with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.containers import Horizontal
from textual.content import Content
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from podplane_tui.backend.arguments import parse_memory, validate_cpus
from podplane_tui.backend.config import CreateDefaults
from podplane_tui.backend.config_checks import digest_fault
from podplane_tui.backend.errors import InvalidInput
from podplane_tui.backend.paths import validate_cluster_id
from podplane_tui.backend.text import one_line
from podplane_tui.tui.screens.dialog import Dialog
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


class CreateDialog(Dialog[CreateRequest]):
    """Dismisses with what to make. `taken` are the ids there are, `cached` the names of the images podplane has.

    The fields begin with `defaults`. Without an image of podplane's an empty field stands for an empty disk.
    """

    AUTO_FOCUS = "#create-id"

    def __init__(
        self, *, taken: frozenset[str], cached: tuple[str, ...] = (), defaults: CreateDefaults | None = None
    ) -> None:
        super().__init__(title="New VM", accept="Create")
        self._defaults = defaults or CreateDefaults()
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
                    "" if name == "id" else getattr(self._defaults, name.replace("-", "_")),
                    id=f"create-{name}",
                    placeholder=image if name == "image" else placeholder,
                    suggester=suggesters.get(name),
                    compact=True,
                )
        yield Static("", id="create-error", classes="dialog-error")
        yield Static(
            "The base image is never written to, and must stay where it is. "
            "podplane's own command can't start a VM it did not make; this program can.",
            classes="dialog-note",
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        """Complain while typing only about what more typing can't mend."""
        event.stop()
        self.query_one("#create-error", Static).update("")

    def answer(self) -> CreateRequest | None:
        """The fields, once they make sense; the backend looks at the image."""
        values = {name: self.query_one(f"#create-{name}", Input).value.strip() for name, _, _ in _FIELDS}
        wrong = self._wrong(values)
        if wrong is not None:
            name, words = wrong
            self.query_one("#create-error", Static).update(Content(one_line(words, limit=300)))
            self.query_one(f"#create-{name}", Input).focus()
            return None
        image = values["image"]
        if image and image not in self._cached and "://" not in image:
            image = str(Path(image).expanduser().absolute())
        user_data = str(Path(values["user-data"]).expanduser().absolute()) if values["user-data"] else ""
        return CreateRequest(
            values["id"], image, values["digest"], values["disk-size"], values["cpus"], values["memory"], user_data
        )

    def _wrong(self, values: Mapping[str, str]) -> tuple[str, str] | None:
        """The first field that can't be, and why."""
        if error := check_id(values["id"], self._taken):
            return "id", error
        if error := digest_fault(values["image"], values["digest"]):
            return "digest", error
        from podplane_tui.backend.digest import validate_digest  # noqa: PLC0415 - when somebody makes a machine
        from podplane_tui.backend.disk import parse_disk_size  # noqa: PLC0415

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
