"""A console's bytes → boots, their stages, what failed and the host keys shown. Pure, incremental, in constant memory.

Text that means nothing here is no stage. Whatever the guest prints, nothing raises; how the bytes are cut makes no
difference. Times come from the kernel's time stamps, else from when bytes arrived, if somebody watched.
"""

from __future__ import annotations

import base64
import binascii
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from podplane_tui.backend.boot_rules import CLOUD_INIT_STAGES, NEEDLES, STAMP, Does, FailureKind, Rule, StageName
from podplane_tui.backend.text import one_line

MAX_BOOTS = 32
"""Boots a parser remembers: the newest."""
MAX_FAILURES = 100
"""Failures of one boot it remembers: the first; the others are counted."""
MAX_TEXT = 300

_MAX_LINE = 4096
"""Bytes of a line that are looked at."""
_MAX_KEYS = 16
_BLOCK = 256 * 1024

_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?")

_RANKS = {
    StageName.FIRMWARE: 0,
    StageName.BOOTLOADER: 1,
    StageName.KERNEL: 2,
    StageName.INITRAMFS: 3,
    StageName.SYSTEMD: 4,
    StageName.OPENRC: 4,
    StageName.SHUTDOWN: 5,
}
"""The stages that follow one another. The others, cloud-init's and the prompt, run beside them."""

_CLOUD_INIT = frozenset(CLOUD_INIT_STAGES.values())
_FATAL = frozenset({FailureKind.PANIC, FailureKind.EMERGENCY, FailureKind.INITRAMFS})
_ONCE = frozenset({FailureKind.EMERGENCY, FailureKind.INITRAMFS})


@dataclass(frozen=True, slots=True)
class Stage:
    """`start` is in seconds since the kernel began, negative before it; `duration` is None while it runs.

    Either is None where it can't be known. They are exact unless an end of the stage has no time of its own: then the
    last time stamp before it, the least it can be, stands for it. `line` (from 1) and `offset` (in bytes) are where in
    the recording it begins.
    """

    name: StageName
    start: float | None
    duration: float | None
    start_exact: bool
    duration_exact: bool
    running: bool
    line: int
    offset: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One line that says what went wrong: fit to be shown, and where it stands; `at` as a stage's start."""

    kind: FailureKind
    text: str
    line: int
    offset: int
    at: float | None


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of a guest: from firmware, boot loader or kernel to its end.

    `started_at` is when its first byte arrived and `kernel_started_at` when the kernel began, by the clock of who
    watched. `ended` is the kernel's last word: "power off", "restart", "halt" or nothing. `more_failures` were not
    kept. `host_keys` are `type base64` texts.
    """

    number: int
    line: int
    offset: int
    started_at: float | None
    kernel_started_at: float | None
    stages: tuple[Stage, ...]
    failures: tuple[Failure, ...]
    more_failures: int
    host_keys: tuple[str, ...]
    ended: str

    def stage(self, name: str) -> Stage | None:
        """The stage of that name."""
        return next((stage for stage in self.stages if stage.name == name), None)

    @property
    def good(self) -> bool:
        """Whether the system came up: a login prompt, or cloud-init's end, and no failure that stops a boot."""
        final = self.stage(StageName.CLOUD_INIT_FINAL)
        up = self.stage(StageName.LOGIN_PROMPT) is not None or (final is not None and final.duration is not None)
        return up and not any(failure.kind in _FATAL for failure in self.failures)


class _Moment(NamedTuple):
    """When something was printed: by the kernel's clock, by the watcher's, and the last time stamp before it."""

    stamp: float | None
    arrival: float | None
    floor: float | None


class _Where(NamedTuple):
    """A line: when it was printed, its number, and the offset of its first byte."""

    moment: _Moment
    line: int
    offset: int


@dataclass(slots=True)
class _Open:
    name: StageName
    where: _Where
    end: _Moment | None = None
    cut: bool = False
    """It ended, and nobody knows when."""


@dataclass(slots=True)
class _Boot:
    """A boot in the making."""

    number: int
    line: int
    offset: int
    started_at: float | None
    stages: list[_Open] = field(default_factory=list)
    failures: list[tuple[FailureKind, str, _Where]] = field(default_factory=list)
    more_failures: int = 0
    failed_line: int = 0
    host_keys: tuple[str, ...] = ()
    ended: str = ""
    rank: int = -1
    in_initrd: bool = False
    floor: float | None = None
    zero: float | None = None
    """The kernel's start by the watcher's clock: the earliest that any line allows, for lines are printed late."""

    def find(self, name: StageName) -> _Open | None:
        return next((stage for stage in self.stages if stage.name is name), None)

    def note(self, stamp: float, at: float | None) -> None:
        """The kernel's clock at a line that has just been printed."""
        self.floor = stamp
        if at is not None:
            self.zero = at - stamp if self.zero is None else min(self.zero, at - stamp)

    def end(self, name: StageName, moment: _Moment) -> None:
        self.end_open(frozenset({name}), moment)

    def end_open(self, names: frozenset[StageName], moment: _Moment) -> None:
        for stage in self.stages:
            if stage.end is None and stage.name in names:
                stage.end = moment

    def over(self, how: str, where: _Where) -> None:
        """The boot is over: so is the stage it was in, and what ran beside it was cut off."""
        self.end_open(frozenset(_RANKS), where.moment)
        for stage in self.stages:
            stage.cut = stage.end is None
        self.ended = how

    def fail(self, kind: FailureKind, text: bytes, where: _Where) -> None:
        if kind is FailureKind.EMERGENCY and self.in_initrd:
            kind = FailureKind.INITRAMFS
        if self.failed_line == where.line or (kind in _ONCE and any(known is kind for known, _, _ in self.failures)):
            return
        self.failed_line = where.line
        if len(self.failures) >= MAX_FAILURES:
            self.more_failures += 1
            return
        shown = one_line(text, limit=MAX_TEXT)
        if kind is not FailureKind.UNIT or not any(
            _same_unit(shown, other) for known, other, _ in self.failures if known is kind
        ):
            self.failures.append((kind, shown, where))

    def view(self, *, over: bool) -> Boot:
        stages = tuple(self._stage(stage, over=over) for stage in self.stages)
        failures = tuple(
            Failure(kind, text, where.line, where.offset, _rounded(self._time(where.moment)[0]))
            for kind, text, where in self.failures
        )
        return Boot(
            self.number,
            self.line,
            self.offset,
            self.started_at,
            self.zero,
            stages,
            failures,
            self.more_failures,
            self.host_keys,
            self.ended,
        )

    def _stage(self, stage: _Open, *, over: bool) -> Stage:
        start, exact = self._time(stage.where.moment)
        end, end_exact = self._time(stage.end) if stage.end is not None else (None, True)
        duration = max(0.0, end - start) if start is not None and end is not None else None
        running = stage.end is None and not (over or stage.cut or self.ended)
        return Stage(
            stage.name,
            _rounded(start),
            _rounded(duration),
            exact,
            exact and end_exact,
            running,
            stage.where.line,
            stage.where.offset,
        )

    def _time(self, moment: _Moment) -> tuple[float | None, bool]:
        if moment.stamp is not None:
            return moment.stamp, True
        zero = self.zero if self.zero is not None else self.started_at
        if moment.arrival is not None and zero is not None:
            return moment.arrival - zero, True
        return moment.floor, False


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


class BootParser:
    """Give it a console's bytes from power-on, in any pieces; `boots` is what they have told so far."""

    def __init__(self) -> None:
        self._done: tuple[Boot, ...] = ()
        self._boot: _Boot | None = None
        self._tail = b""
        self._tail_length = 0
        self._tail_at: float | None = None
        self._offset = 0
        self._line = 1
        self._number = 0
        self._replay = False
        """The guest shows again what its kernel printed before."""
        self._keys: tuple[str, ...] | None = None
        """The host keys shown so far, between the lines that frame them."""
        self._over = False

    @property
    def boots(self) -> tuple[Boot, ...]:
        """The boots so far, oldest first; the unfinished line counts as far as it goes."""
        parser = self
        if self._tail:
            parser = copy.copy(self)
            parser._boot = copy.deepcopy(self._boot)
            parser._lines(self._tail, self._tail_at)
        current = () if parser._boot is None else (parser._boot.view(over=self._over),)
        return (*parser._done, *current)[-MAX_BOOTS:]

    def feed(self, data: bytes, at: float | None = None) -> None:
        """The next bytes, and when they arrived, in seconds by any one clock; None where nobody watched."""
        start = 0
        while start < len(data):
            if self._tail_length:
                end = data.find(b"\n", start)
                part = data[start : len(data) if end < 0 else end]
                self._tail += part[: _MAX_LINE - len(self._tail)]
                self._tail_length += len(part)
                start += len(part)
                if end >= 0:
                    self._lines(self._tail, self._tail_at)
                    self._pass_over(self._tail_length + 1, 1)
                    start += 1
                continue
            end = data.rfind(b"\n", start, start + _BLOCK) + 1
            if end > start:
                block = data[start:end]
                self._lines(block, at)
                self._pass_over(len(block), block.count(b"\n"))
                start = end
                continue
            # A line without an end so far, or a longer one than a block.
            part = data[start : start + _BLOCK]
            self._tail, self._tail_length, self._tail_at = part[:_MAX_LINE], len(part), at
            start += len(part)

    def skip(self, count: int) -> None:
        """Bytes that are not on record. The line they cut off is dropped; line numbers go on as if there were none."""
        self._pass_over(self._tail_length + count, 0)

    def end(self) -> None:
        """Nothing more will come: what still runs by now never ended."""
        self._over = True

    def _pass_over(self, count: int, lines: int) -> None:
        self._offset += count
        self._line += lines
        self._tail, self._tail_length = b"", 0

    # Lines

    def _lines(self, raw: bytes, at: float | None) -> None:
        """Take whole lines, the first of which begins at `self._offset`; those that mean nothing are passed over."""
        text = _shortened(raw)
        places = [
            (place, rules) for needle, rules in NEEDLES.items() if needle in text for place in _places(needle, text)
        ]
        places.sort(key=itemgetter(0))
        reading = _Reading(raw, text, at, self._offset, self._line)
        behind = looked = self._settle(reading, 0)
        last, applied = -1, list[tuple[Rule, ...]]()
        for place, rules in places:
            if place < behind:
                continue
            start = text.rfind(b"\n", 0, place) + 1
            if start != last:
                last, applied = start, []
                self._stamps(reading, looked, start)
                looked = start
            if rules in applied:
                continue
            applied.append(rules)
            end = text.find(b"\n", place)
            end = len(text) if end < 0 else end
            self._line_with(reading, start, end, place, rules)
            if self._restless():
                behind = looked = self._settle(reading, end + 1)
        self._stamps(reading, looked, len(text))

    def _restless(self) -> bool:
        """Whether the next line may not count, or begin a boot, whatever it says."""
        return self._replay or self._boot is None or bool(self._boot.ended)

    def _settle(self, reading: _Reading, start: int) -> int:
        """Where, from a line's start on, lines count again: behind what a guest replays, and behind a boot's end."""
        text = reading.text
        while start < len(text) and self._restless():
            end = text.find(b"\n", start)
            end = len(text) if end < 0 else end
            line = _clean(text[start:end]).strip(b"\r\0")
            match = STAMP.match(line)
            boot = self._boot
            blank = match is None and not line.strip()
            late = match is not None and boot is not None and bool(boot.ended) and float(match[1]) >= (boot.floor or 0)
            if blank or late or (self._replay and match is not None):
                start = end + 1
                continue
            self._replay = False
            if boot is None or boot.ended:
                self._new_boot(reading.where(start, None, None))
        return start

    def _stamps(self, reading: _Reading, start: int, end: int) -> None:
        """Note the time stamps of the lines between two offsets: the kernel's first, and the last there is."""
        boot, text = self._boot, reading.text
        if boot is None:
            return
        if boot.rank < _RANKS[StageName.KERNEL]:
            lines = (place + 1 for place in _places(b"\n[", text, max(0, start - 1), end))
            first = next((place for place in (start, *lines) if STAMP.match(text, place, end)), None)
            if first is None:
                return
            self._kernel(boot, reading.where(first, None, None))
        while end > start:
            end = max(start, text.rfind(b"\n[", max(0, start - 1), end) + 1)
            match = STAMP.match(text, end)
            if match is not None:
                boot.note(float(match[1]), reading.at)
                return

    def _kernel(self, boot: _Boot, where: _Where) -> None:
        """Whatever line the kernel prints first: its clock starts with it."""
        self._begin(boot, StageName.KERNEL, where._replace(moment=_Moment(0.0, None, None)))

    def _line_with(self, reading: _Reading, start: int, end: int, place: int, rules: tuple[Rule, ...]) -> None:
        """Apply what `rules` say about the line between two offsets, which has their needle at `place`."""
        boot, text = self._boot, reading.text
        if boot is None:
            return
        # The kernel prints wherever the cursor stands: behind a prompt, too.
        match = STAMP.search(text, start, place)
        stamp = None if match is None else float(match[1])
        line = _clean(text[start:end]).strip(b"\r\0")
        body = (line if match is None else _clean(text[match.end() : end])).strip()
        if stamp is not None and not body.startswith(b"Linux version "):
            if boot.rank < _RANKS[StageName.KERNEL]:
                self._kernel(boot, reading.where(start, None, None))
            boot.note(stamp, reading.at)
        for rule in rules:
            found = rule.pattern.search(line) if rule.anywhere else rule.pattern.match(body)
            boot = self._boot
            if found is not None and boot is not None:
                self._apply(boot, rule, found, body, reading.where(start, stamp, boot.floor))

    # What lines do

    def _apply(self, boot: _Boot, rule: Rule, found: re.Match[bytes], text: bytes, where: _Where) -> None:
        match rule.does:
            case Does.KERNEL if where.moment.stamp is not None:
                if boot.rank >= _RANKS[StageName.KERNEL]:
                    boot = self._new_boot(where)
                self._kernel(boot, where)
                boot.note(where.moment.stamp, where.moment.arrival)
            case Does.BEGIN if rule.stage is not None:
                if rule.stage is StageName.SYSTEMD and boot.in_initrd and not text.startswith(b"Welcome to "):
                    return
                self._begin(boot, rule.stage, where)
            case Does.END if rule.stage is not None:
                boot.end(rule.stage, _up(boot, found, where.moment))
            case Does.IN_INITRD:
                self._in_initrd(boot, where)
            case Does.SWITCH_ROOT:
                boot.in_initrd = False
                boot.end(StageName.INITRAMFS, where.moment)
            case Does.CLOUD_INIT if found["stage"] in CLOUD_INIT_STAGES:
                where = where._replace(moment=_up(boot, found, where.moment))
                self._begin(boot, CLOUD_INIT_STAGES[found["stage"]], where)
            case Does.PROMPT if boot.find(StageName.LOGIN_PROMPT) is None:
                for name in (StageName.SYSTEMD, StageName.OPENRC):
                    boot.end(name, where.moment)
                boot.stages.append(_Open(StageName.LOGIN_PROMPT, where, where.moment))
            case Does.OVER:
                boot.over({b"Power down": "power off", b"System halted": "halt"}.get(found["how"], "restart"), where)
            case Does.REPLAY:
                self._replay = True
            case Does.FAIL if rule.failure is not None:
                boot.fail(rule.failure, text, where)
            case Does.KEYS_BEGIN:
                self._keys = ()
            case Does.KEY if self._keys is not None and len(self._keys) < _MAX_KEYS:
                if _is_public_key(key := found["key"].decode("ascii")):
                    self._keys = (*self._keys, key)
            case Does.KEYS_END if self._keys is not None:
                boot.host_keys = tuple(dict.fromkeys(self._keys)) or boot.host_keys
                self._keys = None

    def _new_boot(self, where: _Where) -> _Boot:
        if self._boot is not None:
            self._done = (*self._done, self._boot.view(over=True))[-MAX_BOOTS:]
        self._number += 1
        self._boot = _Boot(self._number, where.line, where.offset, where.moment.arrival)
        self._keys = None
        return self._boot

    def _begin(self, boot: _Boot, name: StageName, where: _Where) -> None:
        rank = _RANKS.get(name)
        if rank is None:
            if boot.find(name) is None:
                boot.end_open(_CLOUD_INIT, where.moment)
                boot.stages.append(_Open(name, where))
            return
        if rank <= _RANKS[StageName.BOOTLOADER] and boot.rank >= _RANKS[StageName.KERNEL]:
            boot = self._new_boot(where)  # the machine was reset
        if rank > boot.rank:
            boot.rank = rank
            boot.in_initrd = False
            boot.end_open(frozenset(_RANKS), where.moment)
            boot.stages.append(_Open(name, where))

    def _in_initrd(self, boot: _Boot, where: _Where) -> None:
        """The systemd that has announced itself is that of the initial RAM disk."""
        started = boot.find(StageName.SYSTEMD)
        if started is not None:
            boot.stages.remove(started)
            boot.rank = _RANKS[StageName.KERNEL]
            where = started.where
        initramfs = boot.find(StageName.INITRAMFS)
        if initramfs is None:
            self._begin(boot, StageName.INITRAMFS, where)
        else:
            initramfs.end = None
            boot.rank = _RANKS[StageName.INITRAMFS]
        boot.in_initrd = True


class _Reading:
    """Lines in work: as they came, and with none too long. Offsets are those in `text`."""

    def __init__(self, raw: bytes, text: bytes, at: float | None, offset: int, line: int) -> None:
        self.raw = raw
        self.text = text
        self.at = at
        self._place = 0
        self._raw_place = 0
        self._offset = offset
        self._line = line

    def where(self, start: int, stamp: float | None, floor: float | None) -> _Where:
        """The line that begins at `start`, which never lies before the one asked for last."""
        lines = self.text.count(b"\n", self._place, start)
        if self.raw is self.text:
            self._raw_place = start
        else:
            for _ in range(lines):
                self._raw_place = self.raw.find(b"\n", self._raw_place) + 1
        self._place = start
        self._line += lines
        return _Where(_Moment(stamp, self.at, floor), self._line, self._offset + self._raw_place)


def _clean(data: bytes) -> bytes:
    return _ESCAPE.sub(b"", data) if b"\x1b" in data else data


def _shortened(data: bytes) -> bytes:
    """`data` with no line of more than `_MAX_LINE` bytes."""
    start = 0
    while start + _MAX_LINE < len(data):
        end = data.rfind(b"\n", start, start + _MAX_LINE + 1)
        if end < 0:
            return b"\n".join(line[:_MAX_LINE] for line in data.split(b"\n"))
        start = end + 1
    return data


def _places(needle: bytes, text: bytes, start: int = 0, end: int | None = None) -> Iterator[int]:
    while (start := text.find(needle, start, end)) >= 0:
        yield start
        start += len(needle)


def _up(boot: _Boot, found: re.Match[bytes], moment: _Moment) -> _Moment:
    """`moment`, by the seconds since the kernel's start that the line itself tells, where it does."""
    if "up" not in found.re.groupindex:
        return moment
    stamp = float(found["up"])
    boot.floor = max(boot.floor or 0.0, stamp)
    return moment._replace(stamp=stamp)


_UNIT = re.compile(r"(systemd\[1\]: |\[ *FAILED *\] )(Failed to start [^….]{1,12})")


def _same_unit(text: str, other: str) -> bool:
    """Whether two lines tell of the same unit: systemd tells the kernel's log and the console, shortened."""
    first, second = _UNIT.match(text), _UNIT.match(other)
    return first is not None and second is not None and first[2] == second[2] and first[1] != second[1]


def _is_public_key(text: str) -> bool:
    """Whether `type base64` is an SSH public key: the type stands inside it again, after its length."""
    kind, _, encoded = text.partition(" ")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    return blob[: 4 + len(kind)] == len(kind).to_bytes(4, "big") + kind.encode("ascii")
