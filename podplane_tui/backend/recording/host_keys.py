"""The SSH host keys that a console has shown, read from its recording into the VM's known hosts.

A console is written to by the whole guest. What stands between two lines is taken for the guest's host keys only where
cloud-init prints them: once per boot, in one of its stages; only early in a recording; in the first boot behind
power-on, unless no key is known at all, for a later boot may be a user's text; and only as long as no connection has
verified the keys that are known. Whatever else claims to be host keys changes nothing: where it differs, that is noted,
for a warning. How far a recording was read is kept, so what a guest prints costs its bytes once, and a look has limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.boot.model import Boot
from podplane_tui.backend.boot.parser import BootParser
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.file import RecordingReader
from podplane_tui.backend.ssh.known_hosts import (
    MAX_PARSED,
    HostKeys,
    ReadSoFar,
    changing,
    keep_shown,
    note_others,
    read_host_keys,
    read_so_far,
)

_BEGIN, _END = b"-----BEGIN SSH HOST KEY KEYS-----", b"-----END SSH HOST KEY KEYS-----"
_KEY = b" AAAA"
_MAX_SHOWN = 16 * 1024
"""Bytes that a VM's keys may take on its console."""
_MAX_LOOK = 8 * 1024 * 1024
"""Bytes that one look goes on by; the next one goes on from there."""
_MAX_BLOCKS = 64
"""Different blocks that one look reads."""
_EARLY = 2 * 1024 * 1024
"""Bytes at the beginning of a recording in which keys count: cloud-init shows them within a tenth of that."""
_WORTH_NOTING = 64 * 1024
"""Bytes without keys that are rather read again than noted as read."""

_PIECE = 1024 * 1024


class _Shown(NamedTuple):
    """Host keys between the lines that frame them, and the offset behind those."""

    keys: tuple[str, ...]
    end: int


def learn(files: VMFiles, recording: Path, *, from_power_on: bool = True) -> None:
    """Keep the host keys that a recording has shown in its first boot's cloud-init stage, unless a login proved others.

    `from_power_on` says that it begins where the VM was switched on. Only what has come since the last time counts, and
    of much of that only the beginning is read. Raises `OSError`, `CorruptFile`.
    """
    while True:
        noted = read_so_far(files.known_hosts)
        if recording.name < noted.recording:
            return  # names are times: newer ones were read
        so_far = noted if recording.name == noted.recording else ReadSoFar(recording.name)
        blocks, offset = _shown_behind(recording, so_far.offset)
        if not blocks and offset - so_far.offset < _WORTH_NOTING:
            return
        with changing(files.known_hosts):
            if read_so_far(files.known_hosts) == noted:  # else another process has read it meanwhile
                _keep(files, recording, so_far, blocks, offset, from_power_on=from_power_on)
                return


def _keep(
    files: VMFiles, recording: Path, so_far: ReadSoFar, blocks: list[_Shown], offset: int, *, from_power_on: bool
) -> None:
    """Keep what counts of the `blocks` that were shown in a recording from `so_far` to `offset`, and note the rest."""
    known, kept, parsed = read_host_keys(files.known_hosts), tuple[str, ...](), so_far.parsed
    early = [each.end for each in blocks if each.end <= _EARLY and _may_count(known, each.keys)]
    if early and parsed < MAX_PARSED and (from_power_on or not known.keys):
        boots = _boots_until(recording, early[-1])
        kept = _to_keep(known, boots, start=so_far.offset, from_power_on=from_power_on)
        settled = bool(kept or known.keys) and _first_has_shown(boots)
        parsed = MAX_PARSED if settled else parsed + 1
    read = ReadSoFar(recording.name, offset, parsed)
    if kept:
        keep_shown(files.known_hosts, files.stem, kept, read=read, proven=known.proven)
        known = HostKeys(kept, verified=True)
    others = next((each for each in reversed(blocks) if _differs(known.keys, each.keys)), None)
    if others is not None:
        note_others(files.known_hosts, others.keys, end=others.end, read=read)
    elif not kept:
        note_others(files.known_hosts, (), end=offset, read=read)


def _may_count(known: HostKeys, shown: tuple[str, ...]) -> bool:
    """Whether keys that were shown would change what is known, if they were shown in the right place."""
    if known.proven:
        return not known.verified and set(known.keys) <= set(shown)
    return not known.verified or set(known.keys) != set(shown)


def _to_keep(known: HostKeys, boots: Iterable[Boot], *, start: int, from_power_on: bool) -> tuple[str, ...]:
    """The keys to know from now on: the first that count and were shown behind `start`; none when nothing changes.

    Those that a connection has verified stay as they are, and are shown as well, if they are among those.
    """
    for boot in boots:
        first = boot.number == 1 and from_power_on
        for block in boot.key_blocks:
            counts = block.in_cloud_init and block.offset >= start and (first or not known.keys)
            if counts and _may_count(known, block.keys):
                return known.keys if known.proven else block.keys
    return ()


def _first_has_shown(boots: tuple[Boot, ...]) -> bool:
    """Whether a recording's first boot has shown its keys, or is over: no other block of it will count."""
    return len(boots) > 1 or any(boot.host_keys or boot.ended for boot in boots)


def _differs(known: tuple[str, ...], shown: tuple[str, ...]) -> bool:
    """Whether what was shown can't be the keys of the same server: one of a type has another key, or none is known."""
    types = {key.partition(" ")[0]: key for key in known}
    told = any(types.get(key.partition(" ")[0], key) != key for key in shown)
    return bool(known) and (told or not set(known) & set(shown))


def _shown_behind(recording: Path, offset: int) -> tuple[list[_Shown], int]:
    """The keys shown behind `offset`, as far as one look goes, and where the next one has to go on."""
    blocks: list[_Shown] = []
    read: dict[bytes, tuple[str, ...]] = {}
    text, start, left = b"", offset, _MAX_LOOK
    with RecordingReader(recording, offset) as reader:
        while left > 0 and (chunk := reader.read(_PIECE)) is not None:
            if chunk.offset != start + len(text):
                text, start = b"", chunk.offset
            text += chunk.data
            left -= len(chunk.data)
            place = 0
            while (close := text.find(_END, place)) >= 0:
                begin, place = text.rfind(_BEGIN, place, close), close + len(_END)
                if begin < 0 or close - begin > _MAX_SHOWN or text.find(_KEY, begin, close) < 0:
                    continue
                block = text[begin:place]
                if block not in read:
                    if len(read) == _MAX_BLOCKS:
                        return blocks, start + begin
                    read[block] = _keys_in(block)
                if read[block]:
                    blocks.append(_Shown(read[block], start + place))
            begin = text.rfind(_BEGIN, place)
            if begin < 0 or len(text) - begin > _MAX_SHOWN:
                begin = max(place, len(text) - len(_BEGIN) + 1)
            text, start = text[begin:], start + begin
    return blocks, start


def _keys_in(text: bytes) -> tuple[str, ...]:
    parser = BootParser()
    parser.feed(text + b"\n")
    return next((block.keys for boot in parser.boots for block in boot.key_blocks), ())


def _boots_until(recording: Path, end: int) -> tuple[Boot, ...]:
    """The boots in a recording's first `end` bytes; none when there are so many that the first is not among them."""
    parser, offset = BootParser(), 0
    with RecordingReader(recording) as reader:
        while offset < end and (chunk := reader.read(min(_PIECE, end - offset))) is not None:
            if chunk.offset > offset:
                parser.skip(chunk.offset - offset)
            parser.feed(chunk.data[: max(0, end - chunk.offset)])
            offset = chunk.offset + len(chunk.data)
    boots = parser.boots
    return boots if boots and boots[0].number == 1 else ()
