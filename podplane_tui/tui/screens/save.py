"""The dialog that asks where a console's text goes."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, RadioSet, Static

from podplane_tui.tui.screens.create import PathSuggester, absolute
from podplane_tui.tui.screens.dialog import Dialog
from podplane_tui.tui.widgets.marks import Choice


@dataclass(frozen=True, slots=True)
class SaveRequest:
    """Where to, as plain text or as the bytes the machine sent; `replace` when the file that is there may go."""

    path: Path
    raw: bool
    replace: bool


class SaveDialog(Dialog[SaveRequest]):
    """Dismisses with where to save. A file that is there is replaced only when that is said a second time."""

    AUTO_FOCUS = "#save-path"

    def __init__(self, *, name: str, path: Path, recorded: bool) -> None:
        super().__init__(title=f"Save the console of {name}", accept="Save")
        self._path = path
        self._recorded = recorded
        self._agreed: Path | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Where, and how."""
        yield Label("File")
        yield Input(str(self._path), id="save-path", suggester=PathSuggester(), compact=True)
        with RadioSet(id="save-kind", compact=True):
            yield Choice("plain text: what can be scrolled back to", value=True)
            yield Choice("raw: every byte since power-on, from the recording", disabled=not self._recorded)
        yield Static("", id="save-error", classes="dialog-error")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another file is another question."""
        event.stop()
        self._agreed = None
        self.query_one("#save-error", Static).update("")

    def answer(self) -> SaveRequest | None:
        """The fields, once nothing is replaced by surprise."""
        value = self.query_one("#save-path", Input).value.strip()
        path = Path(absolute(value))
        error = ""
        if not value or path.is_dir():
            error = "Say which file, not which directory."
        elif path.exists() and self._agreed != path:
            self._agreed = path
            error = "That file exists: Save once more to replace it."
        if error:
            self.query_one("#save-error", Static).update(Content(error))
            return None
        return SaveRequest(path, self.query_one(RadioSet).pressed_index == 1, self._agreed == path)
