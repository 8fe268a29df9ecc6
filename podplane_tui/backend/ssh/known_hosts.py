"""The SSH host keys known of a machine: those its console has shown, else those trusted on first use.

`<state>/known_hosts/<stem>` is in OpenSSH's format, for OpenSSH and paramiko alike. Keys that the console has shown are
marked; a key without the mark was taken on trust by whoever connected first, whose login verifies it. Keys that
cloud-init shows on the console take the place of what no login has verified. From then on nothing does, and a key that
differs is refused until the old ones are forgotten. What else was shown is noted for a warning.

Several of our processes may change the file: each looks and writes within `changing`. OpenSSH, which adds the key that
it trusts on first use, knows no lock; a key of its that is lost is trusted once more, or shown by the console.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.file_lock import alone
from podplane_tui.backend.core.files import read_small_file, write_atomic
from podplane_tui.backend.core.paths import VMFiles, lock_beside

_MARK = "shown-on-console"
_READ = re.compile(r"# console read: (?P<name>\S+) (?P<offset>\d{1,15})(?: parsed (?P<parsed>\d))?")
"""How far a recording was read for keys: what stands before it is known, or was forgotten."""

MAX_PARSED = 8
"""How often the boots of a recording are read for its keys: whoever shows them more often is not cloud-init."""

_PROVEN = "# verified by a connection"
_OTHERS = re.compile(r"# other keys shown: (?P<name>\S+) (?P<offset>\d{1,15}) (?P<fingerprint>\S{1,100})")

_PREFERRED = ("ssh-ed25519", "ecdsa-sha2-nistp256")
"""Key types in the order they are asked for: the cheapest to check first."""


@dataclass(frozen=True, slots=True)
class HostKeys:
    """`keys` are `type base64` texts, the preferred first; `verified` tells whether the console has shown them.

    `proven` tells whether a connection was made to a server that has them.
    """

    keys: tuple[str, ...] = ()
    verified: bool = False
    proven: bool = False


class ReadSoFar(NamedTuple):
    """The recording that was read last for keys, how far, in bytes, and how often its boots were read for them.

    They are read no more when that is `MAX_PARSED`.
    """

    recording: str = ""
    offset: int = 0
    parsed: int = 0


class OtherKeys(NamedTuple):
    """Host keys that a console has shown and that were not taken: in which recording, up to where, and one of them."""

    recording: str
    offset: int
    fingerprint: str

    @property
    def told(self) -> str:
        """The key, and where it was shown."""
        return f"{self.fingerprint}, {self.recording} up to byte {self.offset}"


def changing(path: Path) -> AbstractContextManager[None]:
    """Keep others from changing the file at `path` meanwhile. Raises `OSError`, `CorruptFile`."""
    return alone(lock_beside(path))


def read_host_keys(path: Path) -> HostKeys:
    """What is known in the file at `path`. Raises `CorruptFile` when it can't be read."""
    keys, verified, proven = [], False, False
    for line in _lines(path):
        words = line.split()
        proven = proven or line == _PROVEN
        if line.startswith("#") or len(words) < 3:
            continue
        keys.append(" ".join(words[1:3]))
        verified = verified or words[3:] == [_MARK]
    keys.sort(key=lambda key: (*_PREFERRED, kind := key.split()[0]).index(kind))
    return HostKeys(tuple(dict.fromkeys(keys)), verified, proven and bool(keys))


def trust(path: Path, name: str, key: str) -> None:
    """Keep `key`, on first use, for the VM of that host name, unless keys are known by now: those of its console.

    Raises `OSError`, `CorruptFile`.
    """
    with changing(path):
        if not read_host_keys(path).keys:
            _write(path, [*_lines(path), f"{name} {key}"])


def read_so_far(path: Path) -> ReadSoFar:
    """What was read for keys; nothing so far without a note. Raises `CorruptFile` when the file can't be read."""
    found = (_READ.fullmatch(line) for line in _lines(path))
    match = next((each for each in found if each is not None), None)
    return ReadSoFar() if match is None else ReadSoFar(match["name"], int(match["offset"]), int(match["parsed"] or 0))


def keep_shown(path: Path, name: str, keys: tuple[str, ...], *, read: ReadSoFar, proven: bool = False) -> None:
    """Put `keys`, which a recording has shown that was `read`, in the place of all that is known of host `name`.

    `proven` says that a connection has verified one of them. Only within `changing`. Raises `OSError`.
    """
    marks = [_read_line(read), *([_PROVEN] if proven else [])]
    _write(path, [*marks, *(f"{name} {key} {_MARK}" for key in keys)])


def note_others(path: Path, keys: tuple[str, ...], *, end: int, read: ReadSoFar) -> None:
    """Note what was `read`, and the `keys`, if any, that were shown in it, up to `end`, and were not taken.

    Only within `changing`. Raises `OSError`, `CorruptFile`.
    """
    lines = [line for line in _lines(path) if not _READ.fullmatch(line)]
    if keys:
        lines = [line for line in lines if not _OTHERS.fullmatch(line)]
        lines.append(f"# other keys shown: {read.recording} {end} {_fingerprint(keys[0])}")
    _write(path, [_read_line(read), *lines])


def other_keys(path: Path) -> OtherKeys | None:
    """What `note_others` has noted last since keys were kept or forgotten. Raises `CorruptFile`."""
    found = next((match for line in _lines(path) if (match := _OTHERS.fullmatch(line))), None)
    return None if found is None else OtherKeys(found["name"], int(found["offset"]), found["fingerprint"])


def prove(path: Path, before: tuple[str, ...]) -> None:
    """Note that a login succeeded before which the host keys `before` were known, if those are known still.

    Where none were, it was the first use: the one key that was trusted then is that of the server.
    Raises `OSError`, `CorruptFile`.
    """
    with changing(path):
        known = read_host_keys(path)
        trusted_now = not before and len(known.keys) == 1 and not known.verified
        if not known.proven and known.keys and (trusted_now or known.keys == before):
            _write(path, [*_lines(path), _PROVEN])


def _read_line(read: ReadSoFar) -> str:
    parsed = f" parsed {read.parsed}" if read.parsed else ""
    return f"# console read: {read.recording} {read.offset}{parsed}"


def _fingerprint(key: str) -> str:
    """As OpenSSH writes it: `SHA256:` and the digest in base64."""
    digest = hashlib.sha256(base64.b64decode(key.partition(" ")[2])).digest()
    return f"SHA256:{base64.b64encode(digest).rstrip(b'=').decode()}"


def forget(files: VMFiles, recording: Path | None) -> bool:
    """Forget all keys, those that `recording`, the newest, has shown so far among them; whether there were any.

    Raises `OSError`, `CorruptFile`.
    """
    if recording is None and not files.known_hosts.exists():
        return False
    with changing(files.known_hosts):
        had, lines = files.known_hosts.exists(), []
        if recording is not None:
            with contextlib.suppress(FileNotFoundError):
                lines = [_read_line(ReadSoFar(recording.name, recording.stat().st_size))]
        if had or lines:
            _write(files.known_hosts, lines)
    return had


def _lines(path: Path) -> list[str]:
    content = read_small_file(path, hint="replace it with podplane-tui shell --forget-host-key") or b""
    return content.decode("utf-8", "replace").splitlines()


def _write(path: Path, lines: list[str]) -> None:
    write_atomic(path, "".join(f"{line}\n" for line in lines).encode(), mode=0o600)
