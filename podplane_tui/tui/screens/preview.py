"""What a sync would do, before it does it: rsync's dry run as a list, deletions first and marked."""

from collections.abc import Callable, Iterable

from textual import on, work
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.format import count
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.sync.copy import SyncPreview
from podplane_tui.backend.sync.output import Change, ChangeKind
from podplane_tui.tui.screens.dialog import Dialog
from podplane_tui.tui.threads import in_thread

MAX_SHOWN = 2000
"""Lines of the list at most; what is beyond is counted."""

_MARKS = {
    ChangeKind.DELETED: ("- ", "$text-error"),
    ChangeKind.NEW: ("+ ", "$text-success"),
    ChangeKind.CHANGED: ("~ ", "$text-warning"),
    ChangeKind.ATTRIBUTES: ("· ", "$foreground 60%"),
}


class PreviewDialog(Dialog[bool]):
    """Dismisses with whether to go on. `look` asks rsync, in a thread of its own; leaving gives that up.

    Where it would delete in a directory of the VM's system, that has to be typed first; it is `system` then.
    """

    def __init__(self, *, name: str, look: Callable[[Control], SyncPreview]) -> None:
        super().__init__(title=f"What a sync into {name} would do", accept="Sync", style="-large")
        self._look = look
        self._control = Control()
        self.system = ""

    def compose_body(self) -> Iterable[Widget]:
        """A sum, a field for what has to be typed, and a list."""
        yield Static("asking rsync …", id="preview-sum", classes="dialog-text")
        yield Static("", id="preview-system", classes="dialog-text")
        yield Input(id="preview-confirm", compact=True)
        yield Static("", id="preview-text", classes="dialog-text")

    def on_mount(self) -> None:
        """Ask."""
        self.query_one("#accept", Button).disabled = True
        for name in ("text", "system", "confirm"):
            self.query_one(f"#preview-{name}").display = False
        self._ask()

    def on_unmount(self) -> None:
        """Nobody wants to know any more."""
        self._control.cancel.set()

    @work(exclusive=True)
    async def _ask(self) -> None:
        try:
            preview = await in_thread(lambda: self._look(self._control), name="sync-preview")
        except (VMError, OSError) as error:
            if self in self.app.screen_stack:  # else it was left meanwhile, and may have no parts any more
                self.query_one("#preview-sum", Static).update(Content.styled(str(error), "$text-error"))
            return
        if self in self.app.screen_stack:
            self._show(preview)

    def _show(self, preview: SyncPreview) -> None:
        self.query_one("#preview-sum", Static).update(_sum(preview))
        shown = [*preview.deletions, *preview.changes][:MAX_SHOWN]
        lines = [_line(change) for change in shown]
        more = sum(preview.counts.values()) - len(shown)
        if more:
            lines.append(Content.styled(f"… and {more:,} more", "$foreground 60%"))
        self.query_one("#preview-text", Static).update(Content("\n").join(lines))
        self.query_one("#preview-text").display = bool(lines)
        deletions = preview.counts[ChangeKind.DELETED]
        button = self.query_one("#accept", Button)
        button.disabled = False
        if deletions:
            button.label = Content(f"Sync, delete {deletions:,}")
            button.refresh(layout=True)
            self.query_one(".dialog").add_class("-dangerous")
        if preview.system:
            self._ask_for(preview.system)

    def _ask_for(self, system: str) -> None:
        self.system = one_line(system, limit=200)
        words = Content.assemble(
            ("This deletes files of the VM's system.", "bold $text-error"), f" Type {self.system} to sync all the same:"
        )
        self.query_one("#preview-system", Static).update(words)
        for name in ("system", "confirm"):
            self.query_one(f"#preview-{name}").display = True
        self.query_one("#preview-confirm", Input).focus()
        self.query_one("#accept", Button).disabled = True

    @on(Input.Changed, "#preview-confirm")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.system:
            self.query_one("#accept", Button).disabled = event.value.strip() != self.system

    def answer(self) -> bool | None:
        """Yes, once it is known to what."""
        return None if self.query_one("#accept", Button).disabled else True


def _sum(preview: SyncPreview) -> Content:
    words = {ChangeKind.NEW: "new", ChangeKind.CHANGED: "changed", ChangeKind.ATTRIBUTES: "with other attributes"}
    parts = [Content(f"{preview.counts[kind]:,} {word}") for kind, word in words.items() if preview.counts[kind]]
    if deletions := preview.counts[ChangeKind.DELETED]:
        text = f"{count(deletions, 'path')} deleted in the VM for good"
        parts.insert(0, Content.styled(text, "bold $text-error"))
    return Content(" · ").join(parts) if parts else Content("Everything is up to date there.")


def _line(change: Change) -> Content:
    mark, colour = _MARKS[change.kind]
    return Content.assemble((mark, colour), (change.path, colour if change.kind is ChangeKind.DELETED else ""))
