"""What is remembered of one cluster, so that its next start needs no questions: `<state>/clusters/<stem>.json`.

Everything has a default. A file that can't be understood counts as none, for nothing in it is worth a refusal; what
other versions wrote into it survives a rewrite.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from podplane_tui.backend.errors import CorruptFile
from podplane_tui.backend.files import read_small_file, write_atomic
from podplane_tui.backend.paths import VMFiles


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How a cluster's machine is started and reached. "" stands for the default of each.

    `cpus` and `memory` are QEMU's spellings, `user_data` is the path of a file, `user` the name to log in with.
    """

    cpus: str = ""
    memory: str = ""
    user_data: str = ""
    user: str = ""


def read_settings(files: VMFiles) -> ClusterSettings:
    """What is remembered of the machine of `files`. Never raises."""
    return _parse(_read(files))


def update_settings(files: VMFiles, **changes: str) -> ClusterSettings:
    """Remember `changes`, whose names are those of `ClusterSettings`; give all that is remembered now.

    Raises `OSError`.
    """
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
    known = {item.name: raw.get(item.name) for item in fields(ClusterSettings)}
    return ClusterSettings(**{name: value for name, value in known.items() if isinstance(value, str)})
