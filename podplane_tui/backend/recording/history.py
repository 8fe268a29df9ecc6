"""The boots of one machine, read from its recordings piece by piece as they grow, and how each came out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.boot.compare import Overdue, overdue
from podplane_tui.backend.boot.model import FATAL, Boot
from podplane_tui.backend.boot.parser import BootParser
from podplane_tui.backend.boot.rules import FailureKind, StageName
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.file import RecordingReader
from podplane_tui.backend.recording.store import Recording, recordings

_PIECE = 256 * 1024
_WATCHING = 2.0
"""Seconds between looks within which what has come since the last one came just now."""
_BUDGET = 0.3
"""Seconds one look spends on recordings that were never read before, beyond the newest."""


@dataclass(frozen=True, slots=True)
class RecordedBoot:
    """A boot, the recording it is in, and whether it still goes on."""

    recording: Recording
    boot: Boot
    live: bool

    @property
    def kernel_started_at(self) -> float | None:
        """When its kernel began, in seconds since the epoch: as watched, or at power-on if nothing came before it."""
        boot, recording = self.boot, self.recording
        first = boot.stages[0].name if boot.stages else None
        if boot.kernel_started_at is None and boot.number == 1 and first is StageName.KERNEL:
            return recording.power_on
        return boot.kernel_started_at

    @property
    def began_at(self) -> float | None:
        """When it began, as well as that is known, in seconds since the epoch."""
        known = self.boot.started_at or self.kernel_started_at
        return self.recording.started_at if known is None and self.boot.number == 1 else known

    @property
    def _before_kernel(self) -> bool:
        return all(stage.name in {StageName.FIRMWARE, StageName.BOOTLOADER} for stage in self.boot.stages)

    @property
    def duration(self) -> float | None:
        """Seconds from the kernel's start until the system was up: the prompt, or cloud-init's end."""
        ends = [
            stage.start + (stage.duration or 0.0)
            for stage in self.boot.stages
            if stage.start is not None and stage.name is not StageName.SHUTDOWN and not stage.running
        ]
        return max(ends, default=None)

    @property
    def outcome(self) -> str:
        """How it came out, in a few words."""
        fatal = next((failure.kind for failure in self.boot.failures if failure.kind in FATAL), None)
        if fatal is not None:
            return str(fatal)
        if not self.boot.good:
            if self._before_kernel and any(each.kind is FailureKind.NOTHING_TO_BOOT for each in self.boot.failures):
                return str(FailureKind.NOTHING_TO_BOOT)
            return "booting" if self.live else "did not come up"
        running = [stage for stage in self.boot.stages if stage.running and stage.name is not StageName.SHUTDOWN]
        if self.live and running:
            return "coming up"
        how = {"power off": ", powered off", "restart": ", restarted", "halt": ", halted"}
        return f"came up{how.get(self.boot.ended, '')}"

    def elapsed(self, now: float) -> float | None:
        """Seconds since the kernel began, or the boot while there is none, at `now` (since the epoch).

        None when that is unknown or it is over.
        """
        started = self.boot.started_at if self._before_kernel else self.kernel_started_at
        return now - started if self.live and started is not None else None

    def overdue(self, earlier: Sequence[Boot], now: float) -> tuple[Overdue, ...]:
        """The stages that run for far longer than in the boots of `earlier`, which come newest first."""
        elapsed = self.elapsed(now)
        return () if elapsed is None else overdue(self.boot, earlier, elapsed=elapsed)


class _Reading:
    """One recording, as far as it was read."""

    def __init__(self, recording: Recording) -> None:
        self._parser = BootParser(power_on=recording.power_on)
        self._offset = 0
        self._looked_at = -math.inf
        self._ended = False
        self.boots: tuple[Boot, ...] = ()

    def go_on(self, recording: Recording) -> None:
        """Read what is new. Raises `OSError`."""
        end = not recording.live and not self._ended
        watched = recording.live and time.monotonic() - self._looked_at <= _WATCHING
        if self._looked_at > 0 and self._offset >= recording.end and not end:
            return
        with RecordingReader(recording.path, self._offset) as reader:
            while (chunk := reader.read(_PIECE)) is not None:
                if chunk.offset > self._offset:
                    self._parser.skip(chunk.offset - self._offset)
                # What came while nobody looked came nobody knows when.
                self._parser.feed(chunk.data, time.time() if watched else None)
                self._offset = chunk.offset + len(chunk.data)
        if end:
            self._ended = True
            self._parser.end()
        self._looked_at = time.monotonic()
        self.boots = self._parser.boots


class BootHistory:
    """Reads a machine's recordings; each byte once, in constant memory for each of them. For one thread at a time."""

    def __init__(self, files: VMFiles) -> None:
        self._files = files
        self._read: dict[Path, _Reading] = {}

    def look(self) -> tuple[RecordedBoot, ...]:
        """The boots on record by now, the newest first. Old recordings that are long take several looks."""
        found = recordings(self._files)
        self._read = {each.path: self._read[each.path] for each in found if each.path in self._read}
        until = time.monotonic() + _BUDGET
        boots: list[RecordedBoot] = []
        for number, recording in enumerate(found):
            if number > 0 and recording.path not in self._read and time.monotonic() > until:
                break
            reading = self._read.setdefault(recording.path, _Reading(recording))
            with contextlib.suppress(OSError):
                reading.go_on(recording)
            newest = len(reading.boots) - 1
            boots += [
                RecordedBoot(recording, boot, recording.live and place == newest and not boot.ended)
                for place, boot in reversed(list(enumerate(reading.boots)))
            ]
        return tuple(boots)
