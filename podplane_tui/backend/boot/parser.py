"""A console's bytes → boots, their stages, what failed and the host keys shown. Pure, incremental, in constant memory.

Text that means nothing here is no stage. Whatever the guest prints, nothing raises; how the bytes are cut makes no
difference. Times come from the kernel's time stamps, else from when bytes arrived, if somebody watched.
"""

from __future__ import annotations

import base64
import binascii
import copy
import re

from podplane_tui.backend.boot.builder import BootInMaking, Moment, OpenStage, Where
from podplane_tui.backend.boot.lines import (
    MAX_LINE,
    STAMP,
    Line,
    Reading,
    clean,
    needles_in,
    places,
    shortened,
)
from podplane_tui.backend.boot.model import Boot
from podplane_tui.backend.boot.rules import CLOUD_INIT_STAGES, RANKS, Does, Rule, StageName

MAX_BOOTS = 32
"""Boots a parser remembers: the newest."""
_MAX_KEYS = 16
_BLOCK = 256 * 1024

_CLOUD_INIT = frozenset(CLOUD_INIT_STAGES.values())


class BootParser:
    """Give it a console's bytes, in any pieces; `boots` is what they have told so far.

    `power_on` is when the machine was switched on, where that is what the bytes begin with.
    """

    def __init__(self, *, power_on: float | None = None) -> None:
        self._power_on = power_on
        self._done: tuple[Boot, ...] = ()
        self._boot: BootInMaking | None = None
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
        if self._tail_length == len(self._tail) and self._tail_at == at:
            # Cheaper than to take the line that was cut by itself.
            data, self._tail, self._tail_length = self._tail + data, b"", 0
        start = 0
        while start < len(data):
            if self._tail_length:
                end = data.find(b"\n", start)
                part = data[start : len(data) if end < 0 else end]
                self._tail += part[: MAX_LINE - len(self._tail)]
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
            self._tail, self._tail_length, self._tail_at = part[:MAX_LINE], len(part), at
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
        text = shortened(raw)
        reading = Reading(raw, text, at, self._offset, self._line)
        behind = looked = self._settle(reading, 0)
        last, seen = -1, list[tuple[Rule, ...]]()
        for place, rules in needles_in(text):
            if place < behind:
                continue
            start = text.rfind(b"\n", 0, place) + 1
            if start != last:
                last, seen = start, []
            elif rules in seen:
                continue
            seen.append(rules)
            end = text.find(b"\n", place)
            end = len(text) if end < 0 else end
            line = Line(text, start, end, place)
            found = line.matches(rules, -1 if self._boot is None else self._boot.rank)
            if not found and not line.stamped_inside:
                continue  # a stamp that it begins with is seen to with those of the lines around it
            self._stamps(reading, looked, start)
            looked = start
            self._line_with(reading, line, found)
            if self._restless():
                behind = looked = self._settle(reading, end + 1)
        self._stamps(reading, looked, len(text))

    def _restless(self) -> bool:
        """Whether the next line may not count, or begin a boot, whatever it says."""
        return self._replay or self._boot is None or bool(self._boot.ended)

    def _settle(self, reading: Reading, start: int) -> int:
        """Where, from a line's start on, lines count again: behind what a guest replays, and behind a boot's end."""
        text = reading.text
        while start < len(text) and self._restless():
            end = text.find(b"\n", start)
            end = len(text) if end < 0 else end
            line = clean(text[start:end]).strip(b"\r\0")
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

    def _stamps(self, reading: Reading, start: int, end: int) -> None:
        """Note the time stamps of the lines between two offsets: the kernel's first, and the last there is."""
        boot, text = self._boot, reading.text
        if boot is None or text.find(b"[", start, end) < 0:
            return
        if boot.rank < RANKS[StageName.KERNEL]:
            lines = (place + 1 for place in places(b"\n[", text, max(0, start - 1), end))
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

    def _kernel(self, boot: BootInMaking, where: Where) -> None:
        """Whatever line the kernel prints first: its clock starts with it."""
        self._begin(boot, StageName.KERNEL, where._replace(moment=Moment(0.0, None, None)))

    def _line_with(self, reading: Reading, line: Line, found: list[tuple[Rule, re.Match[bytes]]]) -> None:
        """Apply what rules found in a line."""
        boot, stamp = self._boot, line.stamp
        if boot is None:
            return
        if stamp is not None and not line.body.startswith(b"Linux version "):
            if boot.rank < RANKS[StageName.KERNEL]:
                self._kernel(boot, reading.where(line.start, None, None))
            boot.note(stamp, reading.at)
        for rule, match in found:
            boot = self._boot
            if boot is not None:
                self._apply(boot, rule, match, line.body, reading.where(line.start, stamp, boot.floor))

    # What lines do

    def _apply(self, boot: BootInMaking, rule: Rule, found: re.Match[bytes], text: bytes, where: Where) -> None:
        match rule.does:
            case Does.FAIL if rule.failure is not None:
                boot.fail(rule.failure, text, where)
            case Does.KERNEL if where.moment.stamp is not None:
                if boot.rank >= RANKS[StageName.KERNEL]:
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
                boot.userspace(where.moment)
                where = where._replace(moment=_up(boot, found, where.moment))
                self._begin(boot, CLOUD_INIT_STAGES[found["stage"]], where)
            case Does.PROMPT if boot.find(StageName.LOGIN_PROMPT) is None:
                boot.userspace(where.moment)
                for name in (StageName.SYSTEMD, StageName.OPENRC):
                    boot.end(name, where.moment)
                boot.stages.append(OpenStage(StageName.LOGIN_PROMPT, where, where.moment))
            case Does.OVER:
                boot.over({b"Power down": "power off", b"System halted": "halt"}.get(found["how"], "restart"), where)
            case Does.REPLAY:
                self._replay = True
            case Does.KEYS_BEGIN:
                self._keys = ()
            case Does.KEY if self._keys is not None and len(self._keys) < _MAX_KEYS:
                if _is_public_key(key := found["key"].decode("ascii")):
                    self._keys = (*self._keys, key)
            case Does.KEYS_END if self._keys is not None:
                if self._keys:
                    boot.show_keys(tuple(dict.fromkeys(self._keys)), where.offset)
                self._keys = None

    def _new_boot(self, where: Where) -> BootInMaking:
        if self._boot is not None:
            self._done = (*self._done, self._boot.view(over=True))[-MAX_BOOTS:]
        self._number += 1
        started_at = where.moment.arrival
        if self._number == 1 and self._power_on is not None:
            started_at = self._power_on
        self._boot = BootInMaking(self._number, where.line, where.offset, started_at)
        self._keys = None
        return self._boot

    def _begin(self, boot: BootInMaking, name: StageName, where: Where) -> None:
        rank = RANKS.get(name)
        if rank is None:
            if boot.find(name) is None:
                boot.end_open(_CLOUD_INIT, where.moment)
                boot.stages.append(OpenStage(name, where))
            return
        if rank <= RANKS[StageName.BOOTLOADER] and boot.rank >= RANKS[StageName.KERNEL]:
            boot = self._new_boot(where)  # the machine was reset
        if rank > boot.rank:
            boot.rank = rank
            boot.in_initrd = False
            boot.end_open(frozenset(RANKS), where.moment)
            if name is StageName.FIRMWARE and boot.started_at is not None:  # at work before it prints anything
                where = where._replace(moment=where.moment._replace(arrival=boot.started_at))
            boot.stages.append(OpenStage(name, where))

    def _in_initrd(self, boot: BootInMaking, where: Where) -> None:
        """The systemd that has announced itself is that of the initial RAM disk."""
        started = boot.find(StageName.SYSTEMD)
        if started is not None:
            boot.stages.remove(started)
            boot.rank = RANKS[StageName.KERNEL]
            where = started.where
        initramfs = boot.find(StageName.INITRAMFS)
        if initramfs is None:
            self._begin(boot, StageName.INITRAMFS, where)
        else:
            initramfs.end = None
            boot.rank = RANKS[StageName.INITRAMFS]
        boot.in_initrd = True


def _up(boot: BootInMaking, found: re.Match[bytes], moment: Moment) -> Moment:
    """`moment`, by the seconds since the kernel's start that the line itself tells, where it does."""
    if "up" not in found.re.groupindex:
        return moment
    stamp = float(found["up"])
    boot.floor = max(boot.floor or 0.0, stamp)
    return moment._replace(stamp=stamp)


def _is_public_key(text: str) -> bool:
    """Whether `type base64` is an SSH public key: the type stands inside it again, after its length."""
    kind, _, encoded = text.partition(" ")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    return blob[: 4 + len(kind)] == len(kind).to_bytes(4, "big") + kind.encode("ascii")
