"""What a copy is made from, as it was when it was seen: so that a source which is lost deletes nothing in the VM.

With `--delete` a directory whose file system was unmounted, or that another one took the place of, would empty the copy
in the VM. A directory is opened before it is judged, and rsync reads that open directory: nothing can take its place in
between, and it can't be unmounted meanwhile.

Builds empty their output directory, or remove it and make it again, and give most of its files new names. So how many
entries go says nothing, and a directory made again in the same place counts as the same. `SETTLING` is how long it may
be empty.
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

SETTLING = 5.0
"""Seconds a directory may be empty, as builds leave it, before it counts as lost."""


class Seen(NamedTuple):
    """A source at one moment.

    `identity` is the device and inode of a directory; None for a file, which editors replace. `place` is its path
    without links, and the device and inode of the directory above it. `mounts` are where something is mounted, from the
    directory on downwards; `empty` is whether it has no entries, and `modified` is when that last changed.
    """

    path: str
    identity: tuple[int, int] | None
    place: tuple[Path, int, int] | None
    mounts: frozenset[Path]
    empty: bool
    modified: int


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
        return Seen(source, None, None, frozenset(), empty=False, modified=0)
    real = Path(os.path.realpath(source))
    above = os.stat("..", dir_fd=handle)  # of the open directory, whatever its path leads to by now
    try:
        mounts = frozenset(point for point in mount_points() if point.is_relative_to(real))
    except OSError:
        mounts = frozenset()
    place = (real, above.st_dev, above.st_ino)
    empty = not os.listdir(handle)
    return Seen(source, (facts.st_dev, facts.st_ino), place, mounts, empty, facts.st_mtime_ns)


def loss(before: Seen, now: Seen) -> str:
    """Why what is in the VM might be deleted for no reason of the user's, "" when all is well.

    A directory that was made again on the same device, in the same place, is not lost; see `emptied` for it.
    """
    path = one_line(before.path, limit=200)
    for gone in sorted(before.mounts - now.mounts):
        return f"nothing is mounted on {one_line(str(gone), limit=200)} any more"
    for new in sorted(now.mounts - before.mounts):
        return f"something else is mounted on {one_line(str(new), limit=200)} now"
    if before.identity is None or now.identity is None:
        return "" if before.identity == now.identity else f"{path} is another kind of file now"
    if before.identity[0] != now.identity[0] or (before.identity != now.identity and before.place != now.place):
        return f"{path} is another directory now"
    return ""


def emptied(before: Seen, now: Seen) -> str:
    """What there is to say of a directory that has no entries any more, "" when it has. Builds fill it again soon."""
    return f"{one_line(before.path, limit=200)} is empty now" if now.empty and not before.empty else ""


def is_missing(error: OSError) -> bool:
    """Whether the error says that the source is not there at all."""
    return error.errno in {errno.ENOENT, errno.ENOTDIR}
