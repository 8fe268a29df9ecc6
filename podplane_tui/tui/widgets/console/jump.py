"""A line of a recording that somebody wants to see: where it stands in the terminal, and how to show it."""

from collections.abc import Callable

from podplane_tui.tui.widgets.terminal.view import TerminalView


class Jump:
    """Notes the line a terminal stands at, and shows it when all is there; `again` when its width changed meanwhile."""

    def __init__(self, view: TerminalView, again: Callable[[], object]) -> None:
        self._view = view
        self._again = again
        self._line: int | None = None
        self._columns = 0

    def here(self) -> None:
        """This is the line."""
        terminal = self._view.terminal
        self._line = terminal.scrolled_off + terminal.cursor.y
        self._columns = terminal.columns

    def show(self) -> None:
        """Show it, if there was one."""
        terminal = self._view.terminal
        if self._line is None:
            return
        if self._columns == terminal.columns:
            self._view.show_line(self._line)
        else:  # lines are wrapped anew, and have other addresses
            self._again()
