"""The dashboard's upper part: the list of machines in its frame, a field that narrows it, what stands there else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import var

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.tui.widgets.vm_list.order import matching
from podplane_tui.tui.widgets.vm_list.table import VMTable

if TYPE_CHECKING:
    from textual.widgets import Input


class MachineList(Vertical):
    """Lists `vms`; the frame says how many, how many are marked, and since when nothing new was seen."""

    vms: var[tuple[VMStatus, ...] | None] = var(None)
    moment: var[float] = var(0.0)
    stale_for: var[int] = var(0)

    def __init__(self, table: VMTable, *, data_dir: Path, runtime_dir: Path) -> None:
        super().__init__(id="machines")
        self.table = table
        self._places = data_dir, runtime_dir
        self._title = Content("")

    def compose(self) -> ComposeResult:
        """The table; what else there may be joins it when it is first wanted."""
        yield self.table.data_bind(MachineList.vms, MachineList.moment)

    def on_mount(self) -> None:
        """The title is there from the first frame."""
        self._write_title()

    def watch_vms(self, vms: tuple[VMStatus, ...] | None) -> None:
        """Count anew, or say that there are none."""
        if vms == () and not self.query("#empty-state"):
            from podplane_tui.tui.widgets.vm_list.empty_state import EmptyState  # noqa: PLC0415

            self.mount(EmptyState(*self._places))
        self._write_title()

    def watch_stale_for(self, seconds: int) -> None:
        """What is shown is old, or new again."""
        self.table.set_class(seconds > 0, "-stale")
        self._write_title()

    @on(VMTable.MarksChanged)
    def _marks_changed(self, event: VMTable.MarksChanged) -> None:
        event.stop()
        self._write_title()

    def _write_title(self) -> None:
        """The frame carries what would otherwise cost a line."""
        table = self.table
        # Not what the table has in view: it hears of new machines after us.
        shown = matching(self.vms or (), table.filter_text)
        total = len(self.vms or ())
        parts = [Content("VMs") if total == len(shown) else Content(f"VMs {len(shown)} of {total}")]
        if table.marked:
            hidden = len(table.marked - {vm.key for vm in shown})
            parts.append(Content(f"{len(table.marked)} marked" + (f", {hidden} hidden" if hidden else "")))
        if self.stale_for:
            parts.append(Content.styled(f"no answer for {self.stale_for} s", "$text-warning"))
        title = Content(" · ").join(parts)
        if title != self._title:  # to set it paints the whole list anew
            self._title = self.border_title = title

    # The field that narrows it

    @property
    def filtering(self) -> bool:
        """Whether the field is in view."""
        return self.has_class("-filtering")

    async def open_filter(self) -> None:
        """Show the field and give it the keys."""
        from textual.widgets import Input  # noqa: PLC0415 - many a session needs none

        if not self.query(Input):
            await self.mount(Input(id="filter", placeholder="filter by name or state", compact=True), before=0)
        self.add_class("-filtering")
        self.screen.set_focus(self.query_one(Input))  # at once: what is typed meanwhile belongs there

    def clear_filter(self) -> None:
        """Show all machines again, without the field."""
        from textual.widgets import Input  # noqa: PLC0415 - as above

        self.remove_class("-filtering")
        for field in self.query(Input):
            field.value = ""

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        event.stop()
        self.table.filter_text = event.value
        self._write_title()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the list; a filter stays in view."""
        event.stop()
        self.set_class(bool(event.value.strip()), "-filtering")
        self.table.focus()
