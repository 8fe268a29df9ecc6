"""The dialog that chooses the list's columns."""

from collections.abc import Iterable

from textual.widget import Widget
from textual.widgets import SelectionList
from textual.widgets.selection_list import Selection

from podplane_tui.tui.screens.dialog import Dialog
from podplane_tui.tui.widgets.vm_row import COLUMNS, OPTIONAL


class ColumnsDialog(Dialog[frozenset[str]]):
    """Dismisses with the keys of the columns to leave out."""

    AUTO_FOCUS = "SelectionList"

    def __init__(self, hidden: frozenset[str]) -> None:
        super().__init__(title="Columns", accept="Show these")
        self._hidden = hidden

    def compose_body(self) -> Iterable[Widget]:
        """One line each."""
        yield SelectionList[str](
            *(
                Selection(column.label.capitalize(), column.key, column.key not in self._hidden)
                for column in COLUMNS
                if column.key in OPTIONAL
            ),
            compact=True,
            classes="dialog-list",
        )

    def answer(self) -> frozenset[str] | None:
        """Those without a tick."""
        chosen = self.query_one(SelectionList).selected
        return frozenset(OPTIONAL) - frozenset(chosen)
