"""The keys, read from the bindings themselves so that they are always true."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from podplane_tui.tui.keys import bindings
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.screens.dashboard_keys import KeySection, Refused

_KEY_WIDTH = 14


class HelpScreen(ModalScreen[None]):
    """Shows the `sections` that are true of `main`, whenever its `refused` changes; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.HELP]

    def __init__(self, main: Screen[None], sections: Callable[[Refused], Sequence[KeySection]]) -> None:
        super().__init__()
        self._main, self._sections = main, sections

    def compose(self) -> ComposeResult:
        """One box, scrollable where the terminal is small."""
        with Vertical(classes="dialog -large") as box:
            box.border_title = "Keys"
            box.border_subtitle = Content(f"{key_name(self, 'help.close')} closes")
            with VerticalScroll():
                yield Static(id="help-text")

    def on_mount(self) -> None:
        """Show the keys now, and again whenever something else can be done."""
        self.watch(self._main, "refused", self._show)

    def _show(self, refused: Refused) -> None:
        self.query_one("#help-text", Static).update(Content("\n").join(_lines(self._sections(refused))))


def _lines(sections: Sequence[KeySection]) -> Iterable[Content]:
    for index, (heading, keys) in enumerate(sections):
        if index:
            yield Content("")
        yield Content.styled(heading, "bold $text-accent")
        for line in keys:
            style = "dim" if line.refused else "bold $text-primary"
            shown = f"  {line.words}" if not line.refused else f"  {line.words} ({line.refused})"
            yield Content.assemble((line.keys.rjust(_KEY_WIDTH), style), (shown, "dim" if line.refused else ""))
