"""The dialog that chooses the list's columns."""

from collections.abc import Iterable

from textual.containers import Vertical
from textual.widget import Widget

from podplane_tui.tui.screens.dialog import Dialog
from podplane_tui.tui.widgets.marks import Switch
from podplane_tui.tui.widgets.vm_list.row import COLUMNS, OPTIONAL


class ColumnsDialog(Dialog[frozenset[str]]):
    """Dismisses with the keys of the columns to leave out."""

    AUTO_FOCUS = "Switch"
    TYPE_AHEAD = True

    def __init__(self, hidden: frozenset[str]) -> None:
        super().__init__(title="Columns", accept="Show these")
        self._hidden = hidden

    def compose_body(self) -> Iterable[Widget]:
        """One line each."""
        with Vertical(classes="dialog-list"):
            for column in COLUMNS:
                if column.key in OPTIONAL:
                    shown = column.key not in self._hidden
                    yield Switch(column.label, shown, id=f"column-{column.key}", compact=True)

    def answer(self) -> frozenset[str] | None:
        """Those without a mark."""
        return frozenset(key for key in OPTIONAL if not self.query_one(f"#column-{key}", Switch).value)
