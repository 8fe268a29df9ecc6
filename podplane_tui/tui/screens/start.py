"""The dialog that asks how to start a cluster that podplane made: through podplane, or the VM alone."""

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget
from textual.widgets import RadioSet, Static

from podplane_tui.backend.vm.start import VM_ONLY_WARNING, StartWay
from podplane_tui.tui.screens.dialog import Dialog
from podplane_tui.tui.widgets.marks import Choice


class StartDialog(Dialog[StartWay]):
    """Dismisses with the way to start. `installed` is whether podplane can be run at all."""

    TYPE_AHEAD = True

    def __init__(self, *, name: str, installed: bool) -> None:
        super().__init__(title=f"Start {name}", accept="Start")
        self._name = name
        self._installed = installed

    def compose_body(self) -> Iterable[Widget]:
        """Both ways, and what the second one costs."""
        first = (
            f"podplane local start --id {self._name}" if self._installed else "through podplane: it is not installed"
        )
        with RadioSet(id="start-way", compact=True):
            yield Choice(Content(first), value=self._installed, disabled=not self._installed)
            yield Choice("the VM alone", value=not self._installed)
        yield Static(Content(f"{VM_ONLY_WARNING[0].upper()}{VM_ONLY_WARNING[1:]}."), classes="dialog-note")

    def on_mount(self) -> None:
        """Through podplane is what is meant nearly always."""
        if self._installed:
            self.query_one("#accept").focus()

    def answer(self) -> StartWay | None:
        """The way chosen."""
        return StartWay.VM_ONLY if self.query_one("#start-way", RadioSet).pressed_index == 1 else StartWay.PODPLANE
