"""The SSH host keys known of a machine: those its console has shown, else those trusted on first use.

`<state>/known_hosts/<stem>` is in OpenSSH's format, for OpenSSH and paramiko alike. Keys that the console has shown are
marked; a key without the mark was taken on trust by whoever connected first. What the console shows takes the place of
everything before it, and nothing else ever does: a key that differs is refused until the old ones are forgotten.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.core.files import private_directory, read_small_file, write_atomic
from podplane_tui.backend.core.paths import VMFiles

_MARK = "shown-on-console"
_READ = re.compile(r"# console read: (?P<name>\S+) (?P<offset>\d{1,15})")
"""How far a recording was read for keys: what stands before it is known, or was forgotten."""

_PREFERRED = ("ssh-ed25519", "ecdsa-sha2-nistp256")
"""Key types in the order they are asked for: the cheapest to check first."""


@dataclass(frozen=True, slots=True)
class HostKeys:
    """`keys` are `type base64` texts, the preferred first; `verified` tells whether the console has shown them."""

    keys: tuple[str, ...] = ()
    verified: bool = False


def read_host_keys(path: Path) -> HostKeys:
    """What is known in the file at `path`. Raises `CorruptFile` when it can't be read."""
    keys, verified = [], False
    for line in _lines(path):
        words = line.split()
        if line.startswith("#") or len(words) < 3:
            continue
        keys.append(" ".join(words[1:3]))
        verified = verified or words[3:] == [_MARK]
    keys.sort(key=lambda key: (*_PREFERRED, kind := key.split()[0]).index(kind))
    return HostKeys(tuple(dict.fromkeys(keys)), verified)


def trust(path: Path, name: str, key: str) -> None:
    """Keep `key`, on first use, for the machine of that host name. Raises `OSError`, `CorruptFile`."""
    _write(path, [*_lines(path), f"{name} {key}"])


def read_so_far(path: Path) -> tuple[str, int]:
    """The recording that was read last for keys, and how far, in bytes; `("", 0)` for none.

    Raises `CorruptFile` when the file at `path` can't be read.
    """
    found = (_READ.fullmatch(line) for line in _lines(path))
    match = next((each for each in found if each is not None), None)
    return ("", 0) if match is None else (match["name"], int(match["offset"]))


def keep_shown(path: Path, name: str, keys: tuple[str, ...], *, recording: str, offset: int) -> None:
    """Put `keys`, which `recording` has shown up to `offset`, in the place of all that is known of host `name`.

    Raises `OSError`.
    """
    _write(path, [f"# console read: {recording} {offset}", *(f"{name} {key} {_MARK}" for key in keys)])


def forget(files: VMFiles, recording: Path | None) -> bool:
    """Forget all keys, those that `recording`, the newest, has shown so far among them; whether there were any.

    Raises `OSError`.
    """
    had = files.known_hosts.exists()
    lines = []
    if recording is not None:
        with contextlib.suppress(FileNotFoundError):
            lines = [f"# console read: {recording.name} {recording.stat().st_size}"]
    if had or lines:
        _write(files.known_hosts, lines)
    return had


def _lines(path: Path) -> list[str]:
    content = read_small_file(path, hint="replace it with podplane-tui shell --forget-host-key") or b""
    return content.decode("utf-8", "replace").splitlines()


def _write(path: Path, lines: list[str]) -> None:
    private_directory(path.parent)
    write_atomic(path, "".join(f"{line}\n" for line in lines).encode(), mode=0o600)
