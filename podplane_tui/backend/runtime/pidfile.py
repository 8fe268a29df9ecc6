"""The PID file podplane and we share: read it whatever it holds, write it so that both can read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.files import ASIDE, PowerCut, read_small_file, write_atomic

MAX_PID = 2**31 - 1


def go_json(value: object) -> bytes:
    """`value` as Go's `json.Marshal` writes it: compact, map keys sorted by the caller, `<`, `>`, `&` escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", errors="replace")


class PIDFile(NamedTuple):
    """One PID file: the PID, the string map beside it, and keys we don't know, which survive a rewrite."""

    path: Path
    pid: int
    data: Mapping[str, str] | None = None
    unknown: Mapping[str, object] = MappingProxyType({})

    @classmethod
    def read(cls, path: Path) -> PIDFile | None:
        """The file at `path`, None when there is none. Raises `CorruptFile` when it can't be understood."""
        content = read_small_file(path)
        return None if content is None else cls.parse(path, content)

    @classmethod
    def parse(cls, path: Path, content: bytes) -> PIDFile:
        """`content` as a PID file that stands at `path`. Raises `CorruptFile`."""
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise CorruptFile(f"{path} is not JSON", hint=ASIDE) from error
        if not isinstance(value, dict):
            raise CorruptFile(f"{path} is not a JSON object", hint=ASIDE)
        pid, data = value.pop("pid", None), value.pop("data", None)
        if not isinstance(pid, int) or isinstance(pid, bool) or not 0 < pid <= MAX_PID:
            raise CorruptFile(f"{path} has no valid PID", hint=ASIDE)
        if data is not None and not (isinstance(data, dict) and all(isinstance(v, str) for v in data.values())):
            raise CorruptFile(f"{path} has data that is not a map of strings", hint=ASIDE)
        return cls(path, pid, data, value)

    def content(self) -> bytes:
        """The bytes `write` puts on disk."""
        data = None if self.data is None else dict(sorted(self.data.items()))
        return go_json({"pid": self.pid, "data": data, **self.unknown})

    def write(self, *, after: PowerCut = PowerCut.NEW_OR_OLD) -> None:
        """Replace the file atomically; mode 0644, as podplane's. See `write_atomic`."""
        write_atomic(self.path, self.content(), mode=0o644, after=after)
