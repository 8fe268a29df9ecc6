"""The keys, read from the bindings themselves so that they are always true."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from podplane_tui.tui.keys import bindings
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.screens.dashboard_keys import KeySection

_KEY_WIDTH = 14


class HelpScreen(ModalScreen[None]):
    """Shows `sections`; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.HELP]

    def __init__(self, sections: Sequence[KeySection]) -> None:
        super().__init__()
        self._sections = sections

    def compose(self) -> ComposeResult:
        """One box, scrollable where the terminal is small."""
        with Vertical(classes="dialog -large") as box:
            box.border_title = "Keys"
            box.border_subtitle = Content(f"{key_name(self, 'help.close')} closes")
            with VerticalScroll():
                yield Static(Content("\n").join(_lines(self._sections)), id="help-text")


def _lines(sections: Sequence[KeySection]) -> Iterable[Content]:
    for index, (heading, keys) in enumerate(sections):
        if index:
            yield Content("")
        yield Content.styled(heading, "bold $text-accent")
        for line in keys:
            style = "dim" if line.refused else "bold $text-primary"
            shown = f"  {line.words}" if not line.refused else f"  {line.words} ({line.refused})"
            yield Content.assemble((line.keys.rjust(_KEY_WIDTH), style), (shown, "dim" if line.refused else ""))
