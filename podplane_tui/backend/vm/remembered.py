"""What is remembered of one cluster, so that its next start needs no questions: `<state>/clusters/<stem>.json`.

Everything has a default. A file that can't be understood counts as none, for nothing in it is worth a refusal; it stays
until something is to be remembered. What other versions wrote into it survives a rewrite, and one that can't be read is
never replaced.

All that is kept of a VM here and elsewhere (host keys, recordings, user-data) belongs to one disk, which the file
names: podplane, which knows nothing of it, may delete the VM and make another of the same ID.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from podplane_tui.backend.core.errors import CorruptFile, InUse
from podplane_tui.backend.core.file_lock import alone
from podplane_tui.backend.core.files import read_small_file, write_atomic
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.host.file_identity import FileIdentity, file_identity
from podplane_tui.backend.recording.store import discard, recordings
from podplane_tui.backend.ssh.known_hosts import forget
from podplane_tui.backend.sync.log import previous
from podplane_tui.backend.sync.rsync import SyncRequest, absolute_source

MAX_SYNCS = 8
"""Targets of `sync` that are remembered."""

_DISK = "disk"
"""The key of `FileIdentity.key`."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How a cluster's machine is started and reached. "" stands for the default of each.

    `cpus` and `memory` are QEMU's spellings, `user_data` is the path of a file, `user` the name to log in with,
    `syncs` what was copied into the VM, the latest first. `backing_chain` are the files that its disk makes QEMU
    read and that the user has confirmed, in words.
    """

    cpus: str = ""
    memory: str = ""
    user_data: str = ""
    user: str = ""
    syncs: tuple[SyncRequest, ...] = ()
    backing_chain: tuple[str, ...] = ()


def read_settings(files: VMFiles) -> ClusterSettings:
    """What is remembered of the VM of `files`: nothing that was remembered of a former disk. Never raises."""
    raw = _read(files)
    return ClusterSettings() if _is_former(raw, file_identity(files.image)) else _parse(raw)


def has_former(files: VMFiles) -> bool:
    """Whether what is remembered is that of a disk which was there before. Never raises."""
    return _is_former(_read(files), file_identity(files.image))


def claim(files: VMFiles, *, new: bool = False) -> None:
    """Make what is remembered be that of the present disk. What is left of a former one is forgotten.

    With `new` everything is; else only what is known to be of another disk. Raises `OSError`, `CorruptFile`, and
    `InUse` while a QEMU still runs on the former one, which may come back.
    """
    if not new and _is_claimed(files):  # then nothing is written, as where nothing can be
        return
    with alone(files.settings_lock):
        _claim(files, new=new)


def update_settings(files: VMFiles, **changes: Any) -> ClusterSettings:
    """Remember `changes`, whose names are those of `ClusterSettings`; give all that is remembered now.

    Raises `OSError`, `CorruptFile`, `InUse`.
    """
    with alone(files.settings_lock):
        _claim(files)
        return _update(files, changes)


def remember_sync(files: VMFiles, request: SyncRequest) -> None:
    """Remember `request`, from whatever folder it was asked for, as the latest, in the place of one with the same ends.

    What can't be remembered is no reason not to copy: nothing is raised.
    """
    request = replace(request, source=absolute_source(request.source), force=False)
    ends = (request.source, request.destination)
    with contextlib.suppress(OSError, CorruptFile, InUse), alone(files.settings_lock):
        _claim(files)
        others = [other for other in read_settings(files).syncs if (other.source, other.destination) != ends]
        _update(files, {"syncs": (request, *others)[:MAX_SYNCS]})


def _claim(files: VMFiles, *, new: bool = False) -> None:
    disk, raw = file_identity(files.image), _read(files) if new else _content(files)
    if disk is None or raw is None or (_is_of(raw, disk) and not new):
        return
    if new or _is_former(raw, disk):
        former = [each for each in recordings(files) if disk.born is not None and each.started_at * 10**9 < disk.born]
        if not new and any(recording.live for recording in former):
            raise InUse(
                f"the disk of {files.name} is another one than its QEMU has", hint="put that back, or end its QEMU"
            )
        raw = {}
        for path in (files.kept_user_data, files.sync_log, previous(files.sync_log)):
            path.unlink(missing_ok=True)
        for recording in former:
            discard(recording.path)
        newest = next(iter(recordings(files)), None)
        forget(files, None if newest is None else newest.path)
    write_atomic(files.settings, json.dumps({**raw, _DISK: disk.key}, indent=2).encode(), mode=0o600)


def _is_claimed(files: VMFiles) -> bool:
    disk = file_identity(files.image)
    return disk is None or _is_of(_read(files), disk)


def _is_of(raw: Mapping[str, object], disk: FileIdentity) -> bool:
    """Whether the file names this disk, as well as can be told now."""
    key = raw.get(_DISK)
    return key == disk.key or (key is not None and disk.born is None and not disk.differs(key))


def _is_former(raw: Mapping[str, object], disk: FileIdentity | None) -> bool:
    return disk is not None and disk.differs(raw.get(_DISK))


def _update(files: VMFiles, changes: Mapping[str, Any]) -> ClusterSettings:
    raw = _content(files) or {}
    settings = replace(_parse(raw), **changes)
    content = json.dumps({**raw, **asdict(settings)}, indent=2)
    write_atomic(files.settings, content.encode(), mode=0o600)
    return settings


def _content(files: VMFiles) -> Mapping[str, object] | None:
    """What the file holds, None where that can't be understood. Raises `CorruptFile` when it can't be read."""
    content = read_small_file(files.settings)
    try:
        value = json.loads(content) if content is not None else {}
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _read(files: VMFiles) -> Mapping[str, object]:
    """The same for who only looks: nothing where there is nothing to be had."""
    try:
        return _content(files) or {}
    except CorruptFile:
        return {}


def _parse(raw: Mapping[str, object]) -> ClusterSettings:
    values: dict[str, Any] = {}
    for item in fields(ClusterSettings):
        value = raw.get(item.name)
        if item.name == "syncs":
            requests = map(_parse_sync, value[:MAX_SYNCS] if isinstance(value, list) else [])
            values["syncs"] = tuple(request for request in requests if request is not None)
        elif item.name == "backing_chain":
            values[item.name] = tuple(map(str, value)) if isinstance(value, list) else ()
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
