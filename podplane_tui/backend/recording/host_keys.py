"""The SSH host keys that a console has shown, read from its recording into the VM's known hosts.

A console is written to by the whole guest. What stands between two lines is taken for the guest's host keys only where
cloud-init prints them: once per boot, in one of its stages; and only as long as no connection has verified the keys
that are known. Whatever else claims to be host keys changes nothing: where it differs, that is noted, for a warning.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from podplane_tui.backend.boot.model import KeyBlock
from podplane_tui.backend.boot.parser import BootParser
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.file import RecordingReader, parse_boots
from podplane_tui.backend.ssh.known_hosts import HostKeys, keep_shown, note_others, read_host_keys, read_so_far

_BEGIN, _END = b"-----BEGIN SSH HOST KEY KEYS-----", b"-----END SSH HOST KEY KEYS-----"
_MAX_SHOWN = 64 * 1024
"""Bytes that a machine's keys may take on its console."""

_PIECE = 1024 * 1024


def learn(files: VMFiles, recording: Path) -> None:
    """Keep the host keys that a recording has shown in a boot's cloud-init stage, unless those known are verified.

    Only what has come since the last time counts. Raises `OSError`, `CorruptFile`.
    """
    name, offset = read_so_far(files.known_hosts)
    if recording.name < name:
        return  # names are times: newer ones were read
    offset = offset if recording.name == name else 0
    shown, end = _last_shown(recording, offset)
    if not shown:
        return
    known = read_host_keys(files.known_hosts)
    if known.verified and known.proven:  # nothing that is shown can matter: a guest may show much
        blocks = [KeyBlock(shown, end, in_cloud_init=False)]
    else:
        boots = parse_boots(recording)
        blocks = [block for boot in boots for block in boot.key_blocks if offset <= block.offset < end]
    kept = _to_keep(known, blocks)
    if kept:
        keep_shown(files.known_hosts, files.stem, kept, recording=recording.name, offset=end, proven=known.proven)
        known = HostKeys(kept, verified=True)
    others = next((block.keys for block in reversed(blocks) if _differs(known.keys, block.keys)), ())
    if others or not kept:
        note_others(files.known_hosts, others, recording=recording.name, offset=end)


def _to_keep(known: HostKeys, blocks: Iterable[KeyBlock]) -> tuple[str, ...]:
    """The keys to know from now on: those shown last where they count; none when nothing changes.

    Keys that were trusted on first use and then verified by a connection take those shown with them.
    """
    shown = [block.keys for block in blocks if block.in_cloud_init]
    if known.proven:
        shown = [keys for keys in shown if not _differs(known.keys, keys)]
    return shown[-1] if shown else ()


def _differs(known: tuple[str, ...], shown: tuple[str, ...]) -> bool:
    """Whether what was shown can't be the keys of the same server: one of a type has another key, or none is known."""
    types = {key.partition(" ")[0]: key for key in known}
    told = any(types.get(key.partition(" ")[0], key) != key for key in shown)
    return bool(known) and (told or not set(known) & set(shown))


def _last_shown(recording: Path, offset: int) -> tuple[tuple[str, ...], int]:
    """The keys shown last behind `offset`, and where that ends; none when none were, or not all of them yet."""
    shown: tuple[str, ...] = ()
    end, text, start = offset, b"", offset
    with RecordingReader(recording, offset) as reader:
        while (chunk := reader.read(_PIECE)) is not None:
            if chunk.offset != start + len(text):
                text, start = b"", chunk.offset
            text += chunk.data
            while (begin := text.find(_BEGIN)) >= 0 and (close := text.find(_END, begin)) >= 0:
                cut = close + len(_END)
                shown = _keys_in(text[begin:cut]) or shown
                end = start + cut
                text, start = text[cut:], end
            keep = len(text) - begin if begin >= 0 and len(text) - begin <= _MAX_SHOWN else len(_BEGIN) - 1
            start += max(0, len(text) - keep)
            text = text[-keep:]
    return shown, end


def _keys_in(text: bytes) -> tuple[str, ...]:
    parser = BootParser()
    parser.feed(text + b"\n")
    return next((block.keys for boot in parser.boots for block in boot.key_blocks), ())
