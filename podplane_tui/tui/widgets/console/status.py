"""What there is of a machine's console at one moment, and a line of it that somebody wants to see."""

from collections.abc import Callable
from dataclasses import dataclass

from podplane_tui.backend.console.claim import Claim, asker, holder
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.recording.store import Recording, Source, current_recording, recordings
from podplane_tui.tui.widgets.terminal.view import TerminalView


@dataclass(frozen=True, slots=True)
class Look:
    """What there is of a machine's console, as one look has found it. `holder` and `asker` may be this program."""

    recording: Recording | None = None
    holder: Claim | None = None
    asker: Claim | None = None

    @property
    def by_qemu(self) -> bool:
        """Whether the machine's own QEMU records it."""
        return self.recording is not None and self.recording.source is Source.QEMU


def look_at(vm: VMStatus) -> Look:
    """Look; for a thread. The recording of one that does not run is its last."""
    recording = current_recording(vm) if vm.live else next(iter(recordings(vm.files)), None)
    return Look(recording, holder(vm.files), asker(vm.files))


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
