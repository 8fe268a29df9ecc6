"""Recordings of serial consoles: what there is, how one begins and ends, and how much of them is kept.

A machine that we start is recorded by its own QEMU from the first byte; one that the podplane CLI started, by whoever
attaches to its console (`Recorder`). Each run of QEMU has a file of raw bytes, `<state>/recordings/<stem>/<UTC>.raw`,
and a JSON file of the same name that says whose it is and how it ended. The names tell which came first: where the
clock was set back, a new one is named as if it began right after the newest, and only the JSON says when. Offsets are
those of the raw file and never change: what is trimmed becomes a hole in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from podplane_tui.backend.boot.model import Boot
from podplane_tui.backend.boot.starts import RESET_NOTE
from podplane_tui.backend.config.model import load_config
from podplane_tui.backend.core.errors import CorruptFile, InvalidInput, VMError
from podplane_tui.backend.core.files import PowerCut, open_regular, private_directory, read_small_file, write_atomic
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.qemu.arguments import read_machine
from podplane_tui.backend.qemu.process import boot_id, create_ticks
from podplane_tui.backend.recording.file import hole_of, parse_boots, punch_hole
from podplane_tui.backend.recording.host_keys import learn

RAW_SUFFIX = ".raw"
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_LARGEST = 2**40
"""No process, no number of boots and no time in seconds is larger."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept of one machine: its newest boots, and bytes of all its recordings together."""

    boots: int = 10
    size: int = 64 * 2**20

    @classmethod
    def configured(cls) -> Limits:
        """Those of this user's configuration; the usual ones where it can't be understood, which others complain of."""
        try:
            limits = load_config().recordings
        except InvalidInput:
            return cls()
        return cls(limits.boots, limits.megabytes << 20)


class Source(StrEnum):
    """Who wrote a recording."""

    QEMU = "qemu"
    """QEMU itself, from the first byte."""
    ATTACHED = "attached"
    """Whoever was attached to the console, for as long as that was."""


class HowEnded(StrEnum):
    """What ended the QEMU of a recording."""

    POWERDOWN = "powerdown"
    TERMINATE = "terminate"
    KILL = "kill"
    GONE = "gone"
    """It had ended before anybody looked: the guest powered off, or QEMU was ended by others."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One run of a machine's QEMU. Times are in seconds since the epoch, `ended_at` None while it runs.

    `boots` is counted when it has ended. `size` is the bytes kept; `hole` is the part of the file that is not, as
    `(start, end)`.
    """

    path: Path
    started_at: float
    ended_at: float | None
    how_ended: HowEnded | None
    source: Source
    boots: int | None
    size: int
    hole: tuple[int, int] | None
    pid: int | None
    create_ticks: str

    @property
    def complete_from_power_on(self) -> bool:
        """Whether it holds the machine's first byte."""
        return self.source is Source.QEMU and (self.hole is None or self.hole[0] > 0)

    @property
    def power_on(self) -> float | None:
        """When the machine was switched on; None where it ran already."""
        return self.started_at if self.source is Source.QEMU else None

    @property
    def end(self) -> int:
        """The offset behind its last byte."""
        return self.size + (self.hole[1] - self.hole[0] if self.hole else 0)

    @property
    def live(self) -> bool:
        """Whether its QEMU still ran when this was read."""
        return self.ended_at is None

    def still_live(self) -> bool:
        """Whether its QEMU runs now."""
        return self.live and self.pid is not None and create_ticks(self.pid) == self.create_ticks


# Questions: they write nothing


def recordings(files: VMFiles) -> tuple[Recording, ...]:
    """A machine's recordings, the newest first. Never raises `OSError`: what can't be read is left out."""
    found = (_read(path) for path in _paths(files))
    return tuple(recording for recording in found if recording is not None)


def _paths(files: VMFiles) -> list[Path]:
    """What is named as recordings are, the newest first."""
    try:
        names = sorted(os.listdir(files.recordings_dir), reverse=True)  # noqa: PTH208 - names are all that is needed
    except OSError:
        return []
    return [files.recordings_dir / name for name in names if name.endswith(RAW_SUFFIX)]


def current_recording(vm: VMStatus) -> Recording | None:
    """The recording that grows as the machine prints; None when it does not run or nobody records it."""
    if vm.pid is None:
        return None
    log = read_machine(vm.arguments).console_log
    if log is not None:
        return _read(log)
    ticks = create_ticks(vm.pid)
    return next((r for r in recordings(vm.files) if r.pid == vm.pid and r.create_ticks == ticks), None)


def boots_in(recording: Recording) -> tuple[Boot, ...]:
    """The boots of a recording, oldest first. Raises `OSError`."""
    return parse_boots(recording.path, power_on=recording.power_on, over=not recording.live)


def past_boots(files: VMFiles) -> Iterator[tuple[Recording, Boot]]:
    """A machine's boots on record, the newest first. What can't be read is left out."""
    for recording in recordings(files):
        with contextlib.suppress(OSError):
            for boot in reversed(boots_in(recording)):
                yield recording, boot


def _read(path: Path) -> Recording | None:
    named_at = _named_at(path)
    if named_at is None:
        return None
    try:
        with open_regular(path, follow_links=False) as file:
            info = os.fstat(file.fileno())
            hole = hole_of(file.fileno())
    except OSError:
        return None
    about = _read_about(path)
    ticks, boot, how = about.get("create_ticks"), about.get("boot_id"), about.get("how_ended")
    pid, boots, ended_at = _number(about, "pid"), _number(about, "boots"), _number(about, "ended_at")
    started_at = _number(about, "started_at")
    # No ticks: it was gone when the recording was said to be of it, and is no process that lives.
    alive = pid is not None and ticks is not None and boot == boot_id() and create_ticks(int(pid)) == ticks
    return Recording(
        path=path,
        started_at=named_at.timestamp() if started_at is None else started_at,
        ended_at=None if alive else info.st_mtime if ended_at is None else ended_at,
        how_ended=next((each for each in HowEnded if not alive and each == how), None),
        source=Source.ATTACHED if about.get("source") == Source.ATTACHED else Source.QEMU,
        boots=None if boots is None else int(boots),
        size=info.st_size - (hole[1] - hole[0] if hole else 0),
        hole=hole,
        pid=None if pid is None else int(pid),
        create_ticks=str(ticks),
    )


def _number(about: Mapping[str, object], name: str) -> float | None:
    """A number that a recording's JSON file gives, if it is one that can be: files of others may say anything."""
    value = about.get(name)
    return value if isinstance(value, (int, float)) and 0 <= value <= _LARGEST else None


def _named_at(path: Path) -> datetime | None:
    """The time a recording is named after; None for what is no recording."""
    stamp = path.name.removesuffix(RAW_SUFFIX)
    try:
        moment = datetime.fromisoformat(stamp)  # which knows more spellings, and takes a fiftieth of `strptime`
        return moment if moment.strftime(_STAMP) == stamp else None
    except ValueError:
        return None


def _about(path: Path) -> Path:
    return path.with_suffix(".json")


def _read_about(path: Path) -> dict[str, object]:
    try:
        content = read_small_file(_about(path))
        value = json.loads(content) if content is not None else {}
    except (CorruptFile, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _write_about(path: Path, about: dict[str, object], *, after: PowerCut = PowerCut.NEW) -> None:
    write_atomic(_about(path), json.dumps(about).encode(), mode=0o600, after=after)


# A recording's life. For use under the machine's lock.


def begin(files: VMFiles) -> Path:
    """Make the file of a new recording, private to this user. Raises `OSError`."""
    private_directory(files.recordings_dir)
    stamp = datetime.now(UTC)
    newest = next(filter(None, map(_named_at, _paths(files))), datetime.min.replace(tzinfo=UTC))
    with contextlib.suppress(OverflowError):
        stamp = max(stamp, newest + timedelta(microseconds=1))
    path = files.recordings_dir / (stamp.strftime(_STAMP) + RAW_SUFFIX)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return path


def belongs_to(path: Path, pid: int, source: Source = Source.QEMU) -> None:
    """Note which process the recording at `path` is of, which no power cut survives. Raises `OSError`."""
    about = {"source": source, "pid": pid, "create_ticks": create_ticks(pid), "boot_id": boot_id()}
    named_at, now = _named_at(path), time.time()
    started_at = now if named_at is None else min(now, named_at.timestamp())
    _write_about(path, {"started_at": started_at, **about}, after=PowerCut.ANYTHING)


def discard(path: Path) -> None:
    """Remove a recording, whatever of it is there. Raises `OSError`."""
    _about(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def finish(files: VMFiles, how: HowEnded = HowEnded.GONE) -> None:
    """Note the end of every recording whose QEMU has ended, its boots, and the host keys shown in it.

    One that was not seen to end is taken to have ended with the last that it printed.
    A side matter: what fails is left for the next time.
    """
    with contextlib.suppress(OSError, VMError):
        for recording in recordings(files):
            about = _read_about(recording.path)
            if not recording.live and "ended_at" not in about:
                boots = boots_in(recording)
                ended_at = recording.ended_at if how is HowEnded.GONE else time.time()
                ended = {"ended_at": ended_at, "how_ended": how, "boots": len(boots)}
                _write_about(recording.path, {**about, **ended})
                learn(files, recording.path, from_power_on=recording.power_on is not None)


def keep_within(files: VMFiles, limits: Limits | None = None) -> tuple[str, ...]:
    """Remove the recordings beyond the limits, oldest first, and trim one that alone is too large; say what was done.

    Without `limits` they are those configured. One whose machine runs is never removed. Trimming keeps the beginning,
    which tells of the boot, and the end. Raises `OSError`.
    """
    done = []
    limits = limits or Limits.configured()
    boots = size = 0
    for recording in recordings(files):
        if not recording.live and (boots >= limits.boots or size >= limits.size):
            discard(recording.path)
            done.append(f"the recording {recording.path.name} was removed: newer ones take its place")
            continue
        kept = recording.size
        if kept > limits.size:
            what = f"the recording {recording.path.name} is larger than {limits.size >> 20} MB"
            freed = _trim(recording, limits.size)
            kept -= freed
            done.append(f"{what}: its middle was removed" if freed else f"{what}, and this system can't trim it")
        boots += recording.boots or 1
        size += kept
    return tuple(done)


def _trim(recording: Recording, size: int) -> int:
    """Free the middle of a recording so that at most three quarters of `size` are left; give the bytes freed."""
    handle = os.open(recording.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        end = os.fstat(handle).st_size - size // 2
        return punch_hole(handle, recording.hole[0] if recording.hole else size // 4, end)
    finally:
        os.close(handle)


def note_reset(vm: VMStatus) -> None:
    """Say in a running VM's recording, if there is one, that its reset button was pressed."""
    with contextlib.suppress(OSError):
        if (recording := current_recording(vm)) is not None:
            handle = os.open(recording.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.write(handle, RESET_NOTE)
            finally:
                os.close(handle)


class Recorder:
    """Records a console that QEMU itself does not: what the attached client read, for as long as it is attached.

    A second attachment to the same QEMU goes on in the same recording. What fails ends the recording, not the
    attachment.
    """

    def __init__(self, handle: int, path: Path) -> None:
        self.path = path
        self._handle = handle

    @classmethod
    def of(cls, vm: VMStatus) -> Recorder | None:
        """A recorder for a running machine; None when its QEMU records it, or nothing can be written."""
        if vm.pid is None or read_machine(vm.arguments).console_log is not None:
            return None
        with contextlib.suppress(OSError, VMError):
            current = current_recording(vm)
            if current is None:
                path = begin(vm.files)
                belongs_to(path, vm.pid, Source.ATTACHED)
                finish(vm.files)
                keep_within(vm.files)
            else:
                path = current.path
            return cls(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC), path)
        return None

    def write(self, data: bytes) -> bool:
        """Append what was read; whether it is on record."""
        try:
            view = memoryview(data)
            while view and self._handle >= 0:
                view = view[os.write(self._handle, view) :]
        except OSError:
            self.close()
        return self._handle >= 0

    def close(self) -> None:
        """End the recording, for this attachment."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


@contextlib.contextmanager
def recorded(vm: VMStatus | None) -> Iterator[Callable[[bytes], object] | None]:
    """What an attached client hands all it reads to, for as long as the block lasts; None when it need not."""
    recorder = None if vm is None else Recorder.of(vm)
    try:
        yield None if recorder is None else recorder.write
    finally:
        if recorder is not None:
            recorder.close()
