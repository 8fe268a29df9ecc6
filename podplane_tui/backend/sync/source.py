"""What a copy is made from, as it was when it was seen: so that a source which is lost deletes nothing in the VM.

With `--delete` a directory whose file system was unmounted, or that another one took the place of, would empty the copy
in the VM. A directory is opened before it is judged, and rsync reads that open directory: nothing can take its place in
between, and it can't be unmounted meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.filesystems import mount_points
from podplane_tui.backend.sync.rsync import copies_contents

_FEW = 4
"""Entries of which any number may go at once."""


class Seen(NamedTuple):
    """A source at one moment.

    `identity` is the device and inode of a directory; None for a file, which editors replace. `mounts` are where
    something is mounted, from the directory on downwards; `names` are its entries.
    """

    path: str
    identity: tuple[int, int] | None
    mounts: frozenset[Path]
    names: frozenset[str]


class OpenSource(NamedTuple):
    """A source that is held open. `operand` stands for it on rsync's command line, with `handle` open in rsync.

    Both are None where rsync gets the path of the request: for a file, a directory that is copied itself, and on
    systems that can't name an open directory.
    """

    seen: Seen
    operand: str | None = None
    handle: int | None = None

    def named(self, line: bytes) -> bytes:
        """A line of rsync's with the path of the source in the place of the operand."""
        if self.operand is None:
            return line
        return line.replace(os.fsencode(self.operand.rstrip("/")), os.fsencode(self.seen.path.rstrip("/")))


@contextlib.contextmanager
def open_source(source: str) -> Iterator[OpenSource]:
    """Hold `source` open for as long as the block lasts. Raises `OSError` when it is not there or can't be read."""
    handle = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        seen = _look(source, handle)
        if sys.platform == "linux" and seen.identity is not None and copies_contents(source):
            yield OpenSource(seen, f"/proc/self/fd/{handle}/", handle)
        else:
            yield OpenSource(seen)
    finally:
        os.close(handle)


def see(source: str) -> Seen:
    """The source as it is now. Raises what `open_source` does."""
    with open_source(source) as opened:
        return opened.seen


def is_empty(source: str) -> bool:
    """Whether `source` is a directory without entries. One that can't be read is not."""
    try:
        return not os.listdir(source)  # noqa: PTH208 - names are all that is needed
    except OSError:
        return False


def _look(source: str, handle: int) -> Seen:
    facts = os.fstat(handle)
    if not stat.S_ISDIR(facts.st_mode):
        return Seen(source, None, frozenset(), frozenset())
    real = Path(os.path.realpath(source))
    try:
        mounts = frozenset(point for point in mount_points() if point.is_relative_to(real))
    except OSError:
        mounts = frozenset()
    return Seen(source, (facts.st_dev, facts.st_ino), mounts, frozenset(os.listdir(handle)))


def loss(before: Seen, now: Seen) -> str:
    """Why what is in the VM might be deleted for no reason of the user's, "" when all is well."""
    path = one_line(before.path, limit=200)
    gone = sorted(before.mounts - now.mounts)
    if gone:
        return f"nothing is mounted on {one_line(str(gone[0]), limit=200)} any more"
    if before.identity != now.identity:
        if now.mounts - before.mounts:
            return f"something else is mounted on {path} now"
        return f"{path} is another {'directory' if now.identity else 'kind of file'} now"
    if before.names and now.identity and not now.names:
        return f"{path} is empty now"
    missing = len(before.names - now.names)
    if missing > _FEW and 2 * missing > len(before.names):
        return f"{missing} of the {len(before.names)} entries of {path} are gone"
    return ""


def is_missing(error: OSError) -> bool:
    """Whether the error says that the source is not there at all."""
    return error.errno in {errno.ENOENT, errno.ENOTDIR}
