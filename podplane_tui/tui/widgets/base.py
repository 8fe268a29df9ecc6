"""What the dashboard's tabs have in common."""

from textual.containers import Vertical
from textual.message import Message
from textual.reactive import var

from podplane_tui.backend.core.format import format_size
from podplane_tui.backend.core.status import VMStatus

_MOMENT = 0.5
"""Seconds that what was typed may be on its way before that is worth a word."""


class Unsent:
    """How much of what was typed is still on its way, for a title."""

    def __init__(self) -> None:
        self._since: float | None = None

    def words(self, size: int, now: float) -> str:
        """A word or two about that many bytes, once some have been on their way for more than a moment."""
        if not size:
            self._since = None
        elif self._since is None:
            self._since = now
        waits = self._since is not None and now - self._since >= _MOMENT
        return f"{format_size(size)} unsent" if waits else ""


class Panel(Vertical):
    """One tab about `vm`. It rests while it is not `in_view`, and says in `status` what a title has room for."""

    vm: var[VMStatus | None] = var(None)
    in_view: var[bool] = var(True)
    """Whether this is what the user looks at."""
    status: var[str] = var("")
    """A word or two for the title."""

    class StatusChanged(Message):
        """`status` did."""

    @property
    def typing(self) -> bool:
        """Whether keys go to the guest."""
        return False

    @property
    def typed_into(self) -> str:
        """What of the machine takes the keys while one types; "" for its console."""
        return ""

    def enter(self) -> str:
        """Take the keys; gives the reason when that can't be, else ""."""
        target = next((widget for widget in self.query("*") if widget.focusable), None)
        if target is None:
            return "There is nothing to do here."
        target.focus()
        return ""

    def watch_status(self) -> None:
        """Say so."""
        self.post_message(self.StatusChanged())
