"""What is remembered of one cluster, so that its next start needs no questions: `<state>/clusters/<stem>.json`.

Everything has a default. A file that can't be understood counts as none, for nothing in it is worth a refusal; what
other versions wrote into it survives a rewrite.
"""

from __future__ import annotations

import contextlib
import errno
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.files import private_directory, read_small_file, write_atomic
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.runtime.lock import release, try_acquire
from podplane_tui.backend.sync.rsync import SyncRequest, absolute_source

MAX_SYNCS = 8
"""Targets of `sync` that are remembered."""

_PATIENCE = 10.0
"""Seconds to wait for whoever is changing the same file, which takes no longer than a write."""

_RETRY = 0.01


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How a cluster's machine is started and reached. "" stands for the default of each.

    `cpus` and `memory` are QEMU's spellings, `user_data` is the path of a file, `user` the name to log in with,
    `syncs` what was copied into the machine, the latest first.
    """

    cpus: str = ""
    memory: str = ""
    user_data: str = ""
    user: str = ""
    syncs: tuple[SyncRequest, ...] = ()


def read_settings(files: VMFiles) -> ClusterSettings:
    """What is remembered of the machine of `files`. Never raises."""
    return _parse(_read(files))


def update_settings(files: VMFiles, **changes: Any) -> ClusterSettings:
    """Remember `changes`, whose names are those of `ClusterSettings`; give all that is remembered now.

    Raises `OSError`, `CorruptFile`.
    """
    with _alone(files):
        return _update(files, changes)


def remember_sync(files: VMFiles, request: SyncRequest) -> None:
    """Remember `request`, from whatever folder it was asked for, as the latest, in the place of one with the same ends.

    What can't be remembered is no reason not to copy: nothing is raised.
    """
    request = replace(request, source=absolute_source(request.source))
    ends = (request.source, request.destination)
    with contextlib.suppress(OSError, CorruptFile), _alone(files):
        others = [other for other in read_settings(files).syncs if (other.source, other.destination) != ends]
        _update(files, {"syncs": (request, *others)[:MAX_SYNCS]})


@contextlib.contextmanager
def _alone(files: VMFiles) -> Iterator[None]:
    """Keep others from changing the file between our look at it and our write: theirs would be lost."""
    private_directory(files.settings_lock.parent)
    deadline = time.monotonic() + _PATIENCE
    while (handle := try_acquire(files.settings_lock)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, "another program holds its lock: end that", str(files.settings_lock))
        time.sleep(_RETRY)
    try:
        yield
    finally:
        release(files.settings_lock, handle)


def _update(files: VMFiles, changes: Mapping[str, Any]) -> ClusterSettings:
    raw = _read(files)
    settings = replace(_parse(raw), **changes)
    content = json.dumps({**raw, **asdict(settings)}, indent=2)
    write_atomic(files.settings, content.encode(), mode=0o600)
    return settings


def _read(files: VMFiles) -> Mapping[str, object]:
    try:
        content = read_small_file(files.settings)
        value = json.loads(content) if content is not None else {}
    except (CorruptFile, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _parse(raw: Mapping[str, object]) -> ClusterSettings:
    values: dict[str, Any] = {}
    for item in fields(ClusterSettings):
        value = raw.get(item.name)
        if item.name == "syncs":
            requests = map(_parse_sync, value[:MAX_SYNCS] if isinstance(value, list) else [])
            values["syncs"] = tuple(request for request in requests if request is not None)
        elif isinstance(value, str):
            values[item.name] = value
    return ClusterSettings(**values)


def _parse_sync(raw: object) -> SyncRequest | None:
    """One target; None when it is not one."""
    if not isinstance(raw, dict):
        return None
    source, destination, chown = (raw.get(name, "") for name in ("source", "destination", "chown"))
    excludes = raw.get("excludes", [])
    texts = [source, destination, chown, *(excludes if isinstance(excludes, list) else [None])]
    if not all(isinstance(text, str) for text in texts) or not source or not destination:
        return None
    switches = {name: raw.get(name) is True for name in ("delete", "gitignore")}
    return SyncRequest(source, destination, chown, tuple(excludes), **switches)
