"""The dialogs for a VM's next start and its disk: settings, and snapshots."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from podplane_tui.backend.config.fields import FieldFault, field_fault
from podplane_tui.backend.core.text import one_line
from podplane_tui.tui.keys import bindings
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.screens.create import PathSuggester, absolute
from podplane_tui.tui.screens.dialog import Dialog, Form

if TYPE_CHECKING:
    from podplane_tui.backend.vm.disk import Snapshot
    from podplane_tui.backend.vm.remembered import ClusterSettings


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """What a VM is started with from now on, "" for the defaults, and its disk's new size, "" as it is."""

    cpus: str
    memory: str
    user_data: str
    user: str
    grow_to: str


_FIELDS = (
    ("cpus", "CPUs", "2"),
    ("memory", "Memory", "4G"),
    ("user-data", "user-data", "path of a cloud-init file; the cluster's own"),
    ("user", "Log in as", "debian"),
    ("grow-to", "Grow disk to", "as it is; only while the VM is stopped"),
)


class MachineDialog(Form[MachineSettings]):
    """Dismisses with the settings for the next start. What is empty is as the placeholder says."""

    AUTO_FOCUS = "#machine-cpus"

    def __init__(
        self,
        *,
        name: str,
        settings: "ClusterSettings",
        running: bool,
        disk: str,
        check: Callable[[MachineSettings], FieldFault | None] | None = None,
    ) -> None:
        super().__init__("machine", title=f"{name} from the next start on", accept="Keep", check=check)
        self._settings = settings
        self._is_live = running
        self._disk = disk

    def compose_body(self) -> Iterable[Widget]:
        """A field a line."""
        settings = self._settings
        values = {
            "cpus": settings.cpus,
            "memory": settings.memory,
            "user-data": settings.user_data,
            "user": settings.user,
        }
        for name, label, placeholder in _FIELDS:
            with Horizontal(classes="dialog-field"):
                yield Label(label)
                yield Input(
                    values.get(name, ""),
                    id=f"machine-{name}",
                    placeholder=placeholder,
                    suggester=PathSuggester() if name == "user-data" else None,
                    compact=True,
                )
        yield self.error_line()
        note = f"The disk has {self._disk}. The guest grows its file system at its next start, where it can."
        if self._is_live:
            note = f"It runs with what it had: press {key_name(self, 'vm.restart')} to restart it with these."
        yield Static(Content(note), classes="dialog-note")

    def answer(self) -> MachineSettings | None:
        """The fields, once they make sense."""
        values = {name: self.query_one(f"#machine-{name}", Input).value.strip() for name, _, _ in _FIELDS}
        if fault := field_fault(cpus=values["cpus"], memory=values["memory"], grow_to=values["grow-to"]):
            self.blame(fault)
            return None
        return MachineSettings(
            values["cpus"], values["memory"], absolute(values["user-data"]), values["user"], values["grow-to"]
        )


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """What to do with which snapshot: `take`, `restore` or `delete`."""

    what: str
    name: str


class SnapshotDialog(Dialog[SnapshotRequest]):
    """Dismisses with what to do. Enter in the field takes a snapshot; the list's are restored or deleted."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.SNAPSHOT_DIALOG]
    AUTO_FOCUS = "#snapshot-name"

    def __init__(self, *, name: str, snapshots: "tuple[Snapshot, ...]") -> None:
        super().__init__(title=f"Snapshots of {name}'s disk", accept="Take")
        self._snapshots = snapshots

    def compose_body(self) -> Iterable[Widget]:
        """Those there are, and the name of a new one."""
        if self._snapshots:
            options = [Option(Content(_headline(each))) for each in self._snapshots]
            yield OptionList(*options, id="snapshot-list", classes="dialog-list", compact=True)
        else:
            yield Static("There are none yet.", classes="dialog-text")
        with Horizontal(classes="dialog-field"):
            yield Label("New")
            yield Input(id="snapshot-name", placeholder="a name: letters, digits, . _ -", compact=True)
        yield Static("", id="snapshot-error", classes="dialog-error")

    def compose_buttons(self) -> Iterable[Widget]:
        """What can be done with the one in the list."""
        if self._snapshots:
            for what in ("restore", "delete"):
                words = f"{key_name(self, f'snapshot.{what}')}, in the list"
                yield Button(Content(what.title()), id=what, compact=True, tooltip=words)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of ours, or one of every dialog's."""
        if event.button.id in {"restore", "delete"}:
            event.stop()
            self.action_choose(event.button.id)
        else:
            super().on_button_pressed(event)

    def action_choose(self, what: str) -> None:
        """Do this with the one under the cursor."""
        chosen = self.query("#snapshot-list").first(OptionList).highlighted if self._snapshots else None
        if chosen is not None:
            self.dismiss(SnapshotRequest(what, self._snapshots[chosen].name))

    def answer(self) -> SnapshotRequest | None:
        """A new one, when it has a name."""
        name = self.query_one("#snapshot-name", Input).value.strip()
        if not name:
            self.query_one("#snapshot-error", Static).update("Give the new snapshot a name.")
            self.query_one("#snapshot-name", Input).focus()
            return None
        return SnapshotRequest("take", name)


def _headline(snapshot: "Snapshot") -> str:
    taken = datetime.fromtimestamp(snapshot.taken_at).astimezone()
    return f"{taken:%Y-%m-%d %H:%M}  {one_line(snapshot.name)}"
