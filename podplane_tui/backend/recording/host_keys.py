"""The SSH host keys that a console has shown, read from its recording into the VM's known hosts."""

from __future__ import annotations

from pathlib import Path

from podplane_tui.backend.boot.parser import BootParser
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.file import RecordingReader
from podplane_tui.backend.ssh.known_hosts import keep_shown, read_so_far

_BEGIN, _END = b"-----BEGIN SSH HOST KEY KEYS-----", b"-----END SSH HOST KEY KEYS-----"
_MAX_SHOWN = 64 * 1024
"""Bytes that a machine's keys may take on its console."""

_PIECE = 1024 * 1024


def learn(files: VMFiles, recording: Path) -> None:
    """Keep the host keys that a recording has shown last, if any that are not known yet.

    Only what has come since the last time is read. Raises `OSError`, `CorruptFile`.
    """
    name, offset = read_so_far(files.known_hosts)
    if recording.name < name:
        return  # names are times: newer ones were read
    shown, end = _last_shown(recording, offset if recording.name == name else 0)
    if shown:
        keep_shown(files.known_hosts, files.stem, shown, recording=recording.name, offset=end)


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
    return parser.boots[-1].host_keys if parser.boots else ()
