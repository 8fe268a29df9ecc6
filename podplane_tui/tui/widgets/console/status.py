"""What there is of a VM's console at one moment."""

from dataclasses import dataclass

from podplane_tui.backend.console.claim import Claim, asker, holder
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.recording.store import Recording, Source, current_recording, recordings


@dataclass(frozen=True, slots=True)
class Look:
    """What there is of a VM's console, as one look has found it. `holder` and `asker` may be this program."""

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
