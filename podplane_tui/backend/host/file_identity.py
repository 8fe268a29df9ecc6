"""What tells a file from the next one of its name, which may have the same inode number."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

_UNKNOWN = "unknown"
"""In place of the time in a key."""


class FileIdentity(NamedTuple):
    """A file: its inode, and when that was made, in nanoseconds since the epoch.

    `born` is None where the file system does not tell. The number of its device is not among it: many file systems get
    another one at every boot.
    """

    inode: int
    born: int | None

    @property
    def key(self) -> str:
        """A text to know the file by later on."""
        return f"{self.inode}:{_UNKNOWN if self.born is None else self.born}"

    def differs(self, key: object) -> bool:
        """Whether `key` is that of another file for sure. What one of the two does not tell is no difference."""
        inode, _, born = key.partition(":") if isinstance(key, str) else ("", "", "")
        if not inode.isdecimal():
            return False
        return inode != str(self.inode) or (born.isdecimal() and self.born is not None and born != str(self.born))


def file_identity(path: Path) -> FileIdentity | None:
    """That of the file at `path`, links followed; None when there is none to be seen. Never raises."""
    try:
        info = path.stat()
        return FileIdentity(info.st_ino, _born(path, info) or None)
    except (OSError, ValueError):
        return None


if sys.platform == "linux":
    import ctypes
    import struct

    _AT_FDCWD, _STATX_BTIME = -100, 0x800
    _MASK, _BTIME = struct.Struct("=I"), struct.Struct("=80xqI")
    """`struct statx` of statx(2): which fields were filled in; the time of birth, at byte 80."""

    def _born(path: Path, _info: os.stat_result) -> int:
        # Python gives what statx(2) tells from version 3.15 on.
        answer = ctypes.create_string_buffer(256)
        statx = getattr(ctypes.CDLL(None), "statx", None)  # glibc 2.28, musl 1.2.5
        if statx is None or statx(_AT_FDCWD, os.fsencode(path), 0, _STATX_BTIME, answer) != 0:
            return 0
        if not _MASK.unpack_from(answer)[0] & _STATX_BTIME:
            return 0
        seconds, nanoseconds = _BTIME.unpack_from(answer)
        return int(seconds * 10**9 + nanoseconds)

else:

    def _born(_path: Path, info: os.stat_result) -> int:
        return int(getattr(info, "st_birthtime", 0) * 10**9)  # macOS
