"""The settings screen: what `config.toml` says, checked as it is typed, written into that file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual import on, work
from textual.containers import Horizontal
from textual.content import Content
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Label, OptionList, Select, Static

from podplane_tui.backend.config.editor import ConfigFile, Value, change_config
from podplane_tui.backend.config.validators import typed_value
from podplane_tui.backend.core.errors import InvalidInput, VMError
from podplane_tui.backend.core.format import format_path
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.images.url import display_url
from podplane_tui.tui.keys.keymap import KeyLine
from podplane_tui.tui.screens.create import PathSuggester
from podplane_tui.tui.screens.dialog import Dialog
from podplane_tui.tui.threads import AtExit, in_thread

THEME = "dashboard.theme"
_IMAGE = "create.image"
_IMAGE_ID, _DIGEST_ID = "settings-create-image", "settings-create-digest"


@dataclass(frozen=True, slots=True)
class _Field:
    """One setting: what holds while the field is empty, and what the field is about."""

    setting: str
    label: str
    usual: str
    note: str

    @property
    def id(self) -> str:
        """That of its input; the note's has `-note` behind it."""
        return f"settings-{self.setting.replace('.', '-')}"


_SECTIONS: tuple[tuple[str, tuple[_Field, ...]], ...] = (
    ("Dashboard", (_Field("dashboard.refresh", "Refresh", "1", "seconds between two looks"),)),
    (
        "Stopping a VM",
        (
            _Field("stop.powerdown", "Power button", "90", "seconds; 0 leaves it out"),
            _Field("stop.terminate", "SIGTERM", "10", "seconds for QEMU to end"),
            _Field("stop.kill", "SIGKILL", "10", "seconds for the kernel"),
        ),
    ),
    (
        "New VMs",
        (
            _Field("create.image", "Base image", "podplane's own", "path, URL or cached name"),
            _Field("create.digest", "Digest", "none", "of an image from a URL"),
            _Field("create.max_size", "Largest download", "20G", ""),
            _Field("create.disk_size", "Disk size", "128G", ""),
            _Field("create.cpus", "CPUs", "2", ""),
            _Field("create.memory", "Memory", "4G", ""),
            _Field("create.user_data", "user-data", "none", "a cloud-init file"),
        ),
    ),
    (
        "Recordings of consoles",
        (
            _Field("recordings.boots", "Boots", "10", "kept of each VM"),
            _Field("recordings.megabytes", "Megabytes", "64", "for all of a VM's"),
        ),
    ),
)
_FIELDS = {field.id: field for _, fields in _SECTIONS for field in fields}


class SettingsDialog(Dialog[ConfigFile]):
    """Dismisses with the file as it is once the settings are written to it. The theme chosen is shown at once.

    `theme` is the one in force, `keys` are the bindings that were changed. Whoever opens it brings the theme back when
    nothing was saved.
    """

    AUTO_FOCUS = "#settings-theme"
    TYPE_AHEAD = True

    def __init__(self, file: ConfigFile, *, themes: Iterable[str], theme: str, keys: Sequence[KeyLine]) -> None:
        super().__init__(title="Settings", accept="Save", style="-large")
        self._theme_before = theme
        self._file = file
        self._themes = sorted(themes)
        self._keys = keys
        self._saving = False
        """The file is being written: once more, it would be found changed by somebody else."""

    def compose_body(self) -> Iterable[Widget]:
        """A field a line, below headings; what is empty is as its placeholder says."""
        suggesters: dict[str, Suggester] = {"create.image": PathSuggester(), "create.user_data": PathSuggester()}
        yield Static(self._about_file(), id="settings-head")
        for heading, fields in _SECTIONS:
            yield Label(heading, classes="settings-heading")
            if heading == "Dashboard":
                with Horizontal(classes="dialog-field"):
                    yield Label("Theme")
                    options = [(name, name) for name in self._themes]
                    yield Select(
                        options, value=self._theme_before, allow_blank=False, compact=True, id="settings-theme"
                    )
                    yield Static("Enter opens the list", classes="settings-note")
            for field in fields:
                with Horizontal(classes="dialog-field"):
                    yield Label(field.label)
                    yield Input(
                        self._said(field.setting),
                        id=field.id,
                        placeholder=field.usual,
                        suggester=suggesters.get(field.setting),
                        compact=True,
                    )
                    yield Static(Content(field.note), id=f"{field.id}-note", classes="settings-note")
        yield Label("Keys", classes="settings-heading")
        yield Static(self._about_keys(), classes="settings-text")
        yield Label("SSH", classes="settings-heading")
        yield Static(self._about_ssh(), id="settings-ssh", classes="settings-text")

    def _about_file(self) -> Content:
        return Content(f"Kept in {format_path(self._file.path)}, with your comments; in force at once.")

    def _about_keys(self) -> Content:
        lines = [
            Content.assemble(
                (f"{line.keys:<10} ", "$text-primary"),
                line.does,
                (f"  {line.id}, usually {line.usual}", "$foreground 60%"),
            )
            for line in self._keys
        ]
        words = "Change them" if lines else "All are as usual; change them"
        lines.append(Content(f"{words} under [keys] in that file: podplane-tui keys lists their ids."))
        return Content("\n").join(lines)

    def _about_ssh(self) -> Content:
        options = self._file.config.ssh.options
        words = "Change them" if options else "No options are set, and ssh's own configuration is not read; set some"
        return Content("\n".join([*options, f"{words} as options under [ssh] in that file."]))

    def _said(self, setting: str) -> str:
        """The value as it may be shown: it stays as it is in the file until something else is typed."""
        said = str(self._file.said.get(setting, ""))
        return display_url(said) if setting == _IMAGE else said

    # Theme

    def on_mount(self) -> None:
        """Show the theme under the cursor of the open list, which tells nobody of it, else the one chosen."""
        self.watch(self._theme, "expanded", self._show_theme, init=False)
        self.watch(self._theme.query_one(OptionList), "highlighted", self._show_theme, init=False)

    @property
    def _theme(self) -> "Select[str]":
        return self.query_one("#settings-theme", Select)

    def _show_theme(self) -> None:
        looked_at = self._theme.query_one(OptionList).highlighted
        if self._theme.expanded and looked_at is not None:
            self.app.theme = self._themes[looked_at]
        else:
            self.app.theme = str(self._theme.value)

    # Fields

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        """Say beside the field what is wrong with it."""
        event.stop()
        self.query_one("#settings-head", Static).update(self._about_file())
        field = _FIELDS[event.input.id or ""]
        self._note(field)
        if field.id == _IMAGE_ID:
            self._note(_FIELDS[_DIGEST_ID])

    def _note(self, field: _Field) -> None:
        note, wrong = self.query_one(f"#{field.id}-note", Static), self._wrong(field)
        note.update(Content(f"✗ {wrong}" if wrong else field.note))
        note.set_class(bool(wrong), "-wrong")

    def _text(self, field: _Field) -> str:
        return self.query_one(f"#{field.id}", Input).value.strip()

    def _wrong(self, field: _Field) -> str:
        """What is wrong with what stands in the field, or rather what to do about it; "" when nothing is."""
        text = self._text(field)
        try:
            if text:
                typed_value(field.setting, text)
        except InvalidInput as error:
            return error.hint
        from podplane_tui.backend.images.digest import digest_fault  # noqa: PLC0415 - when somebody types

        if field.id == _DIGEST_ID and (fault := digest_fault(self._text(_FIELDS[_IMAGE_ID]), text)):
            return str(fault)
        return ""

    # Saving

    def accept(self) -> None:
        """Write what was changed, unless something is wrong."""
        for field in _FIELDS.values():
            if self._wrong(field):
                self._note(field)
                self.query_one(f"#{field.id}", Input).focus()
                return
        if not self._saving:
            self._saving = True
            self._save(self._changes())

    def _changes(self) -> dict[str, Value | None]:
        changes: dict[str, Value | None] = {}
        for field in _FIELDS.values():
            if (text := self._text(field)) != self._said(field.setting):
                changes[field.setting] = typed_value(field.setting, text) if text else None
        theme = str(self._theme.value)
        if theme != self._theme_before:
            changes[THEME] = theme
        return changes

    @work(group="save")
    async def _save(self, changes: dict[str, Value | None]) -> None:
        try:
            file = self._file
            if changes:
                file = await in_thread(lambda: change_config(file, changes), name="save", at_exit=AtExit.FINISH)
        except VMError as error:
            self._saving = False
            words = Content.styled(one_line(str(error), limit=300), "$text-error")
            self.query_one("#settings-head", Static).update(words)
            self.query_one(".dialog-body").scroll_home(animate=False)
        else:
            self.dismiss(file)
