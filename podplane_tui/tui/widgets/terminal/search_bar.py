"""A line to search a terminal's text with: matches are marked while one types, Enter goes on to older ones."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label, Static

from podplane_tui.tui.keys import bindings
from podplane_tui.tui.keys.naming import key_name, keys_of, spoken
from podplane_tui.tui.widgets.terminal.display import TerminalDisplay


class TerminalSearch(Horizontal):
    """Searches `view`; hidden until it is opened."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.SEARCH]

    class Closed(Message):
        """The search has ended."""

    def __init__(self) -> None:
        super().__init__(classes="terminal-search")
        self._view: TerminalDisplay | None = None

    def compose(self) -> ComposeResult:
        """A label, the field, the count."""
        yield Label("Find")
        older = " ".join(map(spoken, keys_of(self, "search.older")))
        words = f"text; {older} older, {key_name(self, 'search.newer')} newer, {key_name(self, 'search.close')} ends"
        yield Input(compact=True, placeholder=words)
        yield Static("", classes="terminal-search-count")

    def on_mount(self) -> None:
        """Wait."""
        self.display = False

    def open(self, view: TerminalDisplay) -> None:
        """Search in `view` from now on, for what was searched last."""
        if self._view is not view:
            self.end()
        self._view = view
        self.display = True
        self.query_one(Input).focus()
        self._search()

    def end(self) -> None:
        """Take the marks away."""
        if self._view is not None:
            self._view.clear_search()
        self._view = None
        self.display = False

    def show_count(self, count: int, current: int) -> None:
        """How many there are, and the number of the chosen one, from the oldest."""
        if self._view is None or not self.query_one(Input).value:
            text = ""
        elif not count:
            text = "nothing found"
        else:
            text = f"{current + 1} of {count}"
        self.query_one(".terminal-search-count", Static).update(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as one types."""
        event.stop()
        self._search()

    def _search(self) -> None:
        text = self.query_one(Input).value
        if self._view is None:
            return
        if text:
            self._view.search(text)
        else:
            self._view.clear_search()
            self.show_count(0, -1)

    def action_older(self) -> None:
        """The match before."""
        if self._view is not None:
            self._view.search_previous()

    def action_newer(self) -> None:
        """The match after."""
        if self._view is not None:
            self._view.search_next()

    def action_close(self) -> None:
        """No more."""
        self.end()
        self.post_message(self.Closed())
